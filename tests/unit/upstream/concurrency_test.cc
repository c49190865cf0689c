// Slots and the waiting for them, with a queue of tasks instead of loops, and with real threads.
#include "relay/upstream/concurrency.h"

#include "relay/base/random.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <thread>

namespace culvert {
namespace {

using std::chrono::seconds;

// What a worker's loop does with what is posted to it.
class Tasks {
 public:
  PostTask post() {
    return [this](std::function<void()> task) {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    };
  }
  size_t run() {
    std::deque<std::function<void()>> now;
    {
      const std::lock_guard lock(mutex_);
      now.swap(tasks_);
    }
    for (auto& task : now) task();
    return now.size();
  }

 private:
  std::mutex mutex_;
  std::deque<std::function<void()>> tasks_;
};

struct Waiter final : SlotSink {
  void on_slot(Slot granted) override { slot = std::move(granted); }
  void on_no_slot(Error refused) override { error = std::move(refused); }
  std::optional<Slot> slot;
  std::optional<Error> error;
};

class ConcurrencyTest : public testing::Test {
 protected:
  ConcurrencyTest() {
    settings_.most = 2;
    settings_.least = 1;
    settings_.queue = 3;
    settings_.queue_age = seconds(5);
  }
  Result<Concurrency::Entry> enter(Waiter& waiter, Priority priority = Priority::kNormal) {
    return limiter_->enter(settings_, priority, tasks_.post(), waiter);
  }
  Slot slot() {
    Waiter nobody;
    return std::move(*enter(nobody).value().slot);
  }

