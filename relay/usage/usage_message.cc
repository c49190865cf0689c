// Field by field. What came from outside is made UTF-8: protobuf refuses to read anything else.
#include "relay/usage/usage_message.h"

#include "relay/base/json_writer.h"

#include <algorithm>
#include <cmath>

namespace culvert {
namespace {

// The enumerations have the same words in the same order.
static_assert(static_cast<int>(UsageClass::kDelivered) == v1::USAGE_CLASS_DELIVERED);
static_assert(static_cast<int>(UsageClass::kAborted) == v1::USAGE_CLASS_ABORTED);
static_assert(static_cast<int>(UsageClass::kTruncated) == v1::USAGE_CLASS_TRUNCATED);
static_assert(static_cast<int>(UsageClass::kEstimated) == v1::USAGE_CLASS_ESTIMATED);
static_assert(static_cast<int>(UsageClass::kRefused) == v1::USAGE_CLASS_REFUSED);

uint32_t whole(double ms) { return static_cast<uint32_t>(std::clamp(std::round(ms), 0.0, 4e9)); }

}  // namespace

void to_message(const RequestRecord& record, v1::UsageRecord* out) {
  out->Clear();
  out->set_id(record.id);
  const auto since =
      std::chrono::duration_cast<std::chrono::milliseconds>(record.time.time_since_epoch());
  out->mutable_time()->set_seconds(since.count() / 1000);
  out->mutable_time()->set_nanos(static_cast<int32_t>(since.count() % 1000 * 1'000'000));
  out->set_class_(static_cast<v1::UsageClass>(record.usage.value_or(UsageClass::kDelivered)));
  out->set_tenant(record.tenant);
  out->set_token_id(record.token_id);
  out->set_route(record.route);
  out->set_upstream(record.upstream);
  out->set_model(valid_utf8(record.model));
  out->set_key(valid_utf8(record.key));
  out->set_status(record.status);
  if (record.tokens_in) out->set_input_tokens(*record.tokens_in);
  if (record.tokens_out) out->set_output_tokens(*record.tokens_out);
  if (record.tokens_cached) out->set_cached_tokens(*record.tokens_cached);
  if (record.tokens_reasoning) out->set_reasoning_tokens(*record.tokens_reasoning);
  out->set_bytes_in(record.bytes_in);
  out->set_bytes_out(record.bytes_out);
  if (record.first_token_ms >= 0) out->set_first_token_ms(whole(record.first_token_ms));
  out->set_total_ms(whole(record.total_ms));
  out->set_attempts(static_cast<uint32_t>(std::max(record.attempts, 0)));
  out->set_lost(record.lost);
}

}  // namespace culvert
