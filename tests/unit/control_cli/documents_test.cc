// Files joined into one request, with the places of their fields.
#include "control/cli/documents.h"

#include <gtest/gtest.h>

namespace culvert::cli {
namespace {

constexpr const char* kPool =
    "kind: KeyPool\nname: p\nspec:\n  upstream: u\n  keys: [\"env:KEY\", sk-plain-0123456789]\n";

Environment with(const std::string& value) {
  return [value](const std::string& name) -> std::optional<std::string> {
    return name == "KEY" ? std::optional(value) : std::nullopt;
  };
}

TEST(JoinDocuments, FollowsReferencesAndKeepsPlaces) {
  const auto documents = join_documents(
      {{"a.yaml", "kind: Upstream\nname: u\nspec: {}\n"}, {"b.yaml", kPool}}, with("sk-secret"));
  ASSERT_TRUE(documents) << documents.error().detail;
  ASSERT_EQ(documents->resources.size(), 2U);
  EXPECT_EQ(documents->resources[1].key_pool().keys(0).value(), "sk-secret");
  v1::Finding finding;
  finding.set_kind("KeyPool");
  finding.set_name("p");
  finding.set_path("keys[1]");
  finding.set_message("is wrong");
  EXPECT_EQ(in_words(finding, documents->places), "b.yaml:5: is wrong (KeyPool p)");
  finding.set_name("elsewhere");
  EXPECT_EQ(in_words(finding, documents->places), "KeyPool elsewhere keys[1]: is wrong");
}

TEST(JoinDocuments, FollowsAnEgressProxy) {
  const std::string upstream = "kind: Upstream\nname: u\nspec:\n  egress_proxy: env:KEY\n";
  const auto documents = join_documents({{"a.yaml", upstream}}, with("http://user:pw@p:3128"));
  ASSERT_TRUE(documents) << documents.error().detail;
  EXPECT_EQ(documents->resources[0].upstream().egress_proxy().value(), "http://user:pw@p:3128");
  const auto bad = join_documents({{"a.yaml", upstream}}, with("ftp://user:pw@p"));
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().detail.rfind("a.yaml:4: env:KEY: the proxy's scheme", 0), 0U);
  EXPECT_EQ(bad.error().detail.find("user"), std::string::npos);
}

TEST(JoinDocuments, ErrorsHoldNoSecret) {
  const auto unset = join_documents({{"b.yaml", kPool}}, with(""));
  ASSERT_FALSE(unset);
  EXPECT_EQ(unset.error().detail.rfind("b.yaml:5: the variable KEY", 0), 0U);
  const auto bad = join_documents({{"b.yaml", kPool}}, with("two words"));
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().detail.rfind("b.yaml:5: env:KEY: ", 0), 0U) << bad.error().detail;
  EXPECT_EQ(bad.error().detail.find("two words"), std::string::npos);
}

TEST(JoinDocuments, RefusesWhatComesTwiceAndRelays) {
  const std::string upstream = "kind: Upstream\nname: u\nspec: {}\n";
  const auto twice = join_documents({{"a", upstream}, {"b", upstream}}, with(""));
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().detail.rfind("b:2: Upstream \"u\" is the second one, after a:2", 0), 0U);
  const auto relay = join_documents({{"a", "kind: Relay\nname: r\nspec: {}\n"}}, with(""));
  ASSERT_FALSE(relay);
  EXPECT_EQ(relay.error().detail.rfind("a:2: ", 0), 0U);
}

}  // namespace
}  // namespace culvert::cli
