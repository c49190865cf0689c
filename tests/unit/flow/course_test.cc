// The way of a request through destinations, targets and strategies. Time moves by hand.
#include "relay/flow/course.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace culvert {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class CourseTest : public testing::Test {
 protected:
  CourseTest() {
    add("first", 2);
    add("second", 1);
  }
  void add(const std::string& name, int targets) {
    Upstream upstream;
    upstream.name = name;
    for (int i = 0; i < targets; ++i) {
      upstream.targets.push_back({{"https", name + std::to_string(i) + ".test", 443, ""}, 1});
    }
    upstream.strategies = {Strategy::kSocket};
    upstream.retry.attempts = 6;
    upstream.retry.statuses = {429, 500, 502, 503, 504, 529};
    upstream.retry.backoff = milliseconds(250);
    upstream.retry.backoff_most = seconds(8);
    upstream.retry.within = seconds(60);
    upstream.retry.budget_percent = 10;
    upstream.retry.budget_least = 3;
    upstream.breaker.consecutive_failures = 5;
    upstream.breaker.window = seconds(30);
    upstream.breaker.open = seconds(5);
    upstream.breaker.ejected_percent_most = 50;
    upstreams_[name] = upstream;
    joined_[name] = board_.join(upstreams_[name]);
  }
  Course course(const std::vector<std::string>& names = {"first", "second"}) {
    Stops stops;
    for (const std::string& name : names) {
      const Upstream& upstream = upstreams_[name];
      stops.push_back({nullptr, &upstream, joined_[name], upstream.retry});
    }
    return {clock_, random_, true, std::move(stops)};
  }
  static std::string host(const Course& course) { return course.target().url.host; }
  void trip(const std::string& name, size_t target) {
    for (int i = 0; i < 5; ++i) {
      joined_[name]->target(target).breaker.force(upstreams_[name].breaker).failed();
    }
  }
  static Ending refused_connection() {
    return Ending::broken(
        Error::upstream(Code::kConnectFailed, Stage::kConnect, Retry::kOtherUpstream, {}));
  }
  static Ending overloaded() {
    return Ending::broken(Error::ours(Code::kOverloaded, Stage::kLimit, {}));
  }

  FakeClock clock_;
  SeededRandom random_{17};
  HealthBoard board_{clock_};
  std::map<std::string, Upstream> upstreams_;
  std::map<std::string, std::shared_ptr<const UpstreamHealth>> joined_;
};

TEST_F(CourseTest, WalksTargetsThenDestinationsThenWaits) {
  Course way = course();
  std::set<std::string> seen;
  way.begin();
  seen.insert(host(way));
  EXPECT_EQ(way.judge(Ending::answer(503), {}).next, Next::kOtherTarget);
  seen.insert(host(way));
  EXPECT_EQ(seen, (std::set<std::string>{"first0.test", "first1.test"}));
  EXPECT_EQ(way.judge(Ending::answer(503), {}).next, Next::kOtherDestination);
  EXPECT_EQ(host(way), "second0.test");
  const auto last = way.judge(Ending::answer(503), {});
  EXPECT_EQ(last.next, Next::kSameTarget);
  EXPECT_GT(last.pause, Duration::zero());
  EXPECT_EQ(host(way), "second0.test");
  EXPECT_EQ(way.judge(Ending::answer(200), {}).next, Next::kDone);
  EXPECT_EQ(way.calls(), 4U);
}

// A stream that broke off: elsewhere first, and with new bounds each time.
TEST_F(CourseTest, WhatBrokeOffBeginsAgainElsewhere) {
  Course way = course();
  way.begin();
  const std::string before = host(way);
  EXPECT_EQ(way.judge(Ending::answer(200), {}).next, Next::kDone);
  way.broke_off();
  way.begin_again(true);
  EXPECT_EQ(host(way), before);
  EXPECT_EQ(way.judge(Ending::answer(200), {}).next, Next::kDone);
  way.begin_again(false);
  EXPECT_NE(host(way), before);
  EXPECT_EQ(way.step().stop->upstream->name, "first");
  trip("first", 0);
  trip("first", 1);
  EXPECT_EQ(way.judge(Ending::answer(200), {}).next, Next::kDone);
  way.begin_again(false);
  EXPECT_EQ(host(way), "second0.test");
  EXPECT_EQ(way.judge(Ending::answer(200), {}).next, Next::kDone);
  way.begin_again(false);  // nothing else is well
  EXPECT_EQ(host(way), "second0.test");
}

