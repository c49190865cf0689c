// Choosing among keys, and what the upstream's verdicts do to them. Time moves by hand.
#include "relay/keys/pool.h"

#include "relay/base/limits.h"
#include "relay/keys/key_ring.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace culvert {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr auto kRest = seconds(60);
constexpr auto kIsolation = minutes(10);

class PoolTest : public testing::Test {
 protected:
  std::shared_ptr<const KeyPoolState> pool(KeyPolicy policy, size_t keys = 3) {
    KeyPool spec;
    spec.upstream = "openai";
    spec.policy = policy;
    spec.rest = kRest;
    spec.isolation = kIsolation;
    for (size_t i = 0; i < keys; ++i) spec.keys.emplace_back(key_text(i));
    return ring_.pool(spec);
  }
  static std::string key_text(size_t index) {
    return "sk-key-number-" + std::to_string(1000 + index);
  }
  static Lease take(const std::shared_ptr<const KeyPoolState>& from,
                    const std::vector<size_t>& tried = {},
                    std::string_view sticky = {}) {
    auto lease = from->choose(tried, sticky);
    EXPECT_TRUE(lease);
    return std::move(lease).value();
  }
  static size_t chosen(const std::shared_ptr<const KeyPoolState>& from,
                       const std::vector<size_t>& tried = {},
                       std::string_view sticky = {}) {
    return take(from, tried, sticky).index();
  }
  // Takes exactly that key and reports on it.
  static void verdict(const std::shared_ptr<const KeyPoolState>& from,
                      size_t index,
                      KeyVerdict what,
                      std::optional<Duration> wait = std::nullopt) {
    std::vector<size_t> others;
    for (size_t i = 0; i < from->size(); ++i) {
      if (i != index) others.push_back(i);
    }
    take(from, others).report(what, wait);
  }

  FakeClock clock_;
  SeededRandom random_{42};
  KeyRing ring_{clock_, random_};
};

TEST_F(PoolTest, RoundRobinTakesTurns) {
  const auto keys = pool(KeyPolicy::kRoundRobin);
  std::vector<size_t> order;
  for (int i = 0; i < 6; ++i) order.push_back(chosen(keys));
  EXPECT_EQ(order, (std::vector<size_t>{0, 1, 2, 0, 1, 2}));
}

TEST_F(PoolTest, RoundRobinStaysEvenAroundAKeyThatRests) {
  const auto keys = pool(KeyPolicy::kRoundRobin, 4);
  verdict(keys, 1, KeyVerdict::kRateLimited);
  std::map<size_t, int> share;
  for (int i = 0; i < 300; ++i) ++share[chosen(keys)];
  EXPECT_EQ(share, (std::map<size_t, int>{{0, 100}, {2, 100}, {3, 100}}));
}

TEST_F(PoolTest, RandomDrawsAllEvenly) {
  const auto keys = pool(KeyPolicy::kRandom);
  std::map<size_t, int> share;
  for (int i = 0; i < 3000; ++i) ++share[chosen(keys)];
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(share[i], 1000, 150) << i;
}

TEST_F(PoolTest, RandomStaysEvenAmongTheFewThatAreLeft) {
  const auto keys = pool(KeyPolicy::kRandom, 60);
  for (size_t i = 0; i < 60; ++i) {
    if (i != 7 && i != 8) verdict(keys, i, KeyVerdict::kRateLimited);
  }
  std::map<size_t, int> share;
  for (int i = 0; i < 1000; ++i) ++share[chosen(keys)];
  EXPECT_EQ(share.size(), 2U);
  EXPECT_NEAR(share[7], 500, 100);
}

TEST_F(PoolTest, LeastUsedCountsWhatIsInFlightFirst) {
  const auto keys = pool(KeyPolicy::kLeastUsed);
  const Lease first = take(keys);
  const Lease second = take(keys);
  EXPECT_NE(first.index(), second.index());
  const size_t third = chosen(keys);
  EXPECT_NE(third, first.index());
  EXPECT_NE(third, second.index());
  EXPECT_EQ(chosen(keys), third);  // the others still carry a request
}

