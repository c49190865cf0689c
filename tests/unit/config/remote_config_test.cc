// Remote items on top of a file: what runs, what is refused, what is told of it.
#include "relay/config/remote_config.h"

#include "proto/validate.h"
#include "proto/yaml.h"
#include "relay/config/compile.h"
#include "relay/crypto/digest.h"

#include <gtest/gtest.h>

#include <set>

namespace culvert {
namespace {

v1::Upstream upstream(const std::string& host, const std::string& region = {}) {
  v1::Upstream out;
  v1::Target* target = out.add_targets();
  target->set_url("https://" + host);
  if (!region.empty()) target->add_regions(region);
  return out;
}

v1::Route route(const std::string& prefix, const std::vector<std::string>& to) {
  v1::Route out;
  out.mutable_match()->set_path_prefix(prefix);
  for (const std::string& upstream : to) out.add_to()->set_upstream(upstream);
  return out;
}

v1::KeyPool pool(const std::string& upstream, const std::string& key) {
  v1::KeyPool out;
  out.set_upstream(upstream);
  out.add_keys()->set_value(key);
  return out;
}

v1::RelayToken token(const std::string& text) {
  v1::RelayToken out;
  const Digest digest = sha256(text);
  out.set_sha256(std::string(digest.begin(), digest.end()));
  out.set_tenant("team");
  return out;
}

std::string first_half(const std::string& text) {
  const Digest digest = sha256(text);
  return {digest.begin(), digest.begin() + 16};
}

class RemoteConfigTest : public testing::Test {
 protected:
  RemoteConfigTest() {
    check_ = [this](const Resources& whole) -> Result<void> {
      ++checks_;
      Surroundings surroundings;
      surroundings.secret = [this](const std::string& written) -> Result<Secret> {
        asked_secrets_.insert(written);
        return Secret(written);
      };
      surroundings.file = [](const std::string&) -> Result<std::string> {
        return std::string("-----BEGIN CERTIFICATE-----");
      };
      std::vector<std::string> warnings;
      auto made = compile(whole, surroundings, &warnings);
      if (!made) return std::move(made).error();
      return {};
    };
    local_.attached = true;
  }

  v1::TypeUpdate change(const std::string& type) {
    v1::TypeUpdate out;
    out.set_type(type);
    out.set_version(++version_);
    out.set_nonce("n" + std::to_string(version_));
    return out;
  }
  template <class Message>
  static void add(const std::string& name, const Message& spec, v1::TypeUpdate* to) {
    v1::Item* item = to->add_upserts();
    item->set_name(name);
    item->set_spec(spec.SerializeAsString());
  }
  template <class Message>
  v1::TypeAck put(const std::string& type, const std::string& name, const Message& spec) {
    v1::TypeUpdate update = change(type);
    add(name, spec, &update);
    acks_ = config_.apply(update, local_, check_);
    return acks_.front();
  }
  v1::TypeAck remove(const std::string& type, const std::string& name) {
    v1::TypeUpdate update = change(type);
    update.add_removes(name);
    acks_ = config_.apply(update, local_, check_);
    return acks_.front();
  }
  Resources running() const { return config_.merged(local_, false); }
  void read_local(const std::string& yaml) {
    local_ = *parse_resources("f.yaml", yaml);
    local_.attached = true;
  }