TEST_F(CourseTest, BeginningAgainIsCountedAsAFurtherTry) {
  Course way = course({"second"});
  way.begin();
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(way.judge(Ending::answer(200), {}).next, Next::kDone);
    way.begin_again(false);
  }
  EXPECT_EQ(way.judge(Ending::answer(503), {}).next, Next::kDone) << "the budget is spent";
}

TEST_F(CourseTest, WhatIsKnownToFailIsPassedOver) {
  trip("first", 0);
  for (int i = 0; i < 20; ++i) {
    Course way = course();
    way.begin();
    EXPECT_EQ(host(way), "first1.test");
  }
  trip("first", 1);
  Course way = course();
  way.begin();
  EXPECT_EQ(host(way), "second0.test");
}

TEST_F(CourseTest, WhereAllFailTheFirstIsAskedAnyway) {
  trip("first", 0);
  trip("first", 1);
  trip("second", 0);
  Course way = course();
  way.begin();
  EXPECT_EQ(way.step().stop->upstream->name, "first");
  EXPECT_EQ(way.judge(Ending::answer(200), {}).next, Next::kDone);
  EXPECT_EQ(joined_["first"]->target(way.step().target).breaker.state(), BreakerState::kClosed);
}

TEST_F(CourseTest, AnOutageOfAllIsNotMultiplied) {
  trip("first", 0);
  trip("first", 1);
  trip("second", 0);
  uint32_t calls = 0;
  for (int i = 0; i < 1000; ++i) {
    Course way = course();
    way.begin();
    while (way.judge(refused_connection(), {}).next != Next::kDone) continue;
    calls += way.calls();
    clock_.advance(milliseconds(10));
  }
  EXPECT_LE(calls, 1110U);
}

TEST_F(CourseTest, GivesUpTheTurnOfAProbeThatSaysNothing) {
  trip("first", 0);
  trip("first", 1);
  clock_.advance(seconds(5));
  {
    Course way = course({"first"});
    way.begin();
  }
  EXPECT_TRUE(joined_["first"]->has(upstreams_["first"], {}, Leniency::kWell));
}

TEST_F(CourseTest, OurOwnRefusalGoesOnWithoutHavingCalled) {
  Course way = course();
  way.begin();
  EXPECT_EQ(way.judge(overloaded(), {}).next, Next::kOtherDestination);
  EXPECT_EQ(host(way), "second0.test");
  EXPECT_EQ(way.calls(), 0U);
  EXPECT_EQ(way.judge(overloaded(), {}).next, Next::kDone);
}

TEST_F(CourseTest, StrategiesComeBeforeTargetsAndSpareTheBreaker) {
  upstreams_["second"].strategies = {Strategy::kSocket, Strategy::kFetch};
  for (int i = 0; i < 10; ++i) {
    Course way = course({"second"});
    way.begin();
    if (i == 0) {
      EXPECT_EQ(way.step().strategy, Strategy::kSocket);
      EXPECT_EQ(way.judge(refused_connection(), {}).next, Next::kOtherStrategy);
    }
    EXPECT_EQ(way.step().strategy, Strategy::kFetch) << i;  // remembered from then on
    EXPECT_EQ(way.judge(Ending::answer(200), {}).next, Next::kDone);
  }
  EXPECT_EQ(joined_["second"]->target(0).breaker.consecutive_failures(), 0U);
}

// The first request finds out; for a while the next ones do not walk all ways to what is down.
TEST_F(CourseTest, WhereAllWaysFailOneAtATimeTriesThemAll) {
  upstreams_["second"].strategies = {Strategy::kSocket, Strategy::kFetch};
  upstreams_["second"].retry.budget_least = 0;
  int walked = 0;
  for (int i = 0; i < 4; ++i) {  // before the breaker opens
    Course way = course({"second"});
    way.begin();
    while (way.judge(refused_connection(), {}).next != Next::kDone) ++walked;
  }
  EXPECT_EQ(walked, 1);
  clock_.advance(seconds(5));
  Course way = course({"second"});
  way.begin();
  EXPECT_EQ(way.judge(refused_connection(), {}).next, Next::kOtherStrategy);
}