TEST_F(PoolTest, LeastUsedThenCountsAllRequests) {
  const auto keys = pool(KeyPolicy::kLeastUsed);
  std::map<size_t, int> share;
  for (int i = 0; i < 30; ++i) ++share[chosen(keys)];
  EXPECT_EQ(share, (std::map<size_t, int>{{0, 10}, {1, 10}, {2, 10}}));
}

TEST_F(PoolTest, StickyGivesACallerOneKey) {
  const auto keys = pool(KeyPolicy::kSticky, 8);
  std::set<size_t> used;
  for (int caller = 0; caller < 100; ++caller) {
    const std::string name = "caller" + std::to_string(caller);
    const size_t first = chosen(keys, {}, name);
    used.insert(first);
    for (int again = 0; again < 3; ++again) EXPECT_EQ(chosen(keys, {}, name), first);
  }
  EXPECT_EQ(used.size(), 8U);
}

TEST_F(PoolTest, StickyMovesOnlyTheCallersOfAKeyThatRests) {
  const auto keys = pool(KeyPolicy::kSticky, 8);
  std::map<std::string, size_t> before;
  for (int caller = 0; caller < 200; ++caller) {
    const std::string name = "caller" + std::to_string(caller);
    before[name] = chosen(keys, {}, name);
  }
  verdict(keys, 3, KeyVerdict::kRateLimited);
  std::set<size_t> taken_over;
  for (const auto& [name, key] : before) {
    const size_t now = chosen(keys, {}, name);
    if (key == 3) {
      taken_over.insert(now);
    } else {
      EXPECT_EQ(now, key) << name;
    }
  }
  EXPECT_EQ(taken_over.count(3), 0U);
  EXPECT_GT(taken_over.size(), 3U);  // spread, not all on one neighbour
  clock_.advance(kRest);
  for (const auto& [name, key] : before) EXPECT_EQ(chosen(keys, {}, name), key) << name;
}

TEST_F(PoolTest, TriedKeysAreNotChosenAgain) {
  for (const KeyPolicy policy :
       {KeyPolicy::kRoundRobin, KeyPolicy::kRandom, KeyPolicy::kLeastUsed, KeyPolicy::kSticky}) {
    const auto keys = pool(policy);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(chosen(keys, {0, 2}, "c"), 1U);
    EXPECT_FALSE(keys->choose({0, 1, 2}, "c"));
  }
}

TEST_F(PoolTest, ARateLimitRestsTheKeyForAsLongAsTold) {
  const auto keys = pool(KeyPolicy::kRoundRobin);
  verdict(keys, 0, KeyVerdict::kRateLimited, seconds(5));
  EXPECT_EQ(keys->health(0), KeyHealth::kResting);
  for (int i = 0; i < 6; ++i) EXPECT_NE(chosen(keys), 0U);
  clock_.advance(seconds(5) - milliseconds(1));
  EXPECT_EQ(keys->health(0), KeyHealth::kResting);
  clock_.advance(milliseconds(1));
  EXPECT_EQ(keys->health(0), KeyHealth::kReady);
  std::set<size_t> used;
  for (int i = 0; i < 3; ++i) used.insert(chosen(keys));
  EXPECT_EQ(used.count(0), 1U);
}

TEST_F(PoolTest, WithoutATimeAKeyRestsAsConfigured) {
  const auto keys = pool(KeyPolicy::kRoundRobin);
  verdict(keys, 0, KeyVerdict::kRateLimited);
  clock_.advance(kRest - seconds(1));
  EXPECT_EQ(keys->health(0), KeyHealth::kResting);
  clock_.advance(seconds(1));
  EXPECT_EQ(keys->health(0), KeyHealth::kReady);
}

