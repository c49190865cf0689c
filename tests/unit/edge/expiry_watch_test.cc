// When a certificate's end is warned of. Time moves by hand.
#include "relay/edge/expiry_watch.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr int64_t kDay = 24 * 60 * 60;

class ExpiryWatchTest : public testing::Test {
 protected:
  int64_t now() const {
    return std::chrono::duration_cast<seconds>(clock_.wall().time_since_epoch()).count();
  }
  // Of a certificate good for so many days, of which so many are left.
  bool warns(int64_t life_days, int64_t left_days) {
    ExpiryWatch watch;
    const int64_t until = now() + left_days * kDay;
    return watch.warns(until - life_days * kDay, until, clock_.wall()).has_value();
  }
  FakeClock clock_;
};

TEST_F(ExpiryWatchTest, WarnsLateInACertificatesLife) {
  EXPECT_FALSE(warns(365, 22));
  EXPECT_TRUE(warns(365, 20));
  EXPECT_FALSE(warns(90, 28));  // when such are renewed
  EXPECT_TRUE(warns(90, 20));
  EXPECT_FALSE(warns(6, 2));
  EXPECT_TRUE(warns(6, 1));
}

TEST_F(ExpiryWatchTest, OnceADayUntilTheEndAndAfterIt) {
  ExpiryWatch watch;
  const int64_t until = now() + 3 * kDay;
  const int64_t from = until - 90 * kDay;
  EXPECT_EQ(watch.warns(from, until, clock_.wall()), 3 * kDay);
  EXPECT_FALSE(watch.warns(from, until, clock_.wall()));
  clock_.advance(hours(23));
  EXPECT_FALSE(watch.warns(from, until, clock_.wall()));
  clock_.advance(hours(1));
  EXPECT_EQ(watch.warns(from, until, clock_.wall()), 2 * kDay);
  clock_.advance(hours(72));
  EXPECT_EQ(watch.warns(from, until, clock_.wall()), 0);
}

TEST_F(ExpiryWatchTest, ARenewedOneIsQuietAndAnotherOneThatEndsIsNot) {
  ExpiryWatch watch;
  const int64_t until = now() + kDay;
  EXPECT_TRUE(watch.warns(until - 90 * kDay, until, clock_.wall()));
  EXPECT_FALSE(watch.warns(now(), now() + 90 * kDay, clock_.wall()));
  EXPECT_TRUE(watch.warns(until - 90 * kDay, until + 60, clock_.wall()));
  EXPECT_FALSE(watch.warns(0, 0, clock_.wall()));
}

}  // namespace
}  // namespace culvert
