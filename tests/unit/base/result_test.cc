// Results: a value or an error, moved through, and the two macros that pass an error on.
#include "relay/base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace culvert {
namespace {

Error refused() { return Error::ours(Code::kOverloaded, Stage::kLimit, "too many"); }

Result<std::unique_ptr<int>> make(bool well) {
  if (!well) return refused();
  return std::make_unique<int>(7);
}

Result<void> check(bool well) {
  if (!well) return refused();
  return {};
}

Result<int> both(bool first, bool second, bool* reached) {
  CULVERT_CHECK(check(first));
  const auto made = CULVERT_TRY(make(second));
  *reached = true;
  return *made;
}

TEST(Result, HoldsAValue) {
  Result<std::string> result(std::string("text"));
  ASSERT_TRUE(result);
  EXPECT_TRUE(result.has_value());
  EXPECT_EQ(*result, "text");
  EXPECT_EQ(result->size(), 4U);
  const std::string taken = std::move(result).value();
  EXPECT_EQ(taken, "text");
}

TEST(Result, HoldsAnError) {
  const Result<std::string> result(refused());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kOverloaded);
  EXPECT_EQ(result.error().detail, "too many");
}

TEST(Result, CarriesWhatCannotBeCopied) {
  auto result = make(true);
  ASSERT_TRUE(result);
  const std::unique_ptr<int> taken = *std::move(result);
  EXPECT_EQ(*taken, 7);
}

TEST(Result, OfNothingIsGoodByDefault) {
  EXPECT_TRUE(Result<void>());
  EXPECT_TRUE(check(true));
  EXPECT_EQ(check(false).error().stage, Stage::kLimit);
}

TEST(Result, AnErrorLeavesTheFunctionAroundAtOnce) {
  bool reached = false;
  EXPECT_FALSE(both(false, true, &reached));
  EXPECT_FALSE(reached);
  const auto second = both(true, false, &reached);
  EXPECT_FALSE(reached);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().detail, "too many");
  const auto well = both(true, true, &reached);
  EXPECT_TRUE(reached);
  ASSERT_TRUE(well);
  EXPECT_EQ(*well, 7);
}

}  // namespace
}  // namespace culvert
