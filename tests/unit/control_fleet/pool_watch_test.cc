// What of relays' reports is news about their pools. Time moves by hand.
#include "control/fleet/pool_watch.h"

#include "control/fleet/limits.h"

#include <gtest/gtest.h>

namespace culvert::control {
namespace {

class PoolWatchTest : public testing::Test {
 protected:
  static v1::MetricsReport report(uint32_t left, uint32_t keys = 3) {
    v1::MetricsReport made;
    v1::PoolCondition* pool = made.add_pools();
    pool->set_pool("p");
    pool->set_upstream("u");
    pool->set_keys(keys);
    pool->set_left(left);
    return made;
  }
  // "-2/3": fewer, "+3/3": more again, "": nothing.
  std::string look(const v1::MetricsReport& report, const std::string& relay = "r") {
    std::string out;
    for (const PoolNews& news : watch_.look(relay, report, clock_.now())) {
      EXPECT_EQ(news.pool, "p");
      EXPECT_EQ(news.upstream, "u");
      out += (news.shrunk ? "-" : "+") + std::to_string(news.left) + "/" +
             std::to_string(news.keys);
    }
    return out;
  }
  FakeClock clock_;
  PoolWatch watch_;
};

TEST_F(PoolWatchTest, EachChangeOnce) {
  EXPECT_EQ(look(report(3)), "");
  EXPECT_EQ(look(report(2)), "-2/3");
  EXPECT_EQ(look(report(2)), "");
  EXPECT_EQ(look(report(0)), "-0/3");
  EXPECT_EQ(look(report(3)), "+3/3");
  EXPECT_EQ(look(report(2), "other"), "-2/3");
}

TEST_F(PoolWatchTest, APoolThatIsFirstSeenWithoutSomeIsNews) { EXPECT_EQ(look(report(1)), "-1/3"); }

TEST_F(PoolWatchTest, AChangedConfigurationIsNone) {
  look(report(2, 3));
  EXPECT_EQ(look(report(4, 5)), "");
  EXPECT_EQ(look(v1::MetricsReport()), "");
  EXPECT_EQ(look(report(5, 5)), "");
}

TEST_F(PoolWatchTest, AFlappingOneIsToldWithinBounds) {
  uint32_t told = 0;
  for (uint32_t i = 0; i < 100; ++i) told += look(report(2 + i % 2)).empty() ? 0 : 1;
  EXPECT_EQ(told, limits::kPoolNews);
  EXPECT_EQ(look(report(1)), "");
  clock_.advance(limits::kPoolNewsWhile);
  EXPECT_EQ(look(report(1)), "-1/3");  // what was kept back
}

}  // namespace
}  // namespace culvert::control
