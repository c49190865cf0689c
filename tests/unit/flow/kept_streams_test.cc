// Goal: whoever reads a stream gets all of it, on whatever thread; the bounds hold; a slow reader
// stops the writer and loses nothing. Method: queues of tasks instead of loops, and real threads.
#include "relay/flow/kept_streams.h"

#include "relay/stream/kept_stream.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
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
      posted_.notify_one();
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
  void wait_and_run() {
    {
      std::unique_lock lock(mutex_);
      posted_.wait(lock, [this] { return !tasks_.empty(); });
    }
    run();
  }

 private:
  std::mutex mutex_;
  std::condition_variable posted_;
  std::deque<std::function<void()>> tasks_;
};

struct Told final : StreamSink {
  void on_stream_changed() override { ++times; }
  int times = 0;
};

std::string event(uint64_t id, size_t size = 100) {
  return "id: " + std::to_string(id) + "\ndata: " + std::string(size, 'x') + "\n\n";
}

class KeptStreamsTest : public testing::Test {
 protected:
  KeptStreamsTest() {
    order_.owner = {"caller", "openai"};
    order_.head = {"text/event-stream", ""};
    order_.settings = {.on = true,
                       .stream_bytes = 4096,
                       .total_bytes = 16 * 1024,
                       .streams = 3,
                       .unread = seconds(5),
                       .kept = seconds(10)};
  }
  std::unique_ptr<KeptWriter> keep() { return streams_.keep(order_, tasks_.post(), writer_); }
  Result<std::unique_ptr<KeptReader>> read(const KeptWriter& stream, uint64_t after) {
    return streams_.read(stream.id(), after, tasks_.post(), reader_);
  }
  // All that is there now; what stopped it.
  KeptReader::Next drain(KeptReader& reader, std::string* out) {
    for (;;) {
      const auto next = reader.next(512, out);
      if (next != KeptReader::Next::kEvents) return next;
    }
  }

  FakeClock clock_;
  SeededRandom random_{7};
  KeptStreams streams_{clock_, random_};
  KeptStreams::Order order_;
  Tasks tasks_;
  Told writer_, reader_;
};

TEST_F(KeptStreamsTest, AReaderGetsWhatWasAndWhatComesAndTheEnd) {
  auto stream = keep();
  ASSERT_NE(stream, nullptr);
  EXPECT_EQ(stream->id().size(), 32U);
  EXPECT_EQ(streams_.owner(stream->id())->caller, "caller");
  stream->append(event(1));
  stream->append(event(2));
  auto reader = read(*stream, 1).value();
  std::string out;
  EXPECT_EQ(drain(*reader, &out), KeptReader::Next::kWait);
  EXPECT_EQ(out, event(2));
  tasks_.run();
  reader_.times = 0;
  stream->append(event(3));
  stream->append(event(4));
  tasks_.run();
  EXPECT_EQ(reader_.times, 1);  // once for both
  out.clear();
  EXPECT_EQ(drain(*reader, &out), KeptReader::Next::kWait);
  EXPECT_EQ(out, event(3) + event(4));
  Headers trailers;
  trailers.add("X-Culvert-Resumed", "1");
  stream->end(trailers);
  tasks_.run();
  EXPECT_EQ(reader_.times, 2);
  EXPECT_EQ(drain(*reader, &out), KeptReader::Next::kEnd);
  EXPECT_EQ(*reader->trailers().find("x-culvert-resumed"), "1");
  // And whoever comes later, for as long as it is kept.
  auto late = read(*stream, 0).value();
  std::string whole;
  EXPECT_EQ(drain(*late, &whole), KeptReader::Next::kEnd);
  EXPECT_EQ(whole, event(1) + event(2) + event(3) + event(4));
}

TEST_F(KeptStreamsTest, AWriterThatIsDestroyedHasCutItsStream) {
  auto stream = keep();
  stream->append(event(1));
  auto reader = read(*stream, 0).value();
  stream.reset();
  std::string out;
  EXPECT_EQ(drain(*reader, &out), KeptReader::Next::kCut);
  EXPECT_EQ(out, event(1));
}

TEST_F(KeptStreamsTest, WhatIsNotThereIsToldApart) {
  auto stream = keep();
  for (uint64_t id = 1; id <= 40; ++id) stream->append(event(id));
  EXPECT_EQ(streams_.read("no such id", 0, tasks_.post(), reader_).error().code, Code::kNotKept);
  const auto behind = read(*stream, 0);
  ASSERT_FALSE(behind);
  EXPECT_EQ(behind.error().code, Code::kNotKept);
  EXPECT_NE(behind.error().detail.find("not kept any more"), std::string::npos);
  const auto ahead = read(*stream, 41);
  ASSERT_FALSE(ahead);
  EXPECT_EQ(ahead.error().code, Code::kBadRequest);
  EXPECT_TRUE(read(*stream, 40));
  stream->forget();
  EXPECT_EQ(read(*stream, 40).error().code, Code::kNotKept);
  EXPECT_EQ(streams_.report().bytes, 0U);
}

