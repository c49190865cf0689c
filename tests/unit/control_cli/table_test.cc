// Layout, with characters of each width.
#include "control/cli/table.h"

#include <gtest/gtest.h>

namespace culvert::cli {
namespace {

TEST(Table, SetsColumnsUnderEachOtherWithoutSpacesAtTheEnds) {
  Table table({"NAME", ">COUNT", "WHAT"});
  table.add({"模型", "7", "x"});
  table.add({"größer", "1234567", ""});
  EXPECT_EQ(table.text(false),
            "NAME      COUNT  WHAT\n"
            "模型          7  x\n"
            "größer  1234567\n");
}

TEST(Table, EmptyCellsKeepWhatFollowsInItsColumn) {
  Table table({"A", "B", ">C"});
  table.add({"", "", "1"});
  table.add({"aa", "", "22"});
  table.add({"", "b", ""});
  EXPECT_EQ(table.text(false), "A   B   C\n        1\naa     22\n    b\n");
}

TEST(Table, CellsAreHarmlessAndColoursTakeNoColumn) {
  Table table({"A", "B"});
  table.add({Cell("x\x1b[2J", Colour::kRed), "y"});
  EXPECT_EQ(table.rows_text(false), "x?[2J  y\n");
  EXPECT_EQ(table.rows_text(true), "\x1b[31mx?[2J\x1b[0m  y\n");
}

}  // namespace
}  // namespace culvert::cli
