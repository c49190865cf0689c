// Lists that people write.
#include "relay/codec/json_strings.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using Strings = std::vector<std::string>;

TEST(JsonStrings, OfAnObjectAnArrayOrAlone) {
  EXPECT_EQ(json_strings(R"({"keys":["a","b"],"x":1})", "keys"), (Strings{"a", "b"}));
  EXPECT_EQ(json_strings(R"({"keys":"a"})", "keys"), Strings{"a"});
  EXPECT_EQ(json_strings(R"(["a"])", "keys"), Strings{"a"});
  EXPECT_EQ(json_strings(R"("a")", "keys"), Strings{"a"});
  EXPECT_EQ(json_strings("[]", "keys"), Strings{});
}

TEST(JsonStrings, OfNothingElse) {
  for (const char* text : {"", "{}", "[1]", "[\"a\",null]", "{\"keys\":{}}", "{\"keys\":[[]]}",
                           "[\"a\"", "a,b", "7"}) {
    EXPECT_FALSE(json_strings(text, "keys")) << text;
  }
}

}  // namespace
}  // namespace culvert
