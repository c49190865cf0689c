// What requests say about kept streams, right and wrong.
#include "relay/gate/replay_request.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

Headers with(std::string_view name, std::initializer_list<std::string_view> values) {
  Headers headers;
  for (const std::string_view value : values) headers.add(name, value);
  return headers;
}

TEST(ReplayRequest, AsksOrDoesNot) {
  EXPECT_EQ(*replay_asked({}), std::nullopt);
  EXPECT_EQ(*replay_asked(with("x-culvert-replay", {"1"})), true);
  EXPECT_EQ(*replay_asked(with("X-Culvert-Replay", {" 0 "})), false);
}

TEST(ReplayRequest, AnythingElseIsRefusedAndSaysWhatIsAllowed) {
  for (const std::string_view value : {"", "true", "2", "01", "1, 1", "yes"}) {
    const auto asked = replay_asked(with("X-Culvert-Replay", {value}));
    ASSERT_FALSE(asked) << value;
    EXPECT_EQ(asked.error().code, Code::kBadRequest);
    EXPECT_EQ(asked.error().detail, "X-Culvert-Replay is 1, so that the stream is kept, or 0");
  }
  EXPECT_FALSE(replay_asked(with("X-Culvert-Replay", {"1", "0"})));
}

TEST(ReplayRequest, WhereAReaderStands) {
  EXPECT_EQ(*last_event_of({}), 0U);
  EXPECT_EQ(*last_event_of(with("Last-Event-ID", {""})), 0U);
  EXPECT_EQ(*last_event_of(with("last-event-id", {"0"})), 0U);
  EXPECT_EQ(*last_event_of(with("Last-Event-ID", {" 40 "})), 40U);
  for (const std::string_view value :
       {"x", "-1", "+1", "1.0", "0x1", "1 2", "99999999999999999999"}) {
    const auto after = last_event_of(with("Last-Event-ID", {value}));
    ASSERT_FALSE(after) << value;
    EXPECT_EQ(after.error().code, Code::kBadRequest);
  }
  EXPECT_FALSE(last_event_of(with("Last-Event-ID", {"1", "2"})));
}

TEST(ReplayRequest, IdsHaveOneForm) {
  EXPECT_TRUE(is_stream_id("0123456789abcdef0123456789abcdef"));
  for (const std::string_view text :
       {"", "0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcdef0",
        "0123456789ABCDEF0123456789abcdef", "0123456789abcdeg0123456789abcdef"}) {
    EXPECT_FALSE(is_stream_id(text)) << text;
  }
}

}  // namespace
}  // namespace culvert
