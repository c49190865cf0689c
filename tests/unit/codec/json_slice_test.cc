// Slices of JSON: what they find, and that what they do not touch stays as it was.
#include "relay/codec/json_slice.h"

#include <gtest/gtest.h>

#include <array>

namespace culvert::test {
namespace {

TEST(JsonSlice, FindsMembersAndElementsVerbatim) {
  const JsonSlice root(
      R"( {"a" : 1.50e+400 , "b":[ {"x":"}"} ,2, null ],"n":null, "c\u0064":true} )");
  EXPECT_EQ(root.find("a")->text(), "1.50e+400");
  EXPECT_EQ(root.find("b")->elements().size(), 3U);
  EXPECT_EQ(root.find("b")->elements()[0].text(), R"({"x":"}"})");
  EXPECT_FALSE(root.find("n"));
  EXPECT_FALSE(root.find("x"));
  EXPECT_TRUE(root.find("cd")->is_true());
  EXPECT_EQ(root.members().size(), 4U);
  EXPECT_TRUE(JsonSlice("[]").elements().empty());
  EXPECT_TRUE(JsonSlice("{ }").members().empty());
}

TEST(JsonSlice, UnescapesStrings) {
  EXPECT_EQ(JsonSlice(R"("a\n\"\\\/\u00e9\ud83e\udd8a")").string(), "a\n\"\\/é🦊");
  EXPECT_EQ(JsonSlice(R"("\ud83e")").string(), "\xEF\xBF\xBD");
  EXPECT_EQ(JsonSlice(R"("\ud83ex")").string(), "\xEF\xBF\xBDx");
  EXPECT_FALSE(JsonSlice(R"("\u12")").string());
  EXPECT_FALSE(JsonSlice(R"("open)").string());
  EXPECT_FALSE(JsonSlice("7").string());
}

TEST(JsonSlice, FindsLessInWhatIsCutAndNothingBehindIt) {
  const std::string_view whole = R"({"a":{"b":["c",{"d":"e\"f"}]},"g":[1,2]})";
  for (size_t at = 0; at < whole.size(); ++at) {
    const std::string cut(whole.substr(0, at));
    const JsonSlice slice(cut);
    EXPECT_FALSE(slice.is_whole()) << cut;
    for (const auto& [name, value] : slice.members()) EXPECT_TRUE(value.is_whole()) << cut;
  }
  EXPECT_TRUE(JsonSlice(whole).is_whole());
}

TEST(JsonSlice, ReplacesAndAddsMembers) {
  EXPECT_EQ(with_member(R"({"a":1, "b" : 2})", "b", "[3]"), R"({"a":1, "b" : [3]})");
  EXPECT_EQ(with_member(R"({"a":1 })", "b", "3"), R"({"a":1 ,"b":3})");
  EXPECT_EQ(with_member("{}", "b", "3"), R"({"b":3})");
  EXPECT_EQ(json_literal("a\"\n"), R"("a\"\n")");
  EXPECT_EQ(text_member(JsonSlice(R"({"a":"x","b":1})"), "a"), "x");
  EXPECT_EQ(text_member(JsonSlice(R"({"a":"x","b":1})"), "b"), "");
}

TEST(JsonSlice, CountsAreWholeNumbers) {
  EXPECT_EQ(JsonSlice("18446744073709551615").count(), 18446744073709551615U);
  for (const std::string_view text : {"18446744073709551616", "-1", "1.0", "", "\"1\""}) {
    EXPECT_FALSE(JsonSlice(text).count()) << text;
  }
}

TEST(JsonSlice, PicksAsFindDoes) {
  const JsonSlice root(R"({"a":1, "b" : [{"a":"}"}], "a":2, "n":null, "\u0063":"x", "more":0})");
  std::array<JsonMember, 5> members{{{"a"}, {"b"}, {"n"}, {"c"}, {"none"}}};
  const auto picked = root.pick(members);
  EXPECT_TRUE(picked.whole);
  EXPECT_TRUE(picked.others);
  for (const JsonMember& member : members) {
    const auto found = root.find(member.name);
    ASSERT_EQ(member.value.has_value(), found.has_value()) << member.name;
    EXPECT_EQ(member.value.value_or(JsonSlice()).text(), found.value_or(JsonSlice()).text());
  }
  size_t at = 0;
  EXPECT_EQ(members[1].value->next(&at)->text(), R"({"a":"}"})");
  EXPECT_FALSE(members[1].value->next(&at));
  EXPECT_FALSE(JsonSlice(R"({"a":1)").pick(members).whole);
  EXPECT_FALSE(JsonSlice(R"({"a":x{"b"})").pick(members).whole);
}

}  // namespace
}  // namespace culvert::test