TEST_F(KeptStreamsTest, ASlowReaderStopsTheWriterAndLosesNothing) {
  auto stream = keep();
  auto reader = read(*stream, 0).value();
  uint64_t last = 0;
  while (!stream->blocked()) stream->append(event(++last));
  EXPECT_GT(last, 20U);
  EXPECT_LE(streams_.report().bytes, 4096U + 200);
  tasks_.run();
  writer_.times = 0;
  std::string out;
  while (stream->blocked()) ASSERT_EQ(reader->next(1, &out), KeptReader::Next::kEvents);
  tasks_.run();
  EXPECT_EQ(writer_.times, 1);
  while (last < 200) {
    while (!stream->blocked() && last < 200) stream->append(event(++last));
    reader->next(1000, &out);
  }
  stream->end({});
  EXPECT_EQ(drain(*reader, &out), KeptReader::Next::kEnd);
  std::string whole;
  for (uint64_t id = 1; id <= last; ++id) whole += event(id);
  EXPECT_EQ(out, whole);
}

TEST_F(KeptStreamsTest, AReaderThatLeavesFreesTheWriter) {
  auto stream = keep();
  auto reader = read(*stream, 0).value();
  for (uint64_t id = 1; !stream->blocked(); ++id) stream->append(event(id));
  reader.reset();
  EXPECT_FALSE(stream->blocked());
  EXPECT_EQ(stream->readers(), 0U);
  EXPECT_EQ(stream->readers_ever(), 1U);
  EXPECT_GE(tasks_.run(), 1U);
}

TEST_F(KeptStreamsTest, EndedStreamsThatNobodyReadsMakeRoomTheOldestFirst) {
  auto a = keep(), b = keep(), c = keep();
  EXPECT_EQ(keep(), nullptr);  // all run
  b->end({});
  a->end({});
  auto reader = read(*b, 0).value();
  auto d = keep();
  ASSERT_NE(d, nullptr);
  EXPECT_EQ(streams_.owner(a->id()), std::nullopt);  // b is being read
  EXPECT_NE(streams_.owner(b->id()), std::nullopt);
  EXPECT_EQ(keep(), nullptr);
  EXPECT_EQ(streams_.report().streams, 3U);
}

TEST_F(KeptStreamsTest, TheBytesOfAllAreBounded) {
  order_.settings.streams = 100;
  order_.settings.total_bytes = 5000;
  auto a = keep(), b = keep();
  for (uint64_t id = 1; id <= 30; ++id) a->append(event(id));
  a->end({});
  for (uint64_t id = 1; id <= 30; ++id) b->append(event(id));
  EXPECT_EQ(streams_.owner(a->id()), std::nullopt);
  EXPECT_LE(streams_.report().bytes, 5000U);
  auto c = keep();
  for (uint64_t id = 1; id <= 30; ++id) c->append(event(id));
  EXPECT_LE(streams_.report().bytes, 5000U);
  // With its reader up to date, a stream that finds no room goes on all the same.
  auto reader = read(*c, 30).value();
  std::string out;
  for (uint64_t id = 31; id <= 60; ++id) {
    c->append(event(id));
    drain(*reader, &out);
    EXPECT_FALSE(c->blocked());
  }
  EXPECT_LE(streams_.report().bytes, 5000U);
  c.reset();
  b.reset();
  reader.reset();
}

TEST_F(KeptStreamsTest, WhatEndedIsKeptForAWhile) {
  auto stream = keep();
  stream->append(event(1));
  clock_.advance(seconds(100));
  stream->end({});
  clock_.advance(seconds(9));
  streams_.expire();
  auto reader = read(*stream, 0);
  ASSERT_TRUE(reader);
  clock_.advance(seconds(2));
  streams_.expire();
  std::string out;
  EXPECT_EQ(drain(**reader, &out), KeptReader::Next::kEnd);  // it was in time
  EXPECT_EQ(out, event(1));
  reader->reset();
  EXPECT_FALSE(read(*stream, 0));
  streams_.expire();
  EXPECT_EQ(streams_.report().streams, 0U);
  EXPECT_EQ(streams_.report().bytes, 0U);
}

TEST_F(KeptStreamsTest, NobodyIsToldWhoHasLeft) {
  auto stream = keep();
  auto reader = read(*stream, 0).value();
  std::string out;
  drain(*reader, &out);
  stream->append(event(1));
  reader.reset();
  stream.reset();
  writer_.times = reader_.times = 0;
  tasks_.run();
  EXPECT_EQ(writer_.times + reader_.times, 0);
}

TEST_F(KeptStreamsTest, ReadersOnOtherThreadsGetAll) {
  constexpr uint64_t kEvents = 3000;
  auto stream = keep();
  std::string whole;
  for (uint64_t id = 1; id <= kEvents; ++id) whole += event(id);
  std::atomic<int> ready{0};
  const auto follow = [&](std::string* got) {
    Tasks tasks;
    Told told;
    auto reader = streams_.read(stream->id(), 0, tasks.post(), told).value();
    ++ready;
    for (;;) {
      const auto next = reader->next(1000, got);
      if (next == KeptReader::Next::kEnd) return;
      if (next == KeptReader::Next::kWait) tasks.wait_and_run();
    }
  };
  std::string first, second;
  std::thread one(follow, &first), two(follow, &second);
  while (ready.load() < 2) std::this_thread::yield();
  for (uint64_t id = 1; id <= kEvents; ++id) {
    while (stream->blocked()) tasks_.wait_and_run();
    stream->append(event(id));
    tasks_.run();
  }
  stream->end({});
  one.join();
  two.join();
  EXPECT_EQ(first, whole);
  EXPECT_EQ(second, whole);
  EXPECT_EQ(stream->readers_ever(), 2U);
}

}  // namespace
}  // namespace culvert
