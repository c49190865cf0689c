// The state of keys across pools, reloads and threads, and its bounds.
#include "relay/keys/key_ring.h"

#include "relay/base/limits.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace culvert {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

KeyPool spec(const std::string& upstream, const std::vector<std::string>& keys) {
  KeyPool made;
  made.upstream = upstream;
  made.rest = seconds(60);
  made.isolation = minutes(10);
  for (const std::string& key : keys) made.keys.emplace_back(key);
  return made;
}

std::vector<Secret> secrets(const std::vector<std::string>& keys) {
  std::vector<Secret> made;
  for (const std::string& key : keys) made.emplace_back(key);
  return made;
}

class KeyRingTest : public testing::Test {
 protected:
  std::shared_ptr<const KeyPoolState> callers(const std::vector<std::string>& keys,
                                              const std::string& upstream = "openai") {
    return ring_.callers_pool(upstream, secrets(keys), seconds(60), minutes(10));
  }
  static void rest_first(const std::shared_ptr<const KeyPoolState>& pool) {
    auto lease = pool->choose({}, {});
    ASSERT_TRUE(lease);
    EXPECT_EQ(lease->index(), 0U);
    lease->report(KeyVerdict::kRateLimited);
  }

  FakeClock clock_;
  SeededRandom random_{1};
  KeyRing ring_{clock_, random_};
};

TEST_F(KeyRingTest, AReloadKeepsTheStateOfKeys) {
  auto before = ring_.pool(spec("openai", {"key-a-0123456789", "key-b-0123456789"}));
  rest_first(before);
  // The order changed and a key came; what is known of the first one stays with it.
  auto after =
      ring_.pool(spec("openai", {"key-c-0123456789", "key-b-0123456789", "key-a-0123456789"}));
  before.reset();
  EXPECT_EQ(after->health(0), KeyHealth::kReady);
  EXPECT_EQ(after->health(1), KeyHealth::kReady);
  EXPECT_EQ(after->health(2), KeyHealth::kResting);
}

TEST_F(KeyRingTest, OneKeyAtTwoUpstreamsIsTwoKeys) {
  const auto here = ring_.pool(spec("openai", {"key-a-0123456789"}));
  const auto there = ring_.pool(spec("groq", {"key-a-0123456789"}));
  rest_first(here);
  EXPECT_EQ(here->health(0), KeyHealth::kResting);
  EXPECT_EQ(there->health(0), KeyHealth::kReady);
}

TEST_F(KeyRingTest, UnusedKeysAreForgotten) {
  for (int i = 0; i < 10000; ++i) {
    static_cast<void>(ring_.pool(spec("openai", {"key-" + std::to_string(i)})));
  }
  EXPECT_LE(ring_.known_keys(), 128U);
}

TEST_F(KeyRingTest, TheSameListIsTheSamePool) {
  const auto first = callers({"k1", "k2"});
  EXPECT_EQ(first, callers({"k1", "k2"}));
  EXPECT_NE(first, callers({"k2", "k1"}));
  EXPECT_NE(first, callers({"k1k2"}));
  EXPECT_NE(first, callers({"k1", "k2"}, "groq"));
}

TEST_F(KeyRingTest, ACallersKeyRestsInEveryListThatHoldsIt) {
  const auto first = callers({"k1", "k2"});
  rest_first(first);
  EXPECT_EQ(callers({"k9", "k1"})->health(1), KeyHealth::kResting);
}

TEST_F(KeyRingTest, CallersListsAreBounded) {
  const auto first = callers({"first", "list"});
  std::weak_ptr<const KeyPoolState> oldest = callers({"oldest", "list"});
  for (size_t i = 0; i < limits::kClientPools; ++i) {
    static_cast<void>(callers({"a" + std::to_string(i), "b" + std::to_string(i)}));
    if (i % 1000 != 0) continue;
    EXPECT_EQ(callers({"first", "list"}), first);  // used again and again
  }
  EXPECT_TRUE(oldest.expired());
  EXPECT_EQ(callers({"first", "list"}), first);
  EXPECT_LE(ring_.known_keys(), 8 * limits::kClientPools);
}