  FakeClock clock_;
  ConcurrencySettings settings_;
  Tasks tasks_;
  std::shared_ptr<Concurrency> limiter_ = std::make_shared<Concurrency>("openai", clock_);
};

TEST_F(ConcurrencyTest, ASlotThatIsFreedGoesToWhoWaits) {
  std::optional<Slot> first = slot();
  const Slot second = slot();
  Waiter waiter;
  auto entry = enter(waiter);
  ASSERT_TRUE(entry && entry->wait);
  EXPECT_EQ(tasks_.run(), 0U);
  first.reset();
  EXPECT_FALSE(waiter.slot);  // on its own thread only
  tasks_.run();
  EXPECT_TRUE(waiter.slot);
  EXPECT_EQ(limiter_->report(settings_).in_flight, 2U);
}

TEST_F(ConcurrencyTest, AWaitThatEndsIsPassedOver) {
  std::optional<Slot> first = slot();
  const Slot second = slot();
  Waiter gone;
  Waiter next;
  auto left = enter(gone);
  const auto stays = enter(next);
  left->wait.reset();
  first.reset();
  tasks_.run();
  EXPECT_FALSE(gone.slot);
  EXPECT_TRUE(next.slot);
}

TEST_F(ConcurrencyTest, ASlotGrantedToWhoHasJustLeftGoesToTheNext) {
  std::optional<Slot> first = slot();
  const Slot second = slot();
  Waiter gone;
  Waiter next;
  auto left = enter(gone);
  const auto stays = enter(next);
  first.reset();  // granted, but not told yet
  left->wait.reset();
  while (tasks_.run() > 0) continue;
  EXPECT_FALSE(gone.slot || gone.error);
  EXPECT_TRUE(next.slot);
}

TEST_F(ConcurrencyTest, TheQueueIsBounded) {
  const Slot first = slot();
  const Slot second = slot();
  Waiter waiters[3];
  const auto a = enter(waiters[0]);
  const auto b = enter(waiters[1]);
  const auto c = enter(waiters[2]);
  ASSERT_FALSE(c);
  EXPECT_EQ(c.error().code, Code::kOverloaded);
  EXPECT_EQ(c.error().stage, Stage::kLimit);
  EXPECT_EQ(c.error().retry_after, 5);
  EXPECT_EQ(limiter_->report(settings_).waiting, 2U);
}

TEST_F(ConcurrencyTest, AHigherClassDisplacesALowerOne) {
  const Slot first = slot();
  const Slot second = slot();
  Waiter low;
  Waiter high[3];
  const auto a = enter(low, Priority::kLow);
  const auto b = enter(high[0], Priority::kHigh);
  const auto c = enter(high[1], Priority::kHigh);
  const auto d = enter(high[2], Priority::kHigh);
  EXPECT_TRUE(d);
  tasks_.run();
  ASSERT_TRUE(low.error);
  EXPECT_EQ(low.error->code, Code::kOverloaded);
}

TEST_F(ConcurrencyTest, AgeIsBounded) {
  const Slot first = slot();
  const Slot second = slot();
  Waiter waiter;
  const auto entry = enter(waiter);
  clock_.advance(seconds(5));
  limiter_->expire(settings_);
  tasks_.run();
  EXPECT_TRUE(waiter.error);
  EXPECT_EQ(limiter_->report(settings_).waiting, 0U);
}

TEST_F(ConcurrencyTest, OverloadLowersTheLimit) {
  settings_.most = 100;
  std::vector<Slot> slots;
  for (int i = 0; i < 10; ++i) slots.push_back(slot());
  slots.front().report(Load::kOverloaded);
  EXPECT_EQ(limiter_->report(settings_).limit, 7U);
  Waiter waiter;
  const auto entry = enter(waiter);
  EXPECT_TRUE(entry && entry->wait);
  while (slots.size() > 6) slots.pop_back();
  tasks_.run();
  EXPECT_TRUE(waiter.slot);
}

TEST_F(ConcurrencyTest, StatusesAndErrorsThatTellOfLoad) {
  EXPECT_EQ(load_of_status(200), Load::kGood);
  EXPECT_EQ(load_of_status(500), Load::kGood);
  EXPECT_EQ(load_of_status(503), Load::kOverloaded);
  EXPECT_EQ(load_of_status(529), Load::kOverloaded);
  const auto error = [](Code code) {
    return load_of_error(Error::upstream(code, Stage::kConnect, Retry::kOtherUpstream, {}));
  };
  EXPECT_EQ(error(Code::kConnectTimeout), Load::kOverloaded);
  EXPECT_EQ(error(Code::kConnectFailed), Load::kNone);
}

// Four workers, each with its own queue of tasks: never more at once than the limit, everybody is
// answered once, and nothing is left behind.
TEST_F(ConcurrencyTest, ThreadsNeverExceedTheLimit) {
  settings_.most = 3;
  settings_.fixed = true;
  settings_.queue = 6;
  settings_.queue_age = seconds(1000);
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::atomic<int> served{0};
  const auto work = [&](uint64_t seed) {
    SeededRandom random(seed);
    Tasks tasks;
    for (int i = 0; i < 3000; ++i) {
      Waiter waiter;
      auto entry =
          limiter_->enter(settings_, static_cast<Priority>(random.below(3)), tasks.post(), waiter);
      if (!entry) continue;
      if (entry->slot) waiter.slot = std::move(entry->slot);
      const bool impatient = random.below(4) == 0;
      while (!waiter.slot && !waiter.error && !impatient) {
        if (tasks.run() == 0) std::this_thread::yield();
      }
      if (waiter.slot) {
        const int now = inside.fetch_add(1) + 1;
        for (int seen = most.load(); now > seen && !most.compare_exchange_weak(seen, now);)
          continue;
        waiter.slot->report(random.below(2) == 0 ? Load::kGood : Load::kNone);
        served.fetch_add(1);
        inside.fetch_sub(1);
      }
      entry->wait.reset();
      waiter.slot.reset();
      tasks.run();
    }
    while (tasks.run() > 0) continue;
  };
  std::vector<std::thread> threads;
  for (uint64_t t = 1; t <= 4; ++t) threads.emplace_back(work, t);
  for (auto& thread : threads) thread.join();
  EXPECT_LE(most.load(), 3);
  EXPECT_GT(served.load(), 1000);
  EXPECT_EQ(limiter_->report(settings_).in_flight, 0U);
  EXPECT_EQ(limiter_->report(settings_).waiting, 0U);
}

}  // namespace
}  // namespace culvert
