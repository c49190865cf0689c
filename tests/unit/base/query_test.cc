// Query pairs are found in every spelling that an upstream would read, and nothing else moves.
#include "relay/base/query.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using Values = std::vector<std::string_view>;

TEST(Query, FindsValuesInOrder) {
  EXPECT_EQ(query_values("/p?key=a&x=1&key=b", "key"), (Values{"a", "b"}));
  EXPECT_EQ(query_values("/p?key", "key"), (Values{""}));
  EXPECT_EQ(query_values("/p?a=b=c", "a"), (Values{"b=c"}));
  EXPECT_TRUE(query_values("/p", "key").empty());
  EXPECT_TRUE(query_values("/p?", "key").empty());
}

TEST(Query, NamesAreNotPartsOfNames) {
  EXPECT_TRUE(query_values("/p?monkey=a&keys=b&Key=c", "key").empty());
  EXPECT_TRUE(query_values("/key=a", "key").empty());
}

TEST(Query, SeesThroughPercentEncodedNames) {
  EXPECT_EQ(query_values("/p?%6Bey=a&k%65y=b", "key"), (Values{"a", "b"}));
}

TEST(Query, RemovesThePairAloneByteForByte) {
  const auto all = [](std::string_view) { return true; };
  EXPECT_EQ(without_query_pairs("/p?a=%2F+&key=x&b=%2f&&c", "key", all), "/p?a=%2F+&b=%2f&&c");
  EXPECT_EQ(without_query_pairs("/p?key=x", "key", all), "/p");
  EXPECT_EQ(without_query_pairs("/p?key=x&alt=sse", "key", all), "/p?alt=sse");
  EXPECT_EQ(without_query_pairs("/p?alt=sse&key=x", "key", all), "/p?alt=sse");
  EXPECT_EQ(without_query_pairs("/p?", "key", all), "/p?");
  EXPECT_EQ(without_query_pairs("/p?&&", "key", all), "/p?&&");
}

TEST(Query, RemovesOnlyUnwantedValues) {
  const auto is_x = [](std::string_view value) { return value == "x"; };
  EXPECT_EQ(without_query_pairs("/p?key=x&key=y", "key", is_x), "/p?key=y");
  EXPECT_EQ(without_query_pairs("/p?key=y", "key", is_x), "/p?key=y");
}

TEST(Query, ReplacesInPlace) {
  EXPECT_EQ(with_query_value("/p?a=1&key=k1,k2&b=2", "key", "k2"), "/p?a=1&key=k2&b=2");
  EXPECT_EQ(with_query_value("/p?key=k1&a=1&key=k2", "key", "z"), "/p?key=z&a=1");
  EXPECT_EQ(with_query_value("/p?a=1", "key", "z"), "/p?a=1");
}

TEST(Query, AReplacedValueCannotEndTheRequestLine) {
  EXPECT_EQ(with_query_value("/p?key=x", "key", "a b\r\nX: y&c=d"),
            "/p?key=a%20b%0D%0AX%3A%20y%26c%3Dd");
  EXPECT_EQ(percent_encode("AZaz09-._~"), "AZaz09-._~");
  EXPECT_EQ(percent_encode("\xFF"), "%FF");
}

}  // namespace
}  // namespace culvert
