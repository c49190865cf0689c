// Every field of a record arrives in the message, and none stays from the record before.
#include "relay/usage/usage_message.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

RequestRecord full() {
  RequestRecord record;
  record.time = WallTime(std::chrono::milliseconds(1'700'000'000'123));
  record.id = "0123456789abcdef0123456789abcdef";
  record.tenant = "acme";
  record.token_id = "t1";
  record.route = "r";
  record.upstream = "openai";
  record.model = "gpt";
  record.key = "sk-a…zzzz";
  record.status = 200;
  record.usage = UsageClass::kAborted;
  record.tokens_in = 1;
  record.tokens_out = 2;
  record.tokens_cached = 3;
  record.tokens_reasoning = 4;
  record.bytes_in = 5;
  record.bytes_out = 6;
  record.first_token_ms = 7.4;
  record.total_ms = 8.6;
  record.attempts = 2;
  return record;
}

TEST(UsageMessage, HasEveryField) {
  v1::UsageRecord message;
  to_message(full(), &message);
  EXPECT_EQ(message.ShortDebugString(),
            "id: \"0123456789abcdef0123456789abcdef\" time { seconds: 1700000000 nanos: 123000000 "
            "} class: USAGE_CLASS_ABORTED tenant: \"acme\" token_id: \"t1\" route: \"r\" "
            "upstream: \"openai\" model: \"gpt\" key: \"sk-a\\342\\200\\246zzzz\" status: 200 "
            "input_tokens: 1 output_tokens: 2 cached_tokens: 3 reasoning_tokens: 4 bytes_in: 5 "
            "bytes_out: 6 first_token_ms: 7 total_ms: 9 attempts: 2");
}

TEST(UsageMessage, KeepsNothingOfTheOneBefore) {
  v1::UsageRecord message;
  to_message(full(), &message);
  RequestRecord bare;
  bare.id = "x";
  to_message(bare, &message);
  EXPECT_FALSE(message.has_input_tokens());
  EXPECT_FALSE(message.has_first_token_ms());
  EXPECT_TRUE(message.tenant().empty());
  EXPECT_EQ(message.status(), 0);
}

TEST(UsageMessage, CanBeReadWhateverAModelIsCalled) {
  RequestRecord record = full();
  record.model = "bad\xFFname";
  v1::UsageRecord message;
  to_message(record, &message);
  v1::UsageRecord again;
  EXPECT_TRUE(again.ParseFromString(message.SerializeAsString()));
  EXPECT_EQ(again.model(), "bad\xEF\xBF\xBDname");
}

}  // namespace
}  // namespace culvert