  RemoteConfig config_;
  Resources local_;
  RemoteConfig::Check check_;
  std::vector<v1::TypeAck> acks_;
  uint64_t version_ = 0;
  std::set<std::string> asked_secrets_;  // as written
  int checks_ = 0;
};

TEST_F(RemoteConfigTest, WhatIsSoundRunsAndIsAcknowledged) {
  const v1::TypeAck ack = put("upstream", "a", upstream("a.example"));
  EXPECT_EQ(ack.type(), "upstream");
  EXPECT_EQ(ack.nonce(), "n1");
  EXPECT_EQ(ack.version(), 1U);
  EXPECT_EQ(ack.errors_size(), 0);
  EXPECT_EQ(running().upstreams.count("a"), 1U);
  put("route", "r", route("/r", {"a"}));
  EXPECT_EQ(running().routes.size(), 1U);
}

TEST_F(RemoteConfigTest, TheRevisionIsTheOneThatIsToldAndNotTheVersion) {
  EXPECT_TRUE(config_.empty());
  put("upstream", "a", upstream("a.example"));
  EXPECT_FALSE(config_.empty());
  EXPECT_EQ(config_.revision(), std::nullopt) << "an older service does not tell";
  v1::TypeUpdate update = change("upstream");
  update.set_version(40);
  update.set_revision(3);
  EXPECT_EQ(config_.apply(update, local_, check_).front().version(), 40U);
  EXPECT_EQ(config_.revision(), 3U);
  put("token", "t1", token("cvt_x"));
  EXPECT_EQ(config_.revision(), 3U);
}

TEST_F(RemoteConfigTest, HashesAreThoseOfTheContract) {
  const std::string a = upstream("a.example").SerializeAsString();
  const std::string b = upstream("b.example").SerializeAsString();
  put("upstream", "b", upstream("b.example"));
  const v1::TypeAck ack = put("upstream", "a", upstream("a.example"));
  const std::string zero(1, '\0');
  const std::string set = first_half("a" + zero + first_half(a) + "b" + zero + first_half(b));
  EXPECT_EQ(ack.applied_hash(), set);
  EXPECT_EQ(config_.type_hash("route"), first_half(""));
  EXPECT_EQ(config_.overall_hash(),
            first_half("upstream" + zero + set + "key_pool" + zero + first_half("") + "token" +
                       zero + first_half("") + "route" + zero + first_half("") + "tunnel" + zero +
                       first_half("") + "peer" + zero + first_half("")));
  ASSERT_EQ(config_.inventory().size(), 1U);
  EXPECT_EQ(config_.inventory()[0].items(0).name(), "a");
  EXPECT_EQ(config_.inventory()[0].items(0).hash(), first_half(a));
}

TEST_F(RemoteConfigTest, ABadItemIsRefusedAloneWithWords) {
  v1::TypeUpdate update = change("upstream");
  add("good", upstream("a.example"), &update);
  add("bad", upstream("not a host"), &update);
  const v1::TypeAck ack = config_.apply(update, local_, check_).front();
  ASSERT_EQ(ack.errors_size(), 1);
  EXPECT_EQ(ack.errors(0).name(), "bad");
  EXPECT_NE(ack.errors(0).message().find("targets[0].url"), std::string::npos);
  EXPECT_EQ(running().upstreams.count("good"), 1U);
  EXPECT_EQ(running().upstreams.count("bad"), 0U);
  EXPECT_EQ(config_.refused(), 1U);
  EXPECT_EQ(config_.inventory()[0].items_size(), 2) << "it needs no sending again";
}

TEST_F(RemoteConfigTest, WhatOnlyTheCompilerFindsIsFoundByHalving) {
  v1::TypeUpdate update = change("upstream");
  for (int i = 0; i < 100; ++i) {
    add("u" + std::to_string(i), upstream("a.example", i == 37 ? "elsewhere" : ""), &update);
  }
  const v1::TypeAck ack = config_.apply(update, local_, check_).front();
  ASSERT_EQ(ack.errors_size(), 1);
  EXPECT_EQ(ack.errors(0).name(), "u37");
  EXPECT_NE(ack.errors(0).message().find("no target"), std::string::npos);
  EXPECT_EQ(running().upstreams.size(), 99U);
  EXPECT_LT(checks_, 20);
}

TEST_F(RemoteConfigTest, ARefusedItemKeepsItsOlderGoodForm) {
  put("upstream", "a", upstream("old.example"));
  const std::string before = config_.type_hash("upstream");
  const v1::TypeAck ack = put("upstream", "a", upstream("not a host"));
  ASSERT_EQ(ack.errors_size(), 1);
  EXPECT_EQ(ack.applied_hash(), before);
  EXPECT_EQ(running().upstreams.at("a").targets(0).url(), "https://old.example");
  EXPECT_EQ(put("upstream", "a", upstream("new.example")).errors_size(), 0);
  EXPECT_EQ(running().upstreams.at("a").targets(0).url(), "https://new.example");
}

TEST_F(RemoteConfigTest, AnItemThatWaitsForAnotherRunsWhenThatCame) {
  EXPECT_EQ(put("route", "r", route("/r", {"a"})).errors_size(), 1);
  EXPECT_EQ(put("upstream", "a", upstream("a.example")).errors_size(), 0);
  ASSERT_EQ(acks_.size(), 2U);
  EXPECT_EQ(acks_[1].type(), "route");
  EXPECT_EQ(acks_[1].nonce(), "");
  EXPECT_EQ(acks_[1].errors_size(), 0);
  EXPECT_EQ(running().routes.count("r"), 1U);
}

TEST_F(RemoteConfigTest, ARouteGoesWithoutDestinationsThatAreNotHere) {
  put("upstream", "a", upstream("a.example"));
  EXPECT_EQ(put("route", "r", route("/r", {"elsewhere", "a"})).errors_size(), 0);
  ASSERT_EQ(running().routes.at("r").to_size(), 1);
  EXPECT_EQ(running().routes.at("r").to(0).upstream(), "a");
  EXPECT_EQ(put("route", "s", route("/s", {"elsewhere"})).errors_size(), 1);
}

TEST_F(RemoteConfigTest, AChainGoesWithoutUpstreamsAndPoolsThatAreNotHere) {
  put("upstream", "a", upstream("a.example"));
  put("upstream", "b", upstream("b.example"));
  put("key_pool", "mine", pool("a", "key-of-mine"));
  v1::Route chain = route("/r", {"a", "a"});
  chain.mutable_to(0)->set_key_pool("mine");
  chain.mutable_to(1)->set_key_pool("of-others");
  chain.add_fallback()->set_upstream("elsewhere");
  chain.add_fallback()->set_upstream("b");
  chain.add_fallback()->set_upstream("b");
  chain.mutable_fallback(2)->set_key_pool("of-others");
  EXPECT_EQ(put("route", "r", chain).errors_size(), 0);
  const v1::Route runs = running().routes.at("r");
  ASSERT_EQ(runs.to_size(), 1);
  EXPECT_EQ(runs.to(0).key_pool(), "mine");
  ASSERT_EQ(runs.fallback_size(), 1);
  EXPECT_EQ(runs.fallback(0).upstream(), "b");
  chain.mutable_to(0)->set_key_pool("of-others");
  const v1::TypeAck ack = put("route", "r", chain);
  ASSERT_EQ(ack.errors_size(), 1);
  EXPECT_NE(ack.errors(0).message().find("there is no KeyPool"), std::string::npos);
}

TEST_F(RemoteConfigTest, ASecondPoolNeedsOneWithTheUpstreamsName) {
  EXPECT_EQ(put("key_pool", "team", pool("openai", "key-of-team")).errors_size(), 0);
  EXPECT_EQ(put("key_pool", "other", pool("openai", "key-of-other")).errors_size(), 1);
  EXPECT_EQ(put("key_pool", "openai", pool("openai", "key-of-all")).errors_size(), 0);
  EXPECT_EQ(running().key_pools.size(), 3U);
}

TEST_F(RemoteConfigTest, TheFileWins) {
  read_local("kind: Upstream\nname: a\nspec: {targets: [{url: \"https://mine.example\"}]}\n");
  const v1::TypeAck ack = put("upstream", "a", upstream("a.example"));
  ASSERT_EQ(ack.errors_size(), 1);
  EXPECT_NE(ack.errors(0).message().find("the file wins"), std::string::npos);
  EXPECT_EQ(running().upstreams.at("a").targets(0).url(), "https://mine.example");
  read_local("");  // and stops to win when it is gone from the file
  const auto acks = config_.settle_again(local_, check_);
  ASSERT_EQ(acks.size(), 1U);
  EXPECT_EQ(acks[0].errors_size(), 0);
  EXPECT_EQ(running().upstreams.at("a").targets(0).url(), "https://a.example");
}

TEST_F(RemoteConfigTest, TheFilesPoolStaysBesideARemoteOneOfItsUpstream) {
  read_local("kind: KeyPool\nname: zz\nspec: {upstream: openai, keys: [key-of-file]}\n");
  const v1::TypeAck ack = put("key_pool", "aa", pool("openai", "key-remote"));
  ASSERT_EQ(ack.errors_size(), 1);
  EXPECT_EQ(running().key_pools.size(), 1U);
  EXPECT_EQ(running().key_pools.count("zz"), 1U);
}

TEST_F(RemoteConfigTest, WhatIsRemovedGoesUnlessItIsInUse) {
  put("upstream", "a", upstream("a.example"));
  put("route", "r", route("/r", {"a"}));
  const v1::TypeAck refused = remove("upstream", "a");
  ASSERT_EQ(refused.errors_size(), 1);
  EXPECT_EQ(refused.errors(0).name(), "a");
  EXPECT_EQ(running().upstreams.count("a"), 1U);
  EXPECT_EQ(remove("route", "r").errors_size(), 0);
  EXPECT_EQ(running().routes.size(), 0U);
  EXPECT_EQ(running().upstreams.size(), 0U) << "nothing needs it any more";
  EXPECT_EQ(remove("route", "never-there").errors_size(), 0);
}

TEST_F(RemoteConfigTest, StalenessWithholdsKeysAndTokensOnly) {
  put("upstream", "a", upstream("a.example"));
  put("key_pool", "p", pool("a", "key-1"));
  put("token", "t1", token("cvt_x"));
  put("route", "r", route("/r", {"a"}));
  const Resources stale = config_.merged(local_, true);
  EXPECT_EQ(stale.tokens.size(), 0U);
  EXPECT_EQ(stale.withheld_pools.count("p"), 1U);
  EXPECT_EQ(stale.routes.size(), 1U);
  EXPECT_EQ(stale.upstreams.size(), 1U);
  EXPECT_EQ(running().tokens.size(), 1U);
  EXPECT_TRUE(running().withheld_pools.empty());
}

TEST_F(RemoteConfigTest, IsKeptAndRestored) {
  put("upstream", "a", upstream("old.example"));
  put("upstream", "a", upstream("not a host"));
  put("token", "t1", token("cvt_x"));
  config_.set_revision(7);
  const WallTime contact{std::chrono::seconds(1'800'000'000)};
  RemoteConfig again;
  const auto restored = again.restore(config_.kept(contact));
  ASSERT_TRUE(restored);
  EXPECT_EQ(*restored, contact);
  again.settle_again(local_, check_);
  EXPECT_EQ(again.overall_hash(), config_.overall_hash());
  EXPECT_EQ(again.revision(), 7U);
  EXPECT_EQ(again.refused(), 1U);
  ASSERT_EQ(again.inventory().size(), 2U);
  EXPECT_EQ(again.inventory()[0].SerializeAsString(), config_.inventory()[0].SerializeAsString());
  EXPECT_EQ(again.merged(local_, false).upstreams.at("a").targets(0).url(), "https://old.example");
  EXPECT_FALSE(again.restore("\xff\xff nonsense"));
  EXPECT_EQ(again.refused(), 1U) << "what was there is kept";
}

TEST_F(RemoteConfigTest, TenThousandRoutesWithABadOneAreFewChecks) {
  put("upstream", "a", upstream("a.example"));
  v1::TypeUpdate update = change("route");
  for (int i = 0; i < 10000; ++i) {
    const bool bad = i == 6789;
    add("r" + std::to_string(i), route(bad ? "no-slash" : "/r" + std::to_string(i), {"a"}),
        &update);
  }
  checks_ = 0;
  const v1::TypeAck ack = config_.apply(update, local_, check_).front();
  ASSERT_EQ(ack.errors_size(), 1);
  EXPECT_EQ(ack.errors(0).name(), "r6789");
  EXPECT_EQ(running().routes.size(), 9999U);
  EXPECT_EQ(checks_, 1);
}

TEST_F(RemoteConfigTest, NothingIsLookedUpInTheRelaysEnvironmentOrFiles) {
  put("upstream", "a", upstream("a.example"));
  put("upstream", "b", upstream("b.example"));
  put("upstream", "c", upstream("c.example"));
  v1::KeyPool mixed = pool("b", "key-b");
  mixed.add_keys()->set_value("env:HOME");
  v1::TypeUpdate update = change("key_pool");
  add("a", pool("a", "file:/etc/shadow"), &update);
  add("b", mixed, &update);
  add("c", pool("c", "key-c"), &update);
  const v1::TypeAck ack = config_.apply(update, local_, check_).front();
  ASSERT_EQ(ack.errors_size(), 2);
  EXPECT_EQ(ack.errors(0).name(), "a");
  EXPECT_EQ(ack.errors(0).message().find("keys[0]: env: and file: "), 0U)
      << ack.errors(0).message();
  EXPECT_NE(ack.errors(0).message().find("allowed is"), std::string::npos);
  EXPECT_EQ(ack.errors(1).name(), "b");
  EXPECT_EQ(ack.errors(1).message().find("keys[1]: "), 0U) << ack.errors(1).message();
  ASSERT_EQ(running().key_pools.size(), 1U) << "nothing else is held back";
  EXPECT_EQ(running().key_pools.count("c"), 1U);
  EXPECT_TRUE(asked_secrets_.count("key-c"));
  EXPECT_FALSE(asked_secrets_.count("env:HOME"));
  EXPECT_FALSE(asked_secrets_.count("file:/etc/shadow"));
}

TEST_F(RemoteConfigTest, AReferenceThatWasKeptIsNotReadEither) {
  v1::KeptConfiguration kept;
  const auto keep = [&kept](const std::string& type, const std::string& name,
                            const std::string& wanted, const std::string& running) {
    v1::KeptType* of_type = kept.add_types();
    of_type->set_type(type);
    of_type->set_version(1);
    v1::KeptItem* item = of_type->add_items();
    item->set_name(name);
    item->set_wanted(wanted);
    item->set_running(running);
  };
  const std::string a = upstream("a.example").SerializeAsString();
  keep("upstream", "a", a, a);
  keep("key_pool", "a", pool("a", "file:/etc/shadow").SerializeAsString(),
       pool("a", "env:HOME").SerializeAsString());
  ASSERT_TRUE(config_.restore(kept.SerializeAsString()));
  config_.settle_again(local_, check_);
  EXPECT_EQ(config_.refused(), 1U);
  EXPECT_EQ(running().upstreams.count("a"), 1U);
  EXPECT_EQ(running().key_pools.size(), 0U);
  EXPECT_TRUE(asked_secrets_.empty());
}

TEST_F(RemoteConfigTest, TheRelaysOwnFileMayRefer) {
  read_local("kind: KeyPool\nname: own\nspec: {upstream: openai, keys: [\"env:OPENAI\"]}\n");
  EXPECT_EQ(put("upstream", "a", upstream("a.example")).errors_size(), 0);
  EXPECT_EQ(put("key_pool", "p", pool("a", "key-1")).errors_size(), 0);
  EXPECT_TRUE(asked_secrets_.count("env:OPENAI"));
}

TEST_F(RemoteConfigTest, AnUnreadableItemIsRefused) {
  v1::TypeUpdate update = change("route");
  v1::Item* item = update.add_upserts();
  item->set_name("r");
  item->set_spec("\xff\xff\xff");
  const v1::TypeAck ack = config_.apply(update, local_, check_).front();
  ASSERT_EQ(ack.errors_size(), 1);
  EXPECT_NE(ack.errors(0).message().find("cannot be read"), std::string::npos);
}

TEST(RemoteTypes, UnknownOnesAreToldApart) {
  EXPECT_EQ(remote_type("route"), 3U);
  EXPECT_EQ(remote_type("tunnel"), 4U);
  EXPECT_EQ(remote_type("alert"), std::nullopt);
}

}  // namespace
}  // namespace culvert
