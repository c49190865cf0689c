// Which strategy a target is reached by, after some of them failed. Time moves by hand.
#include "relay/upstream/strategy_memory.h"

#include <gtest/gtest.h>

#include <thread>

namespace culvert {
namespace {

using std::chrono::seconds;

class StrategyMemoryTest : public testing::Test {
 protected:
  // One request, while the socket path is broken or not; tells how many attempts it took.
  int request(bool socket_works) {
    auto trial = memory_.begin(both_);
    int attempts = 1;
    while (trial.current() == Strategy::kSocket && !socket_works) {
      EXPECT_TRUE(trial.another());
      trial.next();
      ++attempts;
    }
    last_ = trial.current();
    trial.worked();
    return attempts;
  }

  FakeClock clock_;
  const std::vector<Strategy> both_{Strategy::kSocket, Strategy::kFetch};
  StrategyMemory memory_{clock_};
  Strategy last_ = Strategy::kSocket;
};

TEST_F(StrategyMemoryTest, TheFirstIsUsedAsLongAsItWorks) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(request(true), 1);
  EXPECT_EQ(last_, Strategy::kSocket);
}

TEST_F(StrategyMemoryTest, ABrokenPathCostsOneAttempt) {
  EXPECT_EQ(request(false), 2);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(request(false), 1);
  EXPECT_EQ(memory_.in_use(both_), Strategy::kFetch);
}

TEST_F(StrategyMemoryTest, OneRequestAtATimeTriesItAgain) {
  request(false);
  clock_.advance(seconds(30));
  auto test = memory_.begin(both_);
  EXPECT_EQ(test.current(), Strategy::kSocket);
  auto other = memory_.begin(both_);
  EXPECT_EQ(other.current(), Strategy::kFetch);
  EXPECT_TRUE(other.another());  // as a last resort
  test.worked();
  EXPECT_EQ(memory_.in_use(both_), Strategy::kSocket);
  EXPECT_EQ(request(true), 1);
  EXPECT_EQ(last_, Strategy::kSocket);
}

TEST_F(StrategyMemoryTest, ACheckInTheBackgroundSparesRequestsTheTrial) {
  EXPECT_EQ(memory_.rests_until(both_), std::nullopt);
  request(false);
  EXPECT_EQ(memory_.rests_until(both_), clock_.now() + seconds(30));
  for (const int rest : {30, 60, 120}) {
    clock_.advance(seconds(rest - 1));
    {
      auto check = memory_.begin_early(both_);
      EXPECT_EQ(check.current(), Strategy::kSocket);
      EXPECT_EQ(memory_.rests_until(both_), std::nullopt);
      check.failed();
    }
    EXPECT_EQ(memory_.rests_until(both_), clock_.now() + seconds(2 * rest));
    EXPECT_EQ(request(false), 1);
  }
  auto check = memory_.begin_early(both_);
  check.worked();
  EXPECT_EQ(memory_.rests_until(both_), std::nullopt);
  EXPECT_EQ(request(true), 1);
  EXPECT_EQ(last_, Strategy::kSocket);
}

TEST_F(StrategyMemoryTest, TheRestDoublesUpTo16Fold) {
  request(false);
  for (const int rest : {30, 60, 120, 240, 480, 480}) {
    clock_.advance(seconds(rest - 1));
    EXPECT_EQ(request(false), 1) << rest;
    clock_.advance(seconds(1));
    EXPECT_EQ(request(false), 2) << rest;
  }
}

TEST_F(StrategyMemoryTest, AnHourOfABrokenPathCostsAFewAttempts) {
  int extra = 0;
  for (int i = 0; i < 3600; ++i) {
    extra += request(false) - 1;
    clock_.advance(seconds(1));
  }
  EXPECT_LE(extra, 12);
}

TEST_F(StrategyMemoryTest, WhereNoneWorksNothingIsLearnt) {
  {
    auto trial = memory_.begin(both_);
    trial.next();
  }
  EXPECT_EQ(memory_.begin(both_).current(), Strategy::kSocket);
}

TEST_F(StrategyMemoryTest, ATestThatEndsWithoutAWordIsMadeByTheNext) {
  request(false);
  clock_.advance(seconds(30));
  { const auto left = memory_.begin(both_); }
  EXPECT_EQ(memory_.begin(both_).current(), Strategy::kSocket);
}

TEST_F(StrategyMemoryTest, WhereAllFailedAnotherIsDoubtfulForAWhile) {
  auto trial = memory_.begin(both_);
  EXPECT_FALSE(trial.doubtful());
  trial.all_failed();  // not yet: another one is left
  EXPECT_FALSE(trial.doubtful());
  trial.next();
  trial.all_failed();
  EXPECT_TRUE(memory_.begin(both_).doubtful());
  clock_.advance(std::chrono::seconds(5));
  EXPECT_FALSE(memory_.begin(both_).doubtful());
  auto again = memory_.begin(both_);
  again.next();  // one at a time
  EXPECT_TRUE(memory_.begin(both_).doubtful());
  clock_.advance(std::chrono::seconds(5));  // it left without a word
  EXPECT_FALSE(memory_.begin(both_).doubtful());
}

TEST_F(StrategyMemoryTest, ASuccessEndsTheDoubt) {
  auto trial = memory_.begin(both_);
  trial.next();
  trial.all_failed();
  memory_.begin(both_).worked();
  EXPECT_FALSE(memory_.begin(both_).doubtful());
}

TEST_F(StrategyMemoryTest, ThreadsMayDoAllAtOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5000; ++i) {
        auto trial = memory_.begin(both_);
        if ((i + t) % 3 == 0 && trial.another()) trial.next();
        if (i % 5 != 0) trial.worked();
        (void)memory_.in_use(both_);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace culvert
