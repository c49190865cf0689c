// A budget of further tries, against the definition of it. Time moves by hand.
#include "relay/upstream/retry_budget.h"

#include "relay/base/random.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <thread>
#include <vector>

namespace culvert {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

RetrySettings settings(uint32_t percent, uint32_t least) {
  RetrySettings out;
  out.budget_percent = percent;
  out.budget_least = least;
  return out;
}

TEST(RetryBudget, AFewAreFreeInAnyCase) {
  FakeClock clock;
  RetryBudget budget(clock);
  const auto three = settings(10, 3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(budget.take(three));
  EXPECT_FALSE(budget.take(three));
  clock.advance(seconds(19));
  EXPECT_FALSE(budget.take(three));
  clock.advance(seconds(1));  // a third of a minute
  EXPECT_TRUE(budget.take(three));
  EXPECT_FALSE(budget.take(three));
  clock.advance(std::chrono::hours(1));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(budget.take(three));
  EXPECT_FALSE(budget.take(three));
}

// With one request a second a tenth of them is six a minute: three in any case add nothing.
TEST(RetryBudget, TheReserveIsNotOnTopOfTheShare) {
  FakeClock clock;
  RetryBudget budget(clock);
  int granted = 0;
  for (int second = 0; second < 3600; ++second) {
    budget.count_request();
    while (budget.take(settings(10, 3))) ++granted;
    clock.advance(seconds(1));
  }
  EXPECT_LE(granted, 360);
  EXPECT_GE(granted, 300);
}

TEST(RetryBudget, WhatIsKnownToFailIsGivenTheReserveAlone) {
  FakeClock clock;
  RetryBudget budget(clock);
  int granted = 0;
  for (int second = 0; second < 600; ++second) {
    for (int i = 0; i < 100; ++i) budget.count_request();
    while (budget.take(settings(10, 3), RetryBudget::Prospect::kPoor)) ++granted;
    clock.advance(seconds(1));
  }
  EXPECT_GE(granted, 30);
  EXPECT_LE(granted, 33);
}

TEST(RetryBudget, WhatIsMadeInAnyCaseIsPaidByOthers) {
  FakeClock clock;
  RetryBudget budget(clock);
  for (int i = 0; i < 100; ++i) budget.count_request();
  for (int i = 0; i < 9; ++i) budget.charge(settings(10, 3));
  EXPECT_FALSE(budget.take(settings(10, 3), RetryBudget::Prospect::kPoor));
  EXPECT_TRUE(budget.take(settings(10, 3)));
  EXPECT_FALSE(budget.take(settings(10, 3)));
  // Nine were made where three would have been: two minutes pass before the next.
  clock.advance(seconds(119 + 20));
  EXPECT_FALSE(budget.take(settings(10, 3), RetryBudget::Prospect::kPoor));
  clock.advance(seconds(1));
  EXPECT_TRUE(budget.take(settings(10, 3), RetryBudget::Prospect::kPoor));
}

TEST(RetryBudget, GrowsWithRequests) {
  FakeClock clock;
  RetryBudget budget(clock);
  for (int i = 0; i < 100; ++i) budget.count_request();
  int taken = 0;
  while (budget.take(settings(10, 0))) ++taken;
  EXPECT_EQ(taken, 10);
  clock.advance(seconds(11));
  EXPECT_FALSE(budget.take(settings(10, 0)));
}

// In the 10 s before each one that is granted, itself included, by exact records of all.
TEST(RetryBudget, IsNeverExceeded) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    SeededRandom random(seed);
    FakeClock clock;
    RetryBudget budget(clock);
    std::deque<Instant> requests;
    std::deque<Instant> tries;
    uint64_t granted = 0;
    for (int step = 0; step < 30000; ++step) {
      clock.advance(milliseconds(random.below(step % 7000 < 3500 ? 20 : 400)));
      const Instant since = clock.now() - seconds(10);
      while (!requests.empty() && requests.front() <= since) requests.pop_front();
      while (!tries.empty() && tries.front() <= since) tries.pop_front();
      if (random.below(3) != 0) {
        budget.count_request();
        requests.push_back(clock.now());
      } else if (budget.take(settings(10, 3))) {
        tries.push_back(clock.now());
        ++granted;
        ASSERT_LE(tries.size(), requests.size() / 10 + 3) << "seed " << seed << " step " << step;
      }
    }
    EXPECT_GT(granted, 1000U);  // nor is it mean
  }
}

TEST(RetryBudget, ThreadsShareOne) {
  FakeClock clock;
  RetryBudget budget(clock);
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        budget.count_request();
        if (budget.take(settings(10, 3))) taken.fetch_add(1);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_LE(taken.load(), 403);
  EXPECT_GE(taken.load(), 300);
}

}  // namespace
}  // namespace culvert
