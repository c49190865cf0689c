// Goal: a reader gets every event once and in order, or is told that it cannot; the window bounds
// what is kept wherever no reader is behind. Method: two readers at every pair of places.
#include "relay/stream/kept_stream.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

std::string event(uint64_t id) { return "id: " + std::to_string(id) + "\ndata: x\n\n"; }

std::string events(uint64_t first, uint64_t last) {
  std::string out;
  for (uint64_t id = first; id <= last; ++id) out += event(id);
  return out;
}

KeptStream stream_of(uint64_t count, size_t window) {
  KeptStream stream(window);
  for (uint64_t id = 1; id <= count; ++id) stream.append(event(id));
  return stream;
}

size_t cost_of(uint64_t count) { return stream_of(count, 1 << 20).bytes(); }

std::string all(KeptStream& stream, KeptStream::Reader reader, size_t most) {
  std::string out;
  while (stream.take(reader, most, &out)) {
  }
  return out;
}

TEST(KeptStream, TwoReadersGetAllFromWhereverTheyBegin) {
  constexpr uint64_t kEvents = 12;
  for (uint64_t a = 0; a <= kEvents; ++a) {
    for (uint64_t b = 0; b <= kEvents; ++b) {
      for (const size_t most : {size_t{1}, size_t{40}, size_t{4096}}) {
        KeptStream stream = stream_of(kEvents, 1 << 20);
        auto first = stream.read_behind(a);
        auto second = stream.read_behind(b);
        EXPECT_EQ(all(stream, first, most), events(a + 1, kEvents));
        stream.append(event(kEvents + 1));
        EXPECT_EQ(all(stream, second, most), events(b + 1, kEvents + 1));
        EXPECT_EQ(all(stream, first, most), event(kEvents + 1));
        EXPECT_EQ(stream.backlog(), 0U);
      }
    }
  }
}

TEST(KeptStream, OlderEventsGoFirst) {
  const KeptStream stream = stream_of(100, cost_of(9) + 10);
  EXPECT_EQ(stream.last(), 100U);
  EXPECT_GE(stream.first(), 92U);
  EXPECT_LE(stream.bytes(), cost_of(9) + 10);
  EXPECT_FALSE(stream.has_behind(stream.first() - 2));
  EXPECT_TRUE(stream.has_behind(stream.first() - 1));
  EXPECT_TRUE(stream.has_behind(100));
  EXPECT_FALSE(stream.has_behind(101));
}

TEST(KeptStream, NothingGoesThatAReaderHasStillToGet) {
  const size_t window = cost_of(9);
  for (uint64_t at = 0; at < 9; ++at) {
    KeptStream stream = stream_of(9, window);
    auto reader = stream.read_behind(at);
    for (uint64_t id = 10; id <= 30; ++id) stream.append(event(id));
    EXPECT_TRUE(stream.overfull());
    EXPECT_EQ(stream.first(), at + 1);
    EXPECT_GT(stream.backlog(), window);
    EXPECT_EQ(all(stream, reader, 64), events(at + 1, 30));
    EXPECT_FALSE(stream.overfull());
    EXPECT_LE(stream.bytes(), window);
  }
}

TEST(KeptStream, AReaderThatLeavesHoldsNothingBack) {
  KeptStream stream = stream_of(9, cost_of(9));
  auto slow = stream.read_behind(0);
  auto quick = stream.read_behind(9);
  for (uint64_t id = 10; id <= 30; ++id) stream.append(event(id));
  EXPECT_TRUE(stream.overfull());
  stream.stop_reading(slow);
  EXPECT_EQ(stream.first(), 10U);
  EXPECT_EQ(all(stream, quick, 1 << 20), events(10, 30));
  stream.stop_reading(quick);
  EXPECT_FALSE(stream.overfull());
}

TEST(KeptStream, DropsOnDemandWhatNobodyNeeds) {
  KeptStream stream = stream_of(10, 1 << 20);
  auto reader = stream.read_behind(4);
  stream.drop(1);
  EXPECT_EQ(stream.first(), 2U);
  stream.drop(stream.bytes());
  EXPECT_EQ(stream.first(), 5U);
  EXPECT_EQ(all(stream, reader, 64), events(5, 10));
  stream.drop(stream.bytes());
  EXPECT_EQ(stream.bytes(), 0U);
  EXPECT_EQ(stream.first(), 11U);
  stream.append(event(11));
  EXPECT_EQ(all(stream, reader, 64), event(11));
}

TEST(KeptStream, AnEventLargerThanTheWindowIsNotKeptForNobody) {
  KeptStream stream(100);
  stream.append(std::string(500, 'x'));
  EXPECT_EQ(stream.bytes(), 0U);
  EXPECT_FALSE(stream.has_behind(0));
  EXPECT_TRUE(stream.has_behind(1));
}

}  // namespace
}  // namespace culvert
