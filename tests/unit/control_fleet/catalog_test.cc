// Which resources a relay gets, and the hashes by which both sides compare them.
#include "control/fleet/catalog.h"

#include "relay/crypto/digest.h"

#include <gtest/gtest.h>

namespace culvert::control {
namespace {

v1::Selector selector(const std::vector<std::string>& regions,
                      const std::map<std::string, std::string>& labels) {
  v1::Selector made;
  for (const std::string& region : regions) made.add_regions(region);
  for (const auto& [key, value] : labels) (*made.mutable_labels())[key] = value;
  return made;
}

std::vector<std::string> names(const ItemSet& set) {
  std::vector<std::string> all;
  for (const auto& item : set) all.push_back(item->name);
  return all;
}

std::string half_digest(const std::string& bytes) {
  const Digest digest = sha256(bytes);
  return {reinterpret_cast<const char*>(digest.data()), 16};
}

TEST(Selection, TakesAnyOfTheRegionsAndAllOfTheLabels) {
  const Place place{"eu-west", {{"tier", "edge"}, {"rack", "7"}}};
  EXPECT_TRUE(selects(selector({}, {}), place));
  EXPECT_TRUE(selects(selector({"us-east", "eu-west"}, {}), place));
  EXPECT_FALSE(selects(selector({"us-east"}, {}), place));
  EXPECT_TRUE(selects(selector({}, {{"tier", "edge"}, {"rack", "7"}}), place));
  EXPECT_FALSE(selects(selector({}, {{"tier", "edge"}, {"rack", "8"}}), place));
  EXPECT_FALSE(selects(selector({}, {{"colour", "red"}}), place));
  EXPECT_TRUE(selects(selector({"eu-west"}, {{"tier", "edge"}}), place));
  EXPECT_FALSE(selects(selector({"us-east"}, {{"tier", "edge"}}), place));
  EXPECT_TRUE(selects(selector({}, {}), Place{}));
  EXPECT_FALSE(selects(selector({"eu-west"}, {}), Place{}));
}

TEST(Selection, GivesEachRelayItsPartAndTokensToAll) {
  ConfigState state;
  state.generation = 7;
  state.revision = 3;
  *state.upstreams["everywhere"].mutable_user_agent() = "a";
  *state.upstreams["europe"].mutable_relays() = selector({"eu-west"}, {});
  *state.key_pools["edge"].mutable_relays() = selector({}, {{"tier", "edge"}});
  state.key_pools["edge"].add_disabled("0123456789ab");
  *state.routes["us"].mutable_relays() = selector({"us-east"}, {});
  state.tokens["t1"].set_tenant("acme");
  const Catalog catalog = compile_catalog(state);

  const Target europe = select(catalog, {"eu-west", {{"tier", "edge"}}});
  EXPECT_EQ(europe.generation, 7U);
  EXPECT_EQ(europe.revision, 3U);
  EXPECT_EQ(names(europe.types[0]), (std::vector<std::string>{"europe", "everywhere"}));
  EXPECT_EQ(names(europe.types[1]), std::vector<std::string>{"edge"});
  EXPECT_EQ(names(europe.types[2]), std::vector<std::string>{"t1"});
  EXPECT_TRUE(europe.types[3].empty());
  v1::KeyPool pool;
  ASSERT_TRUE(pool.ParseFromString(europe.types[1][0]->spec));
  EXPECT_EQ(pool.disabled(0), "0123456789ab");

  const Target america = select(catalog, {"us-east", {}});
  EXPECT_EQ(names(america.types[0]), std::vector<std::string>{"everywhere"});
  EXPECT_TRUE(america.types[1].empty());
  EXPECT_EQ(names(america.types[2]), std::vector<std::string>{"t1"});
  EXPECT_EQ(names(america.types[3]), std::vector<std::string>{"us"});
  EXPECT_NE(europe.hash, america.hash);
}

// Spelled out byte by byte, as link.proto has it: the relay's side is written against that text.
TEST(Hashes, AreThoseOfTheContract) {
  ConfigState state;
  state.upstreams["a"].set_user_agent("one");
  state.upstreams["b"].set_user_agent("two");
  const Target target = select(compile_catalog(state), {});
  const auto item = [&](size_t i) { return half_digest(target.types[0][i]->spec); };
  EXPECT_EQ(to_bytes(target.types[0][0]->hash), item(0));
  const std::string zero(1, '\0');
  const std::string set = half_digest("a" + zero + item(0) + "b" + zero + item(1));
  EXPECT_EQ(to_bytes(target.hashes[0]), set);
  const std::string none = half_digest("");
  EXPECT_EQ(to_bytes(target.hashes[3]), none);
  EXPECT_EQ(to_bytes(target.hash),
            half_digest("upstream" + zero + set + "key_pool" + zero + none + "token" + zero + none +
                        "route" + zero + none + "tunnel" + zero + none + "peer" + zero + none));
}

// Protobuf writes maps in an order that differs from process to process and map to map.
TEST(Hashes, DoNotDependOnTheOrderOfMaps) {
  ConfigState one;
  ConfigState other;
  for (int i = 0; i < 100; ++i) {
    const auto name = [](int n) { return "X-Header-" + std::to_string(n); };
    (*one.routes["r"].mutable_headers()->mutable_set())[name(i)] = "v";
    (*other.routes["r"].mutable_headers()->mutable_set())[name(99 - i)] = "v";
  }
  EXPECT_EQ(compile_catalog(one).types[3][0]->spec, compile_catalog(other).types[3][0]->spec);
}

}  // namespace
}  // namespace culvert::control
