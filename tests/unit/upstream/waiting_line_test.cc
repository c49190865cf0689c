// Who waits, who is next, who is sent away.
#include "relay/upstream/waiting_line.h"

#include "relay/base/random.h"

#include <gtest/gtest.h>

#include <set>

namespace culvert {
namespace {

using std::chrono::seconds;
using Number = WaitingLine::Number;

class WaitingLineTest : public testing::Test {
 protected:
  explicit WaitingLineTest(uint32_t queue = 30) {
    settings_.queue = queue;
    settings_.queue_age = seconds(5);
  }
  WaitingLine::Place enter(Priority priority) {
    return line_.enter(priority, clock_.now(), settings_);
  }
  int fill(Priority priority) {
    int count = 0;
    while (enter(priority).number) ++count;
    return count;
  }

  FakeClock clock_;
  ConcurrencySettings settings_;
  WaitingLine line_;
};

TEST_F(WaitingLineTest, HigherClassesFirstAndInTheOrderOfComing) {
  const auto low = enter(Priority::kLow).number;
  const auto normal = enter(Priority::kNormal).number;
  const auto high = enter(Priority::kHigh).number;
  const auto later = enter(Priority::kHigh).number;
  EXPECT_EQ(line_.take_next(), high);
  EXPECT_EQ(line_.take_next(), later);
  EXPECT_EQ(line_.take_next(), normal);
  EXPECT_EQ(line_.take_next(), low);
  EXPECT_EQ(line_.take_next(), std::nullopt);
}

TEST_F(WaitingLineTest, EachClassHasItsPart) {
  EXPECT_EQ(fill(Priority::kLow), 3);
  line_ = {};
  EXPECT_EQ(fill(Priority::kNormal), 20);
  EXPECT_EQ(fill(Priority::kLow), 0);
}

TEST_F(WaitingLineTest, HighTakesTheYoungestOfTheLowest) {
  fill(Priority::kLow);
  const size_t low = line_.size();
  for (size_t i = 0; i < 30 - low; ++i) EXPECT_TRUE(enter(Priority::kHigh).number);
  const auto first = enter(Priority::kHigh);
  ASSERT_TRUE(first.number && first.displaced);
  EXPECT_EQ(*first.displaced, Number{3});
  for (size_t i = 1; i < low; ++i) EXPECT_TRUE(enter(Priority::kHigh).displaced);
  EXPECT_FALSE(enter(Priority::kHigh).number);  // only its own class is left
  EXPECT_EQ(line_.size(), 30U);
}

TEST_F(WaitingLineTest, WhoHasWaitedTooLongIsSentAway) {
  const auto old = enter(Priority::kLow).number;
  clock_.advance(seconds(3));
  enter(Priority::kHigh);
  clock_.advance(seconds(2));
  EXPECT_EQ(line_.take_expired(clock_.now(), settings_), std::vector<Number>{*old});
  EXPECT_EQ(line_.size(), 1U);
}

TEST_F(WaitingLineTest, LeavingMakesRoom) {
  settings_.queue = 1;
  const auto only = enter(Priority::kLow).number;
  EXPECT_FALSE(enter(Priority::kLow).number);
  line_.leave(*only);
  line_.leave(*only);
  EXPECT_TRUE(enter(Priority::kLow).number);
}

TEST_F(WaitingLineTest, NoQueueNoWaiting) {
  settings_.queue = 0;
  EXPECT_FALSE(enter(Priority::kHigh).number);
}

TEST_F(WaitingLineTest, NeverLongerThanItMayBeAndNobodyIsLost) {
  SeededRandom random(5);
  std::set<Number> inside;
  for (int step = 0; step < 50000; ++step) {
    const auto place = enter(static_cast<Priority>(random.below(3)));
    if (place.displaced) {
      ASSERT_EQ(inside.erase(*place.displaced), 1U);
    }
    if (place.number) inside.insert(*place.number);
    if (random.below(2) == 0) {
      if (const auto next = line_.take_next()) {
        ASSERT_EQ(inside.erase(*next), 1U);
      }
    }
    ASSERT_EQ(line_.size(), inside.size());
    ASSERT_LE(line_.size(), settings_.queue);
  }
}

}  // namespace
}  // namespace culvert
