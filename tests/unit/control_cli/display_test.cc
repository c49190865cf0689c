// Widths, cuts, and that nothing from outside reaches a terminal as a command.
#include "control/cli/display.h"

#include <gtest/gtest.h>

namespace culvert::cli {
namespace {

TEST(Clean, TakesWhatMovesTheCursorOrTurnsTheText) {
  EXPECT_EQ(clean("a\x1b[31mb\r\nc\x07"), "a?[31mb??c?");
  EXPECT_EQ(clean("a\xC2\x9B"
                  "31mb"),
            "a?31mb");  // C1: CSI in one character
  EXPECT_EQ(clean("a\u202Eb\u2066c\u200Ed\uFEFFe\u2028f"), "a?b?c?d?e?f");
  EXPECT_EQ(clean("a\tb"), "a  b");
  EXPECT_EQ(clean("größe 模型 🙂"), "größe 模型 🙂");
  EXPECT_EQ(clean("a\xFF\xC3(b"), "a\uFFFD\uFFFD(b");
}

TEST(Clean, HasABoundThatCutsNoCharacter) {
  EXPECT_EQ(clean("abcdef", 3), "abc…");
  EXPECT_EQ(clean("ab模", 3), "ab…");
  EXPECT_EQ(clean("ab模", 5), "ab模");
}

TEST(CleanLines, KeepsLinesOnly) { EXPECT_EQ(clean_lines("a\n\x1b]b\r\n"), "a\n?]b?\n"); }

TEST(DisplayWidth, CountsColumns) {
  EXPECT_EQ(display_width(""), 0U);
  EXPECT_EQ(display_width("größe"), 5U);
  EXPECT_EQ(display_width("模型"), 4U);
  EXPECT_EQ(display_width("🙂"), 2U);
  EXPECT_EQ(display_width("e\u0301"), 1U);
  EXPECT_EQ(display_width("→…"), 2U);
  EXPECT_EQ(display_width("\x1b[31mred\x1b[0m"), 3U);
}

TEST(CutToWidth, LeavesNoMoreColumnsAndEndsColours) {
  EXPECT_EQ(cut_to_width("abc", 3), "abc");
  EXPECT_EQ(cut_to_width("abcd", 3), "ab…");
  EXPECT_EQ(cut_to_width("模型库", 4), "模…");
  EXPECT_EQ(cut_to_width("\x1b[31mabcd\x1b[0m", 3), "\x1b[31mab…\x1b[0m");
  EXPECT_EQ(cut_to_width("abc", 0), "");
  for (size_t width = 1; width < 12; ++width) {
    EXPECT_LE(display_width(cut_to_width("a模b型\x1b[1mc库🙂", width)), width);
  }
}

}  // namespace
}  // namespace culvert::cli
