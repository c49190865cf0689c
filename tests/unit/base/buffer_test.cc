// The byte queue: what goes in comes out in order, whatever the sizes, and an empty one holds no
// large memory.
#include "relay/base/buffer.h"

#include "relay/base/random.h"

#include <gtest/gtest.h>

#include <string>

namespace culvert {
namespace {

TEST(Buffer, IsEmptyAtFirst) {
  const Buffer buffer;
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.size(), 0U);
  EXPECT_EQ(buffer.view(), "");
}

TEST(Buffer, GivesBytesInOrder) {
  Buffer buffer;
  buffer.append("abc");
  buffer.append("def");
  EXPECT_EQ(buffer.view(), "abcdef");
  buffer.consume(2);
  EXPECT_EQ(buffer.view(), "cdef");
  EXPECT_EQ(buffer.size(), 4U);
  buffer.append("g");
  EXPECT_EQ(buffer.view(), "cdefg");
  buffer.consume(5);
  EXPECT_TRUE(buffer.empty());
}

TEST(Buffer, TakesNothing) {
  Buffer buffer;
  buffer.append("");
  EXPECT_TRUE(buffer.empty());
  buffer.append("x");
  buffer.consume(0);
  EXPECT_EQ(buffer.view(), "x");
}

TEST(Buffer, IsCleared) {
  Buffer buffer;
  buffer.append(std::string(100000, 'x'));
  buffer.consume(10);
  buffer.clear();
  EXPECT_TRUE(buffer.empty());
  buffer.append("new");
  EXPECT_EQ(buffer.view(), "new");
}

// Against a plain string, with sizes on both sides of every threshold of compaction.
TEST(Buffer, IsAQueueWhateverTheSizes) {
  SeededRandom random(7);
  Buffer buffer;
  std::string model;
  char next = 'a';
  for (int round = 0; round < 20000; ++round) {
    if (random.below(16) == 0) buffer.reserve(random.below(9000));
    if (random.below(2) == 0) {
      const size_t most = random.below(8) == 0 ? 9000 : 40;
      const std::string piece(random.below(most), next);
      next = next == 'z' ? 'a' : static_cast<char>(next + 1);
      buffer.append(piece);
      model += piece;
    } else {
      const size_t count = random.below(model.size() + 1);
      buffer.consume(count);
      model.erase(0, count);
    }
    ASSERT_EQ(buffer.size(), model.size());
    ASSERT_EQ(buffer.view(), model);
  }
}

}  // namespace
}  // namespace culvert
