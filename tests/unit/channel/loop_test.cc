// The loop: posted tasks keep their order and are never lost, and what retires ends after the
// callback that retired it.
#include "relay/channel/loop.h"

#include "tests/fakes/cpp/run_until.h"

#include <gtest/gtest.h>

#include <memory>
#include <new>
#include <thread>
#include <vector>

namespace culvert {
namespace {

using test::run_until;

class Tracked final : public Retirable {
 public:
  explicit Tracked(std::vector<int>* log, int number, std::function<void()> at_end = {})
      : log_(log), number_(number), at_end_(std::move(at_end)) {}
  ~Tracked() override {
    log_->push_back(number_);
    if (at_end_) at_end_();
  }

 private:
  std::vector<int>* log_;
  int number_;
  std::function<void()> at_end_;
};

TEST(Loop, RunsTasksInTheOrderOfPosting) {
  Loop loop;
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) loop.post([&order, i] { order.push_back(i); });
  EXPECT_TRUE(order.empty());
  ASSERT_TRUE(run_until(loop, [&] { return order.size() == 100; }));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

TEST(Loop, RunsWhatATaskPosts) {
  Loop loop;
  std::vector<int> order;
  loop.post([&] {
    loop.post([&] { order.push_back(3); });
    order.push_back(1);
  });
  loop.post([&] { order.push_back(2); });
  ASSERT_TRUE(run_until(loop, [&] { return order.size() == 3; }));
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(Loop, TakesTasksOfOtherThreadsInEachOnesOrder) {
  Loop loop;
  constexpr int kEach = 500;
  std::vector<int> first;
  std::vector<int> second;
  std::thread a([&] {
    for (int i = 0; i < kEach; ++i) loop.post([&first, i] { first.push_back(i); });
  });
  std::thread b([&] {
    for (int i = 0; i < kEach; ++i) loop.post([&second, i] { second.push_back(i); });
  });
  ASSERT_TRUE(run_until(loop, [&] { return first.size() == kEach && second.size() == kEach; }));
  a.join();
  b.join();
  EXPECT_TRUE(std::is_sorted(first.begin(), first.end()));
  EXPECT_TRUE(std::is_sorted(second.begin(), second.end()));
}

TEST(Loop, StopsFromAnotherThread) {
  Loop loop;
  std::thread other([&] { loop.stop(); });
  loop.run();
  other.join();
}

TEST(Loop, RunsInItsDestructorWhatWasPostedTooLate) {
  auto owned = std::make_shared<int>(1);
  bool ran = false;
  {
    Loop loop;
    loop.stop();
    loop.run();
    loop.post([&ran, owned] { ran = true; });
  }
  EXPECT_TRUE(ran);
  EXPECT_EQ(owned.use_count(), 1);
}

TEST(Loop, IsStoppedMoreThanOnce) {
  Loop loop;
  loop.stop();
  loop.stop();
  loop.run();
  loop.stop();
}

TEST(Loop, GoesOnAfterATaskThatRanOutOfMemory) {
  Loop loop;
  bool ran = false;
  loop.post([] { throw std::bad_alloc(); });
  loop.post([&] { ran = true; });
  EXPECT_TRUE(run_until(loop, [&] { return ran; }));
}

class Output final : public Flushable {
 public:
  int flushed = 0;

 private:
  void flush() override { ++flushed; }
  void on_flush_out_of_memory() override {}
};

TEST(Loop, HandsOutputOverBehindTheEventsOfATurn) {
  Loop loop;
  Output output;
  int before = -1;
  loop.post([&] { loop.flush_soon(output); });
  loop.post([&] { before = output.flushed; });
  ASSERT_TRUE(run_until(loop, [&] { return output.flushed == 1; }));
  EXPECT_EQ(before, 0);
}

TEST(Loop, HandsOutputOverBehindAnEventThatAsksForIt) {
  Loop loop;
  Output output;
  int before = -1;
  loop.post([&] {
    loop.flush_soon(output);
    loop.flush_after_event();
    before = output.flushed;
  });
  int after = -1;
  loop.post([&] { after = output.flushed; });
  ASSERT_TRUE(run_until(loop, [&] { return after >= 0; }));
  EXPECT_EQ(before, 0);
  EXPECT_EQ(after, 1);
}

TEST(Loop, BuriesAfterTheCallbackThatRetired) {
  Loop loop;
  std::vector<int> ended;
  bool alive_after_retiring = false;
  loop.post([&] {
    loop.retire(std::make_unique<Tracked>(&ended, 1));
    alive_after_retiring = ended.empty();
  });
  ASSERT_TRUE(run_until(loop, [&] { return !ended.empty(); }));
  EXPECT_TRUE(alive_after_retiring);
}

TEST(Loop, BuriesBehindAFewEventsOfOnePoll) {
  Loop loop;
  std::vector<int> ended;
  loop.retire(std::make_unique<Tracked>(&ended, 1));
  for (int event = 0; event < 16 && ended.empty(); ++event) loop.event_over();
  EXPECT_EQ(ended.size(), 1U);
}

TEST(Loop, BuriesWhatADestructorRetires) {
  Loop loop;
  std::vector<int> ended;
  loop.post([&] {
    loop.retire(std::make_unique<Tracked>(
        &ended, 1, [&] { loop.retire(std::make_unique<Tracked>(&ended, 2)); }));
  });
  ASSERT_TRUE(run_until(loop, [&] { return ended.size() == 2; }));
  EXPECT_EQ(ended, (std::vector<int>{1, 2}));
}

TEST(Loop, BuriesEverythingAtItsEnd) {
  std::vector<int> ended;
  {
    Loop loop;
    loop.retire(std::make_unique<Tracked>(&ended, 1));
    loop.retire(nullptr);
  }
  EXPECT_EQ(ended, std::vector<int>{1});
}

}  // namespace
}  // namespace culvert