TEST_F(PoolTest, RestsAreBoundedBothWays) {
  const auto keys = pool(KeyPolicy::kRoundRobin);
  verdict(keys, 0, KeyVerdict::kRateLimited, hours(24 * 365));
  verdict(keys, 1, KeyVerdict::kRateLimited, Duration::zero());
  EXPECT_EQ(keys->health(1), KeyHealth::kResting);
  clock_.advance(seconds(1));
  EXPECT_EQ(keys->health(1), KeyHealth::kReady);
  clock_.advance(limits::kKeyRestMost);
  EXPECT_EQ(keys->health(0), KeyHealth::kReady);
}

TEST_F(PoolTest, AllRestingSaysWhenTheFirstIsBack) {
  const auto keys = pool(KeyPolicy::kRoundRobin);
  verdict(keys, 0, KeyVerdict::kRateLimited, seconds(30));
  verdict(keys, 1, KeyVerdict::kRateLimited, milliseconds(7200));
  verdict(keys, 2, KeyVerdict::kRateLimited, seconds(90));
  const auto none = keys->choose({}, {});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kKeysRateLimited);
  EXPECT_EQ(http_status(none.error().code), 429);
  EXPECT_EQ(none.error().retry_after, 8);  // rounded up: not sooner than it is true
  EXPECT_EQ(none.error().stage, Stage::kLimit);
}

TEST_F(PoolTest, AllIsolatedIsUnavailable) {
  const auto keys = pool(KeyPolicy::kRoundRobin, 2);
  verdict(keys, 0, KeyVerdict::kRefused);
  verdict(keys, 1, KeyVerdict::kRefused);
  const auto none = keys->choose({}, {});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kKeysUnavailable);
  EXPECT_EQ(http_status(none.error().code), 503);
  EXPECT_EQ(none.error().retry_after, 600);
}

// surface: 429 only "if all keys are rate-limited".
TEST_F(PoolTest, RestingAndIsolatedTogetherAreUnavailable) {
  const auto keys = pool(KeyPolicy::kRoundRobin, 2);
  verdict(keys, 0, KeyVerdict::kRefused);
  verdict(keys, 1, KeyVerdict::kRateLimited, seconds(5));
  const auto none = keys->choose({}, {});
  EXPECT_EQ(none.error().code, Code::kKeysUnavailable);
  EXPECT_EQ(none.error().retry_after, 5);
}

