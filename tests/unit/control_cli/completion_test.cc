// What may come next, on a small tree.
#include "control/cli/completion.h"

#include <gtest/gtest.h>

namespace culvert::cli {
namespace {

CompletionVerb tree() {
  CompletionVerb show{"show", "one", {}, {{{}, "RELAY", {}, ""}}, false, {}};
  CompletionVerb apply{
      "apply", "change", {{{"-f", "--file"}, "FILE", {}, ""}, {{"--dry-run"}, "", {}, ""}},
      {},      false,    {}};
  CompletionVerb erase{
      "delete", "erase", {}, {{{}, "KIND", {"up", "rt"}, ""}, {{}, "NAME", {}, ""}}, true, {}};
  CompletionVerb relay{"relay", "relays", {}, {}, false, {show}};
  return {"culvert", "",    {{{"-o", "--output"}, "FORMAT", {"table", "json"}, ""}},
          {},        false, {apply, erase, relay}};
}

std::string offered(const std::vector<std::string>& words) {
  std::string out;
  const Completion completion = complete(tree(), words);
  for (const auto& candidate : completion.candidates) out += candidate.word + " ";
  return out + completion.wanted;
}

TEST(Complete, OffersVerbsThatBeginSo) {
  EXPECT_EQ(offered({""}), "apply delete relay ");
  EXPECT_EQ(offered({}), "apply delete relay ");
  EXPECT_EQ(offered({"re"}), "relay ");
  EXPECT_EQ(offered({"relay", ""}), "show ");
  EXPECT_EQ(offered({"x", ""}), "apply delete relay ");
}

TEST(Complete, OffersFlagsOfTheVerbAndOfAllAboveItOnce) {
  EXPECT_EQ(offered({"apply", "--"}), "--file --dry-run --output ");
  EXPECT_EQ(offered({"apply", "--dry-run", "--d"}), "");
  EXPECT_EQ(offered({"apply", "-f", "x", "--fi"}), "--file ");  // may come again
  EXPECT_EQ(offered({"relay", "show", "--o"}), "--output ");
  EXPECT_EQ(offered({"-o"}), "-o ");
}

TEST(Complete, OffersValues) {
  EXPECT_EQ(offered({"--output", ""}), "table json ");
  EXPECT_EQ(offered({"--output=j"}), "json ");
  EXPECT_EQ(offered({"--output", "=", "t"}), "table ");  // as bash breaks words
  EXPECT_EQ(offered({"--output=json", "re"}), "relay ");
  EXPECT_EQ(offered({"apply", "-f", "a"}), "FILE");
  EXPECT_EQ(offered({"apply", "--file="}), "FILE");
}

TEST(Complete, KnowsWhichPlaceIsTyped) {
  EXPECT_EQ(offered({"relay", "show", ""}), "RELAY");
  EXPECT_EQ(offered({"relay", "show", "a", ""}), "");
  EXPECT_EQ(offered({"delete", "r"}), "rt ");
  EXPECT_EQ(offered({"delete", "rt", ""}), "NAME");
  EXPECT_EQ(offered({"delete", "rt", "a", "b", ""}), "NAME");
  EXPECT_EQ(offered({"delete", "--", "rt", ""}), "NAME");
  const Completion completion = complete(tree(), {"delete", "-o", "json", "rt", "x"});
  EXPECT_EQ(completion.given, std::vector<std::string>{"rt"});
  EXPECT_EQ(completion.options.at("--output"), "json");
  EXPECT_EQ(completion.prefix, "x");
}

}  // namespace
}  // namespace culvert::cli