TEST_F(CourseTest, AProbeTriesAllWays) {
  upstreams_["second"].strategies = {Strategy::kSocket, Strategy::kFetch};
  upstreams_["second"].retry.budget_least = 0;
  trip("second", 0);
  {
    Course way = course({"second"});
    way.begin();  // nothing else is left, but it is no probe
    EXPECT_EQ(way.judge(refused_connection(), {}).next, Next::kDone);
  }
  clock_.advance(seconds(5));
  Course probe = course({"second"});
  probe.begin();
  EXPECT_EQ(probe.judge(refused_connection(), {}).next, Next::kOtherStrategy);
  EXPECT_EQ(probe.judge(Ending::answer(200), {}).next, Next::kDone);
  EXPECT_EQ(joined_["second"]->target(0).breaker.state(), BreakerState::kClosed);
}

// Who was sent to find out whether a target has recovered does not pay for it.
TEST_F(CourseTest, AProbesRequestIsOwedATryElsewhere) {
  upstreams_["first"].retry.budget_percent = upstreams_["first"].retry.budget_least = 0;
  trip("first", 0);
  clock_.advance(seconds(5));
  int probes = 0;
  for (int i = 0; i < 50 && probes == 0; ++i) {
    Course way = course({"first"});
    way.begin();
    if (host(way) != "first0.test") continue;
    ++probes;
    EXPECT_EQ(way.judge(refused_connection(), {}).next, Next::kOtherTarget);
    EXPECT_EQ(host(way), "first1.test");
  }
  EXPECT_EQ(probes, 1);
}

TEST_F(CourseTest, KeysDoNotUseUpTheAttempts) {
  Course way = course({"second"});
  way.begin();
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(way.judge(Ending::answer(401, {}, true), {.other_key = true}).next, Next::kOtherKey);
  }
  EXPECT_EQ(way.judge(Ending::answer(503), {}).next, Next::kSameTarget);
  EXPECT_EQ(way.calls(), 21U);
}

TEST_F(CourseTest, AKeyIsChangedInPlace) {
  Course way = course();
  way.begin();
  const std::string before = host(way);
  const Ending refused = Ending::answer(429, std::nullopt, true);
  EXPECT_EQ(way.judge(refused, {.other_key = true}).next, Next::kOtherKey);
  EXPECT_EQ(host(way), before);
  EXPECT_EQ(way.judge(refused, {}).next, Next::kOtherDestination);
}

TEST_F(CourseTest, ADeadPooledConnectionIsNobodysFault) {
  Course way = course();
  way.begin();
  const std::string before = host(way);
  const Ending died = Ending::broken(
      Error::upstream(Code::kUpstreamClosed, Stage::kSend, Retry::kFreshConnection, {}));
  EXPECT_EQ(way.judge(died, {.exposed = true}).next, Next::kFreshConnection);
  EXPECT_TRUE(way.step().fresh_connection);
  EXPECT_EQ(host(way), before);
  EXPECT_EQ(joined_["first"]->target(way.step().target).breaker.consecutive_failures(), 0U);
  EXPECT_NE(way.judge(died, {.exposed = true}).next, Next::kFreshConnection);
}

TEST_F(CourseTest, FallingBackToTheSameUpstreamIsAFurtherTry) {
  int further = 0;
  for (int i = 0; i < 10; ++i) {
    Course way = course({"second", "second"});  // as with another model
    way.begin();
    if (way.judge(Ending::answer(500), {}).next == Next::kOtherDestination) ++further;
    joined_["second"]->target(0).breaker.force(upstreams_["second"].breaker).succeeded();
  }
  EXPECT_GE(further, 3);
  EXPECT_LE(further, 4);
}

TEST_F(CourseTest, AnAnswerThatBreaksOffCountsAgainstItsTarget) {
  for (int i = 0; i < 3; ++i) {
    Course way = course({"second"});
    way.begin();
    EXPECT_EQ(way.judge(Ending::answer(200), {}).next, Next::kDone);
    way.broke_off();
  }
  EXPECT_EQ(joined_["second"]->target(0).breaker.consecutive_failures(), 1U);
}

}  // namespace
}  // namespace culvert