TEST_F(PoolTest, ARefusedKeyIsTestedByOneRequestAtATime) {
  const auto keys = pool(KeyPolicy::kRoundRobin, 1);
  verdict(keys, 0, KeyVerdict::kRefused);
  EXPECT_EQ(keys->health(0), KeyHealth::kIsolated);
  EXPECT_FALSE(keys->choose({}, {}));
  clock_.advance(kIsolation);
  // Time alone does not make it good.
  EXPECT_EQ(keys->health(0), KeyHealth::kIsolated);
  Lease test = take(keys);
  const auto second = keys->choose({}, {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kKeysUnavailable);
  EXPECT_GE(second.error().retry_after, 1);
  test.report(KeyVerdict::kGood);
  EXPECT_EQ(keys->health(0), KeyHealth::kReady);
  EXPECT_TRUE(keys->choose({}, {}));
}

TEST_F(PoolTest, ATestThatFailsIsolatesAgain) {
  const auto keys = pool(KeyPolicy::kRoundRobin, 1);
  verdict(keys, 0, KeyVerdict::kRefused);
  clock_.advance(kIsolation);
  verdict(keys, 0, KeyVerdict::kRefused);
  EXPECT_FALSE(keys->choose({}, {}));
  clock_.advance(kIsolation);
  EXPECT_TRUE(keys->choose({}, {}));
}

TEST_F(PoolTest, ATestWithoutAVerdictLetsTheNextOneTest) {
  const auto keys = pool(KeyPolicy::kRoundRobin, 1);
  verdict(keys, 0, KeyVerdict::kRefused);
  clock_.advance(kIsolation);
  { const Lease client_left = take(keys); }
  EXPECT_TRUE(keys->choose({}, {}));
  EXPECT_EQ(keys->health(0), KeyHealth::kIsolated);
}

// An answer that began before the 429 arrives after it: it must not wake the key.
TEST_F(PoolTest, AnOldSuccessDoesNotClearANewerSetback) {
  const auto keys = pool(KeyPolicy::kRoundRobin, 1);
  Lease slow = take(keys);
  Lease limited = take(keys);
  limited.report(KeyVerdict::kRateLimited, seconds(30));
  slow.report(KeyVerdict::kGood);
  EXPECT_EQ(keys->health(0), KeyHealth::kResting);

  clock_.advance(seconds(30));
  Lease slow_again = take(keys);
  verdict(keys, 0, KeyVerdict::kRefused);
  slow_again.report(KeyVerdict::kGood);
  EXPECT_EQ(keys->health(0), KeyHealth::kIsolated);
  // Also when the time is over: the test is still to be made, by one request.
  clock_.advance(kIsolation);
  EXPECT_EQ(keys->health(0), KeyHealth::kIsolated);
  const Lease test = take(keys);
  EXPECT_FALSE(keys->choose({}, {}));
}

TEST_F(PoolTest, LeasesCountAndGiveBack) {
  const auto keys = pool(KeyPolicy::kRoundRobin, 1);
  {
    Lease first = take(keys);
    Lease moved = std::move(first);
    EXPECT_EQ(keys->state(0).in_flight.load(), 1);
    EXPECT_EQ(moved.key().reveal(), key_text(0));
    Lease second = take(keys);
    EXPECT_EQ(keys->state(0).in_flight.load(), 2);
    moved = std::move(second);
  }
  EXPECT_EQ(keys->state(0).in_flight.load(), 0);
  EXPECT_EQ(keys->state(0).used.load(), 2U);
}

TEST_F(PoolTest, ALeaseOutlivesItsPool) {
  auto keys = pool(KeyPolicy::kRoundRobin, 1);
  Lease held = take(keys);
  keys.reset();
  EXPECT_EQ(held.key().reveal(), key_text(0));
  held.report(KeyVerdict::kRateLimited);
}

// Faults of gemini-balance-lite: full keys in logs, short keys unmasked.
TEST_F(PoolTest, NamesAreMaskedAndDifferent) {
  KeyPool spec;
  spec.upstream = "u";
  spec.rest = kRest;
  for (const char* key :
       {"short", "brief", "sk-aaaaaaaaaaaaaaaa-zzzz", "sk-abbbbbbbbbbbbbbb-zzzz"}) {
    spec.keys.emplace_back(key);
  }
  const auto keys = ring_.pool(spec);
  std::set<std::string> names;
  for (size_t i = 0; i < keys->size(); ++i) {
    names.insert(keys->masked(i));
    EXPECT_EQ(keys->masked(i).find("short"), std::string::npos);
    EXPECT_EQ(keys->masked(i).find("aaaaa"), std::string::npos);
  }
  EXPECT_EQ(names.size(), 4U);
  EXPECT_EQ(take(keys).masked(), keys->masked(0));
}

TEST_F(PoolTest, ErrorsNameNoKey) {
  const auto keys = pool(KeyPolicy::kRoundRobin, 1);
  verdict(keys, 0, KeyVerdict::kRateLimited);
  EXPECT_EQ(keys->choose({}, {}).error().detail.find("sk-"), std::string::npos);
}

TEST_F(PoolTest, APoolWhoseKeysAreAllDisabledIsUnavailable) {
  for (const KeyPolicy policy : {KeyPolicy::kRoundRobin, KeyPolicy::kRandom, KeyPolicy::kLeastUsed,
                                 KeyPolicy::kSticky}) {
    const auto none = pool(policy, 0)->choose({}, "caller");
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, Code::kKeysUnavailable);
  }
}

}  // namespace
}  // namespace culvert