// For ThreadSanitizer, and for sums that must come out: workers choose and report, one reloads, one
// reads metrics, callers bring lists of their own.
class KeyRingThreads : public testing::TestWithParam<KeyPolicy> {};

TEST_P(KeyRingThreads, ShareOneRing) {
  constexpr int kRounds = 2000;
  KeyRing ring(Clock::system(), Random::system());
  KeyPool keys = spec("openai", {"k0", "k1", "k2", "k3", "k4"});
  keys.policy = GetParam();
  const auto held = ring.pool(keys);
  std::mutex mutex;
  std::shared_ptr<const KeyPoolState> current = held;
  const auto now = [&] {
    const std::lock_guard lock(mutex);
    return current;
  };
  std::atomic<uint64_t> leases{0};
  const auto work = [&](int worker) {
    for (int i = 0; i < kRounds; ++i) {
      auto lease = now()->choose({}, "caller" + std::to_string(i % 17));
      if (!lease) continue;
      leases.fetch_add(1);
      if (i % 3 == worker) lease->report(KeyVerdict::kGood);
    }
  };
  std::vector<std::thread> threads;
  for (int worker = 0; worker < 3; ++worker) threads.emplace_back(work, worker);
  threads.emplace_back([&] {
    for (int i = 0; i < 200; ++i) {
      auto reloaded = ring.pool(keys);
      const std::lock_guard lock(mutex);
      current = std::move(reloaded);
    }
  });
  threads.emplace_back([&] {
    for (int i = 0; i < 200; ++i) {
      EXPECT_GE(ring.known_keys(), 5U);
      static_cast<void>(
          ring.callers_pool("openai", secrets({"c", std::to_string(i)}), seconds(1), seconds(1)));
    }
  });
  for (std::thread& thread : threads) thread.join();
  uint64_t used = 0;
  for (size_t i = 0; i < held->size(); ++i) {
    EXPECT_EQ(held->state(i).in_flight.load(), 0) << i;
    used += held->state(i).used.load();
  }
  EXPECT_EQ(used, leases.load());
  EXPECT_EQ(used, 3U * kRounds);
}

// A key that was refused, and many who want it at once: exactly one gets it.
TEST_P(KeyRingThreads, OneTestAtATime) {
  FakeClock clock;
  KeyRing ring(clock, Random::system());
  KeyPool keys = spec("openai", {"only"});
  keys.policy = GetParam();
  const auto pool = ring.pool(keys);
  pool->choose({}, {})->report(KeyVerdict::kRefused);
  clock.advance(minutes(10));
  std::atomic<int> testing{0};
  std::atomic<int> most{0};
  std::vector<std::thread> threads;
  for (int worker = 0; worker < 4; ++worker) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        auto lease = pool->choose({}, {});
        if (!lease) continue;
        const int now = testing.fetch_add(1) + 1;
        int seen = most.load();
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        testing.fetch_sub(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(most.load(), 1);
}

std::string policy_name(const testing::TestParamInfo<KeyPolicy>& info) {
  switch (info.param) {
    case KeyPolicy::kRoundRobin:
      return "RoundRobin";
    case KeyPolicy::kRandom:
      return "Random";
    case KeyPolicy::kLeastUsed:
      return "LeastUsed";
    case KeyPolicy::kSticky:
      return "Sticky";
  }
  return "None";
}

INSTANTIATE_TEST_SUITE_P(Policies,
                         KeyRingThreads,
                         testing::Values(KeyPolicy::kRoundRobin,
                                         KeyPolicy::kRandom,
                                         KeyPolicy::kLeastUsed,
                                         KeyPolicy::kSticky),
                         policy_name);

}  // namespace
}  // namespace culvert
