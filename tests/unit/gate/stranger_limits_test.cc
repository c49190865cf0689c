// An allowance for each address, in bounded memory.
#include "relay/gate/stranger_limits.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

Address address(std::string_view text) { return *Address::parse(text); }

TEST(StrangerLimits, RefillsWithTime) {
  StrangerLimits limits;
  Instant now{minutes(60)};
  const Address one = address("192.0.2.1");
  EXPECT_TRUE(limits.take(one, 6, 10, now));
  const auto refused = limits.take(one, 6, 10, now);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kRateLimited);
  EXPECT_EQ(refused.error().retry_after, 12);
  EXPECT_TRUE(limits.take(address("192.0.2.2"), 6, 10, now));
  now += seconds(12);
  EXPECT_TRUE(limits.take(one, 6, 10, now));
  EXPECT_FALSE(limits.take(one, 1, 10, now));
}

TEST(StrangerLimits, MoreThanAMinutesWorthNeverFits) {
  StrangerLimits limits;
  Instant now{minutes(60)};
  EXPECT_FALSE(limits.take(address("192.0.2.1"), 11, 10, now));
  now += minutes(60);
  EXPECT_FALSE(limits.take(address("192.0.2.1"), 11, 10, now));
}

TEST(StrangerLimits, NoneAtAll) {
  StrangerLimits limits;
  const auto refused = limits.take(address("192.0.2.1"), 1, 0, Instant(minutes(60)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnauthorized);
}

TEST(StrangerLimits, AClientOfIpv6IsItsNetwork) {
  StrangerLimits limits;
  const Instant now{minutes(60)};
  EXPECT_TRUE(limits.take(address("2001:db8::1"), 10, 10, now));
  EXPECT_FALSE(limits.take(address("2001:db8::ffff:2"), 1, 10, now));
  EXPECT_TRUE(limits.take(address("2001:db8:0:1::1"), 10, 10, now));
}

TEST(StrangerLimits, MemoryIsBounded) {
  StrangerLimits limits;
  Instant now{minutes(60)};
  int let_in = 0;
  for (int i = 0; i < 10'000; ++i) {
    const auto low = static_cast<uint8_t>(i & 0xFF);
    const auto high = static_cast<uint8_t>(i >> 8);
    let_in += limits.take(Address::v4({10, 0, high, low}), 1, 10, now) ? 1 : 0;
  }
  EXPECT_EQ(let_in, 4096);
  EXPECT_EQ(limits.addresses(), 4096U);
  now += minutes(1);
  EXPECT_TRUE(limits.take(address("192.0.2.1"), 1, 10, now));
  EXPECT_LT(limits.addresses(), 10U);
}

}  // namespace
}  // namespace culvert
