// Timers: pushed back without firing, destroyed at any moment, started again from inside.
#include "relay/channel/timer.h"

#include "relay/base/random.h"
#include "tests/fakes/cpp/run_until.h"

#include <gtest/gtest.h>

#include <memory>
#include <new>
#include <string>
#include <vector>

namespace culvert {
namespace {

using namespace std::chrono_literals;
using test::run_until;

TEST(Timer, FiresOnce) {
  Loop loop;
  int fired = 0;
  Timer timer(loop, [&] { ++fired; });
  EXPECT_FALSE(timer.running());
  timer.start(1ms);
  EXPECT_TRUE(timer.running());
  EXPECT_EQ(fired, 0);
  ASSERT_TRUE(run_until(loop, [&] { return fired > 0; }));
  EXPECT_FALSE(timer.running());
  test::settle(loop);
  EXPECT_EQ(fired, 1);
}

TEST(Timer, OfNothingOrLessFiresOnTheLoopAndNotFromInsideStart) {
  Loop loop;
  int fired = 0;
  Timer timer(loop, [&] { ++fired; });
  timer.start(-5s);
  EXPECT_EQ(fired, 0);
  EXPECT_TRUE(run_until(loop, [&] { return fired == 1; }));
  timer.start(0s);
  EXPECT_TRUE(run_until(loop, [&] { return fired == 2; }));
}

TEST(Timer, IsPushedBack) {
  Loop loop;
  bool fired = false;
  bool later = false;
  Timer timer(loop, [&] { fired = true; });
  Timer other(loop, [&] { later = true; });
  timer.start(1ms);
  timer.start(1h);
  other.start(20ms);
  ASSERT_TRUE(run_until(loop, [&] { return later; }));
  EXPECT_FALSE(fired);
  EXPECT_TRUE(timer.running());
}

TEST(Timer, IsBroughtForward) {
  Loop loop;
  bool fired = false;
  Timer timer(loop, [&] { fired = true; });
  timer.start(1h);
  timer.start(1ms);
  EXPECT_TRUE(run_until(loop, [&] { return fired; }));
}

TEST(Timer, DoesNotFireAfterStop) {
  Loop loop;
  bool fired = false;
  bool later = false;
  Timer timer(loop, [&] { fired = true; });
  Timer other(loop, [&] { later = true; });
  timer.start(1ms);
  timer.stop();
  EXPECT_FALSE(timer.running());
  other.start(10ms);
  ASSERT_TRUE(run_until(loop, [&] { return later; }));
  EXPECT_FALSE(fired);
  timer.start(1ms);
  EXPECT_TRUE(run_until(loop, [&] { return fired; }));
}

TEST(Timer, StartsItselfAgain) {
  Loop loop;
  int fired = 0;
  std::unique_ptr<Timer> timer;
  timer = std::make_unique<Timer>(loop, [&] {
    if (++fired < 3) timer->start(0s);
  });
  timer->start(0s);
  EXPECT_TRUE(run_until(loop, [&] { return fired == 3; }));
}

// One that is always due leaves the loop its turns.
TEST(Timer, KeepsTheLoopFromNothing) {
  Loop loop;
  int fired = 0;
  Timer timer(loop, [&] {
    ++fired;
    timer.start(0s);
  });
  timer.start(0s);
  test::settle(loop);
  EXPECT_GT(fired, 1);
  EXPECT_LT(fired, 100);
}

TEST(Timer, FiresInTheOrderOfTimeAndThenOfStarting) {
  Loop loop;
  std::string order;
  Timer late(loop, [&] { order += 'd'; });
  Timer first(loop, [&] { order += 'a'; });
  Timer second(loop, [&] { order += 'b'; });
  Timer third(loop, [&] { order += 'c'; });
  late.start(20ms);
  first.start(1ms);
  second.start(1ms);
  third.start(1ms);
  ASSERT_TRUE(run_until(loop, [&] { return order.size() == 4; }));
  EXPECT_EQ(order, "abcd");
}

// Against a list: started, moved, stopped and destroyed at random.
TEST(Timer, ManyFireWhenTheyAreDueAndNoOtherDoes) {
  Loop loop;
  SeededRandom random(7);
  constexpr size_t kTimers = 300;
  std::vector<std::unique_ptr<Timer>> timers(kTimers);
  std::vector<int> fired(kTimers, 0);
  std::vector<bool> due(kTimers, false);
  for (int change = 0; change < 5000; ++change) {
    const size_t i = random.below(kTimers);
    auto& timer = timers[i];
    switch (random.below(4)) {
      case 0:
        timer = std::make_unique<Timer>(loop, [&fired, i] { ++fired[i]; });
        due[i] = false;
        break;
      case 1:
        if (timer) timer->stop();
        due[i] = false;
        break;
      default:
        if (timer) timer->start(std::chrono::milliseconds(1 + random.below(20)));
        due[i] = timer != nullptr;
    }
  }
  bool later = false;
  Timer last(loop, [&] { later = true; });
  last.start(30ms);
  ASSERT_TRUE(run_until(loop, [&] { return later; }));
  for (size_t i = 0; i < kTimers; ++i) EXPECT_EQ(fired[i], due[i] ? 1 : 0) << i;
}

// Both are due in the same turn; the first that fires destroys the other.
TEST(Timer, IsDestroyedWhileItsFiringIsDue) {
  Loop loop;
  int fired = 0;
  std::unique_ptr<Timer> a;
  std::unique_ptr<Timer> b;
  a = std::make_unique<Timer>(loop, [&] {
    ++fired;
    b.reset();
  });
  b = std::make_unique<Timer>(loop, [&] {
    ++fired;
    a.reset();
  });
  a->start(0s);
  b->start(0s);
  ASSERT_TRUE(run_until(loop, [&] { return fired > 0; }));
  test::settle(loop);
  EXPECT_EQ(fired, 1);
}

TEST(Timer, IsDestroyedWhileItRuns) {
  Loop loop;
  {
    Timer timer(loop, [] { FAIL() << "fired without an owner"; });
    timer.start(0s);
  }
  test::settle(loop);
}

TEST(Timer, TriesAgainWhenMemoryRanOut) {
  Loop loop;
  int fired = 0;
  Timer timer(loop, [&] {
    if (++fired == 1) throw std::bad_alloc();
  });
  timer.start(0s);
  EXPECT_TRUE(run_until(loop, [&] { return fired == 2; }));
}

}  // namespace
}  // namespace culvert
