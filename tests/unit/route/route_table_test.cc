// Which route a request falls under, and that finding it does not walk over all of them.
#include "relay/route/route_table.h"

#include <gtest/gtest.h>

#include <array>

namespace culvert {
namespace {

// Routes are told apart by their name; the test gives them in the order of how specific they are.
Route route(std::string name, std::string prefix = {}) {
  Route made;
  made.name = std::move(name);
  made.path_prefix = std::move(prefix);
  return made;
}

class RouteTableTest : public testing::Test {
 protected:
  struct Ask {
    std::string path = "/";
    std::string host = "relay.test";
    std::string model{};
    bool model_known = true;
    Headers headers{};
  };
  RouteTable::Match match(const Ask& ask) const {
    return RouteTable(routes_).find({.path = ask.path,
                                     .host = ask.host,
                                     .model = ask.model,
                                     .model_known = ask.model_known,
                                     .headers = ask.headers});
  }
  std::string name(const Ask& ask) const {
    const auto found = match(ask);
    if (found.needs_model) return "needs model";
    return found.route == nullptr ? "none" : found.route->name;
  }
  static HostPattern host(std::string text) { return HostPattern{std::move(text)}; }

  std::vector<Route> routes_;
};

TEST_F(RouteTableTest, EmptyTableMatchesNothing) { EXPECT_EQ(name({}), "none"); }

TEST_F(RouteTableTest, PrefixOnWholeSegments) {
  routes_ = {route("ab", "/a/b"), route("a", "/a")};
  EXPECT_EQ(name({.path = "/a/b"}), "ab");
  EXPECT_EQ(name({.path = "/a/b/c"}), "ab");
  EXPECT_EQ(name({.path = "/a/b?x"}), "ab");
  EXPECT_EQ(name({.path = "/a/bc"}), "a");
  EXPECT_EQ(name({.path = "/a"}), "a");
  EXPECT_EQ(name({.path = "/a?x=/a/b"}), "a");
  EXPECT_EQ(name({.path = "/ab"}), "none");
  EXPECT_EQ(name({.path = "/"}), "none");
}

TEST_F(RouteTableTest, EmptyPrefixMatchesEveryPath) {
  routes_ = {route("all")};
  EXPECT_EQ(name({.path = "/"}), "all");
  EXPECT_EQ(name({.path = "/x/y"}), "all");
}

TEST_F(RouteTableTest, HostsExactAndWild) {
  routes_ = {route("exact"), route("wild"), route("rest")};
  routes_[0].hosts = {host("api.example.com")};
  routes_[1].hosts = {host("*.example.com")};
  EXPECT_EQ(name({.host = "api.example.com"}), "exact");
  EXPECT_EQ(name({.host = "API.Example.COM:8443"}), "exact");
  EXPECT_EQ(name({.host = "a.b.example.com"}), "wild");
  EXPECT_EQ(name({.host = "example.com"}), "rest");
  EXPECT_EQ(name({.host = "notexample.com"}), "rest");
  EXPECT_EQ(name({.host = ""}), "rest");
}

TEST_F(RouteTableTest, HeadersByValueAndByPresence) {
  routes_ = {route("value"), route("present"), route("rest")};
  routes_[0].headers = {{"x-tier", "gold"}};
  routes_[1].headers = {{"x-tier", "*"}};
  Headers gold;
  gold.add("X-Tier", "gold");
  Headers silver;
  silver.add("x-tier", "silver");
  Headers both = silver;
  both.add("X-TIER", "gold");
  EXPECT_EQ(name({.headers = gold}), "value");
  EXPECT_EQ(name({.headers = silver}), "present");
  EXPECT_EQ(name({.headers = both}), "value");
  EXPECT_EQ(name({}), "rest");
}

TEST_F(RouteTableTest, AllConditionsTogether) {
  routes_ = {route("strict", "/a"), route("rest")};
  routes_[0].hosts = {host("h.test")};
  routes_[0].headers = {{"x-a", "1"}, {"x-b", "*"}};
  routes_[0].models = {"gpt-*"};
  Headers headers;
  headers.add("x-a", "1");
  EXPECT_EQ(name({.path = "/a", .host = "h.test", .model = "gpt-5", .headers = headers}), "rest");
  headers.add("x-b", "any");
  EXPECT_EQ(name({.path = "/a", .host = "h.test", .model = "gpt-5", .headers = headers}), "strict");
  EXPECT_EQ(name({.path = "/b", .host = "h.test", .model = "gpt-5", .headers = headers}), "rest");
  EXPECT_EQ(name({.path = "/a", .host = "h.test", .model = "o3", .headers = headers}), "rest");
}

TEST_F(RouteTableTest, ModelsExactAndWithStar) {
  routes_ = {route("exact"), route("star"), route("rest")};
  routes_[0].models = {"gpt-5", "o3"};
  routes_[1].models = {"gpt-*", "*-mini"};
  EXPECT_EQ(name({.model = "o3"}), "exact");
  EXPECT_EQ(name({.model = "gpt-4"}), "star");
  EXPECT_EQ(name({.model = "o3-mini"}), "star");
  EXPECT_EQ(name({.model = "claude"}), "rest");
}

TEST_F(RouteTableTest, NoModelMatchesNoRouteWithModels) {
  routes_ = {route("any model"), route("rest")};
  routes_[0].models = {"*"};
  EXPECT_EQ(name({.model = ""}), "rest");
  EXPECT_EQ(name({.model = "x"}), "any model");
}

TEST_F(RouteTableTest, AsksForTheModelOnlyWhereItDecides) {
  routes_ = {route("exact", "/m"), route("star", "/m"), route("rest")};
  routes_[0].models = {"gpt-5"};
  routes_[1].models = {"gpt-*"};
  EXPECT_EQ(name({.path = "/m/x", .model_known = false}), "needs model");
  EXPECT_EQ(name({.path = "/other", .model_known = false}), "rest");
}

TEST_F(RouteTableTest, DoesNotAskWhereAnotherConditionFails) {
  routes_ = {route("hosted"), route("rest")};
  routes_[0].models = {"gpt-5"};
  routes_[0].hosts = {host("h.test")};
  EXPECT_EQ(name({.host = "other.test", .model_known = false}), "rest");
  EXPECT_EQ(name({.host = "h.test", .model_known = false}), "needs model");
}

TEST_F(RouteTableTest, DoesNotAskWhereAMoreSpecificRouteMatches) {
  routes_ = {route("specific", "/a/b"), route("modelled", "/a")};
  routes_[1].models = {"gpt-5"};
  EXPECT_EQ(name({.path = "/a/b", .model_known = false}), "specific");
}

TEST_F(RouteTableTest, OrderIsThatOfTheSnapshot) {
  // A shorter prefix with more conditions stands before a longer one.
  routes_ = {route("conditions", "/a"), route("long", "/a/b")};
  routes_[0].headers = {{"x-a", "*"}};
  Headers headers;
  headers.add("x-a", "1");
  EXPECT_EQ(name({.path = "/a/b", .headers = headers}), "conditions");
  EXPECT_EQ(name({.path = "/a/b"}), "long");
}

// 10,000 routes of each kind: how many are looked at, not how long it takes.
class ManyRoutes : public RouteTableTest {
 protected:
  static constexpr size_t kMany = 10000;
  static constexpr size_t kFew = 4;
};

TEST_F(ManyRoutes, ByPrefix) {
  for (size_t i = 0; i < kMany; ++i) routes_.push_back(route("r", "/p" + std::to_string(i)));
  routes_[9999].name = "last";
  EXPECT_EQ(name({.path = "/p9999/x"}), "last");
  EXPECT_LE(match({.path = "/p9999/x"}).examined, kFew);
  EXPECT_EQ(match({.path = "/none"}).examined, 0U);
}

TEST_F(ManyRoutes, ByHostOnOnePrefix) {
  for (size_t i = 0; i < kMany; ++i) {
    routes_.push_back(route("r"));
    routes_.back().hosts = {host((i % 2 == 0 ? "h" : "*.h") + std::to_string(i) + ".test")};
  }
  routes_[9999].name = "last";
  EXPECT_EQ(name({.host = "a.h9999.test"}), "last");
  EXPECT_LE(match({.host = "a.h9999.test"}).examined, kFew);
}

TEST_F(ManyRoutes, ByModelOnOnePrefix) {
  for (size_t i = 0; i < kMany; ++i) {
    routes_.push_back(route("r"));
    routes_.back().models = {"m" + std::to_string(i)};
  }
  routes_[9999].name = "last";
  EXPECT_EQ(name({.model = "m9999"}), "last");
  EXPECT_LE(match({.model = "m9999"}).examined, kFew);
  EXPECT_LE(match({.model_known = false}).examined, kFew);
}

TEST_F(ManyRoutes, ByHeaderOnOnePrefix) {
  for (size_t i = 0; i < kMany; ++i) {
    routes_.push_back(route("r"));
    routes_.back().headers = {{"x-tenant", std::to_string(i)}};
  }
  routes_[9999].name = "last";
  Headers headers;
  headers.add("X-Tenant", "9999");
  EXPECT_EQ(name({.headers = headers}), "last");
  EXPECT_LE(match({.headers = headers}).examined, kFew);
}

TEST(Pattern, StarStandsForAnyText) {
  EXPECT_TRUE(matches_pattern("*", ""));
  EXPECT_TRUE(matches_pattern("a*c", "ac"));
  EXPECT_TRUE(matches_pattern("a*c*e", "abcde"));
  EXPECT_TRUE(matches_pattern("*ab", "aab"));
  EXPECT_FALSE(matches_pattern("a*c", "acd"));
  EXPECT_FALSE(matches_pattern("", "a"));
  EXPECT_FALSE(matches_pattern("gpt-5", "gpt-5x"));
}

TEST(Pattern, ManyStarsEnd) {
  const std::string stars = "*a*a*a*a*a*a*a*a*a*a*b";
  EXPECT_FALSE(matches_pattern(stars, std::string(2000, 'a')));
}

TEST(Weights, DrawByTheirShare) {
  SeededRandom random(7);
  std::array<int, 3> drawn{};
  for (int i = 0; i < 9000; ++i) ++drawn[pick_weighted({1, 0, 2}, random)];
  EXPECT_EQ(drawn[1], 0);
  EXPECT_NEAR(drawn[0], 3000, 300);
  EXPECT_NEAR(drawn[2], 6000, 300);
}

TEST(Weights, AllZeroDrawTheFirst) {
  SeededRandom random(7);
  EXPECT_EQ(pick_weighted({0, 0}, random), 0U);
  EXPECT_EQ(pick_weighted({4294967295U, 4294967295U}, random) < 2, true);
}

TEST(Rewrite, ReplacesThePrefix) {
  Route made = route("r", "/a/b");
  EXPECT_EQ(rewritten(made, "/a/b/c?x=%2F"), "/a/b/c?x=%2F");
  made.rewrite_prefix = "/z";
  EXPECT_EQ(rewritten(made, "/a/b/c?x=%2F"), "/z/c?x=%2F");
  EXPECT_EQ(rewritten(made, "/a/b?x"), "/z?x");
  made.rewrite_prefix = "";
  EXPECT_EQ(rewritten(made, "/a/b/c"), "/c");
  EXPECT_EQ(rewritten(made, "/a/b"), "/");
}

}  // namespace
}  // namespace culvert
