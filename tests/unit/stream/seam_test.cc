// What of a continuation the client has already.
#include "relay/stream/seam.h"

#include <gtest/gtest.h>

#include <string>

namespace culvert::test {
namespace {

// The continuation without what is dropped; all at once.
std::string joined(const std::string& sent, const std::string& received) {
  Seam seam(sent, 256);
  const auto drop = seam.feed(received);
  return received.substr(drop.value_or(seam.decide()));
}

TEST(Seam, RemovesTheLongestOverlap) {
  EXPECT_EQ(joined("one two three four", "three four five"), " five");
  EXPECT_EQ(joined("The cat sat on", "The cat sat on the mat"), " the mat");
  EXPECT_EQ(joined("狐狸跳过了懒狗然后睡着", "跳过了懒狗然后睡着了"), "了");
  EXPECT_EQ(joined("one two three four", "three fou"), "three fou");
}

TEST(Seam, LeavesWhatMatchesByChance) {
  EXPECT_EQ(joined("one two three four", " four and"), " four and");
  EXPECT_EQ(joined("| --- | ----------", "---------- |"), "---------- |");
  EXPECT_EQ(joined("x\n        ", "        y"), "        y");
}

TEST(Seam, OfAShortTextARepetitionHasAll) {
  EXPECT_EQ(joined("Well,", "Well, it is"), " it is");
  EXPECT_EQ(joined("ha", "haha"), "haha");
}

TEST(Seam, RemovesAReopenedFenceOnlyWhereItCannotBeMeant) {
  const std::string code = "Look:\n```python\nx = 1\n";
  EXPECT_EQ(joined(code, "```python\ny = 2"), "y = 2");
  EXPECT_EQ(joined(code, "```\nThat is it."), "```\nThat is it.");
  EXPECT_EQ(joined(code + "y", "```\n = 2"), " = 2");
  EXPECT_EQ(joined("No code here. ", "```python\nx"), "```python\nx");
  EXPECT_EQ(joined(code + "print(total)", "```python\nprint(total)\nend"), "\nend");
}

TEST(Seam, RemovesAnEllipsisOnlyWithAnOverlap) {
  EXPECT_EQ(joined("one two three four", "… three four five"), " five");
  EXPECT_EQ(joined("one two three four", "...three four five"), " five");
  EXPECT_EQ(joined("and so", "... it went"), "... it went");
}

TEST(Seam, ReleasesAtOnceWhatCannotMatch) {
  Seam seam("one two three four", 256);
  EXPECT_EQ(seam.feed("z"), 0U);
  Seam other("one two three four", 256);
  EXPECT_FALSE(other.feed("thr"));
  EXPECT_FALSE(other.repeats());
  EXPECT_EQ(other.feed("ough"), 0U);
}

TEST(Seam, TellsThatItIsRepeating) {
  Seam seam("one two three four five", 256);
  EXPECT_FALSE(seam.feed("two three"));
  EXPECT_TRUE(seam.repeats());
  EXPECT_FALSE(seam.feed(" four"));
  EXPECT_EQ(seam.feed(" five!"), std::string_view("two three four five").size());
}

TEST(Seam, BlanksThatTheUpstreamWasNotShownComeOnce) {
  Seam again("one two ", 256, " ");
  EXPECT_FALSE(again.feed(" "));
  EXPECT_EQ(again.feed("three"), 1U);
  Seam gone("one two ", 256, " ");
  EXPECT_EQ(gone.feed("zebra"), 0U);
}

}  // namespace
}  // namespace culvert::test
