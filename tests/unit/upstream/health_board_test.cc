// What outlives a table, and what is forgotten.
#include "relay/upstream/health_board.h"

#include "relay/base/limits.h"

#include <gtest/gtest.h>

#include <array>

namespace culvert {
namespace {

using std::chrono::seconds;

constexpr std::array<size_t, 1> kTried = {1};

Upstream upstream_of(const std::string& name, const std::vector<std::string>& hosts) {
  Upstream out;
  out.name = name;
  for (const std::string& host : hosts) out.targets.push_back({{"https", host, 443, ""}, 1});
  out.strategies = {Strategy::kSocket, Strategy::kFetch};
  out.breaker.consecutive_failures = 1;
  out.breaker.window = seconds(30);
  out.breaker.open = seconds(5);
  out.breaker.ejected_percent_most = 50;
  out.concurrency.most = 10;
  return out;
}

class HealthBoardTest : public testing::Test {
 protected:
  FakeClock clock_;
  SeededRandom random_{4};
  HealthBoard board_{clock_};
};

TEST_F(HealthBoardTest, SurvivesAReloadThatKeepsTheTarget) {
  const Upstream before = upstream_of("openai", {"a.test", "b.test"});
  auto old = board_.join(before);
  old->target(1).breaker.force(before.breaker).failed();
  const Upstream after = upstream_of("openai", {"b.test", "c.test"});
  const auto health = board_.join(after);
  EXPECT_EQ(health->target(0).breaker.state(), BreakerState::kOpen);
  EXPECT_EQ(&health->budget(), &old->budget());
  EXPECT_EQ(&health->concurrency(), &old->concurrency());
  const auto report = health->report(after);
  EXPECT_EQ(report.targets[0].url, "https://b.test");
  EXPECT_EQ(report.targets[0].state, BreakerState::kOpen);
  EXPECT_EQ(report.targets[1].state, BreakerState::kClosed);
  EXPECT_EQ(report.concurrency.limit, 10U);
}

TEST_F(HealthBoardTest, WhatNoTableUsesIsForgotten) {
  for (int i = 0; i < 100; ++i) {
    (void)board_.join(upstream_of("u" + std::to_string(i), {"a.test"}));
  }
  const auto kept = board_.join(upstream_of("kept", {"a.test"}));
  EXPECT_EQ(board_.known_upstreams(), 1U);
}

TEST_F(HealthBoardTest, ChoosesWhatIsWellAndProbesOnce) {
  const Upstream upstream = upstream_of("openai", {"a.test", "b.test"});
  const auto health = board_.join(upstream);
  health->target(0).breaker.force(upstream.breaker).failed();
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(health->choose(upstream, {}, Leniency::kNotEjected, random_)->target, 1U);
  }
  EXPECT_FALSE(health->has(upstream, kTried, Leniency::kWell));
  EXPECT_TRUE(health->has(upstream, kTried, Leniency::kAny));
  clock_.advance(seconds(5));
  EXPECT_TRUE(health->has(upstream, kTried, Leniency::kWell));
  const auto probe = health->choose(upstream, kTried, Leniency::kWell, random_);
  ASSERT_TRUE(probe);
  EXPECT_TRUE(probe->pass.probe());
  EXPECT_FALSE(health->choose(upstream, kTried, Leniency::kWell, random_));
}

TEST_F(HealthBoardTest, NeverAllAreLeftAlone) {
  const Upstream upstream = upstream_of("openai", {"a.test", "b.test", "c.test", "d.test"});
  const auto health = board_.join(upstream);
  for (size_t i = 0; i < 4; ++i) health->target(i).breaker.force(upstream.breaker).failed();
  EXPECT_FALSE(health->has(upstream, {}, Leniency::kWell));
  EXPECT_TRUE(health->choose(upstream, {}, Leniency::kNotEjected, random_));
}

TEST_F(HealthBoardTest, RemembersTheHostsUsedLast) {
  const auto first = board_.guest(upstream_of("generic", {"first.test"}));
  EXPECT_EQ(board_.guest(upstream_of("generic", {"first.test"})), first);
  for (size_t i = 0; i < limits::kKnownHosts; ++i) {
    (void)board_.guest(upstream_of("generic", {"h" + std::to_string(i) + ".test"}));
  }
  EXPECT_EQ(board_.known_hosts(), limits::kKnownHosts);
  EXPECT_NE(board_.guest(upstream_of("generic", {"first.test"})), first);
}

}  // namespace
}  // namespace culvert
