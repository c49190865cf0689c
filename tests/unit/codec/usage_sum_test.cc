// Usage objects of all vendors added up.
#include "relay/codec/usage_sum.h"

#include <gtest/gtest.h>

namespace culvert::test {
namespace {

TEST(UsageSum, AddsNumbersAndKeepsTheRest) {
  EXPECT_EQ(usage_sum(R"({"a":1,"t":"x","b":2})", R"({"a":10,"t":"y","c":3})"),
            R"({"a":11,"t":"y","b":2,"c":3})");
  EXPECT_EQ(usage_sum("", R"({"a":1})"), R"({"a":1})");
  EXPECT_EQ(usage_sum(R"({"a":1})", ""), R"({"a":1})");
  EXPECT_EQ(usage_sum("", ""), "");
  EXPECT_EQ(usage_sum(R"({"a":18446744073709551615})", R"({"a":1})"),
            R"({"a":18446744073709551615})");
}

TEST(UsageSum, AddsWithinObjectsAndByModality) {
  EXPECT_EQ(usage_sum(R"({"d":{"cached_tokens":1}})", R"({"d":{"cached_tokens":2}})"),
            R"({"d":{"cached_tokens":3}})");
  EXPECT_EQ(
      usage_sum(R"({"p":[{"modality":"TEXT","tokenCount":2},{"modality":"IMAGE","tokenCount":9}]})",
                R"({"p":[{"modality":"TEXT","tokenCount":3}]})"),
      R"({"p":[{"modality":"TEXT","tokenCount":5},{"modality":"IMAGE","tokenCount":9}]})");
  EXPECT_EQ(usage_sum(R"({"p":[1]})", R"({"p":[2]})"), R"({"p":[2]})");
}

TEST(UsageSum, OverlaysWhatIsToldAnew) {
  EXPECT_EQ(usage_overlaid(R"({"input_tokens":4,"output_tokens":1})", R"({"output_tokens":7})"),
            R"({"input_tokens":4,"output_tokens":7})");
}

}  // namespace
}  // namespace culvert::test
