// Hunks as diff -u writes them.
#include "control/cli/unified_diff.h"

#include <gtest/gtest.h>

namespace culvert::cli {
namespace {

std::string numbers(int count, const std::string& changed = "", int at = 0) {
  std::string out;
  for (int i = 1; i <= count; ++i) out += (i == at ? changed : std::to_string(i)) + "\n";
  return out;
}

TEST(UnifiedDiff, IsEmptyForTheSame) {
  EXPECT_EQ(unified_diff("a", "b", "x\ny\n", "x\ny\n"), "");
  EXPECT_EQ(unified_diff("a", "b", "", ""), "");
}

TEST(UnifiedDiff, HasThreeLinesOfContext) {
  EXPECT_EQ(unified_diff("a", "b", numbers(9), numbers(9, "five", 5)),
            "--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
}

TEST(UnifiedDiff, WritesWhatIsNewAndWhatGoes) {
  EXPECT_EQ(unified_diff("a", "b", "", "x\ny\n"), "--- a\n+++ b\n@@ -0,0 +1,2 @@\n+x\n+y\n");
  EXPECT_EQ(unified_diff("a", "b", "x\n", ""), "--- a\n+++ b\n@@ -1 +0,0 @@\n-x\n");
}

TEST(UnifiedDiff, PartsHunksThatLieFarApartAndJoinsNearOnes) {
  std::string after = numbers(30, "five", 5);
  after.replace(after.find("\n25\n"), 4, "\n");
  EXPECT_EQ(unified_diff("a", "b", numbers(30), after),
            "--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
            "@@ -22,7 +22,6 @@\n 22\n 23\n 24\n-25\n 26\n 27\n 28\n");
  after = numbers(12, "five", 5);
  after.replace(after.find("\n11\n"), 4, "\neleven\n");
  const std::string joined = unified_diff("a", "b", numbers(12), after);
  EXPECT_EQ(joined.find("@@ -2,11 +2,11 @@"), 12U) << joined;
}

TEST(UnifiedDiff, FindsTheLeastThatDiffers) {
  EXPECT_EQ(unified_diff("a", "b", "x\nsame\ny\n", "same\ny\nz\n"),
            "--- a\n+++ b\n@@ -1,3 +1,3 @@\n-x\n same\n y\n+z\n");
}

TEST(UnifiedDiff, GivesUpOnExactnessWhereItIsTooLarge) {
  std::string before, after;
  for (int i = 0; i < 5000; ++i) {
    before += "a" + std::to_string(i) + "\n";
    after += "b" + std::to_string(i) + "\n";
  }
  const std::string diff = unified_diff("a", "b", before, after);
  EXPECT_NE(diff.find("@@ -1,5000 +1,5000 @@"), std::string::npos);
}

}  // namespace
}  // namespace culvert::cli
