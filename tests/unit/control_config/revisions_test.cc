// Changes: what they refuse, what they write, how they are undone, and that none is lost when
// several come at once.
#include "tests/unit/control_config/config_fixture.h"

#include <thread>

namespace culvert::control {
namespace {

constexpr const char* kFirst = "sk-first-0123456789-abcd";
constexpr const char* kTwin = "sk-fxxxx-0123456789-abcd";  // looks the same when it is masked
constexpr const char* kMasked = "sk-f…abcd";

class RevisionsTest : public ConfigTest {
 protected:
  v1::ApplyReply apply(const v1::ApplyRequest& request) {
    Revisions revisions(*store_, *live_, clock_, kept_);
    auto reply = revisions.apply(request, "me");
    EXPECT_TRUE(reply) << reply.error().detail;
    return *reply;
  }
  std::string finding(const v1::ApplyRequest& request) {
    const v1::ApplyReply reply = apply(request);
    EXPECT_EQ(reply.findings_size(), 1);
    EXPECT_EQ(reply.changes_size(), 0);
    if (reply.findings_size() == 0) return {};
    const v1::Finding& found = reply.findings(0);
    return found.kind() + "/" + found.name() + "/" + found.path() + ": " + found.message();
  }
  uint64_t kept_ = kRevisionsKept;
};

TEST_F(RevisionsTest, ADryRunChangesNothing) {
  v1::ApplyRequest request = applying({route("a", "openai")});
  request.set_dry_run(true);
  const v1::ApplyReply reply = apply(request);
  EXPECT_EQ(reply.changes(0).what(), v1::Change::WHAT_CREATED);
  EXPECT_EQ(reply.revision(), 0u);
  EXPECT_TRUE(live_->current()->routes.empty());
}

TEST_F(RevisionsTest, TheWholeResultIsJudged) {
  v1::Resource upstream;
  upstream.set_name("mine");
  upstream.mutable_upstream()->add_targets()->set_url("https://api.example.com");
  apply(applying({upstream, route("a", "mine")}));
  v1::ApplyRequest remove;
  remove.add_removes()->set_kind("Upstream");
  remove.mutable_removes(0)->set_name("mine");
  EXPECT_EQ(finding(remove).find("Route/a/to[0].upstream: there is no upstream"), 0u);
  EXPECT_EQ(live_->current()->revision, 1u);
  remove.add_removes()->set_kind("Route");
  remove.mutable_removes(1)->set_name("a");
  const v1::ApplyReply both = apply(remove);
  EXPECT_EQ(both.changes_size(), 2);
  EXPECT_EQ(both.changes(0).what(), v1::Change::WHAT_DELETED);
  EXPECT_TRUE(live_->current()->upstreams.empty());
}

TEST_F(RevisionsTest, WhatIsAskedTwiceOrNotThereIsAFinding) {
  EXPECT_NE(finding(applying({route("a", "openai"), route("a", "openai")})).find("twice"),
            std::string::npos);
  v1::ApplyRequest remove;
  remove.add_removes()->set_kind("Route");
  remove.mutable_removes(0)->set_name("ghost");
  EXPECT_NE(finding(remove).find("Route/ghost/: there is none"), std::string::npos);
  v1::ApplyRequest bare;
  bare.add_resources()->set_name("x");
  EXPECT_NE(finding(bare).find("without a spec"), std::string::npos);
}

TEST_F(RevisionsTest, AMaskedKeyKeepsItsValueWhereItIsOne) {
  apply(applying({pool("p", {kFirst})}));
  const v1::ApplyReply again = apply(applying({pool("p", {kMasked, "sk-other-0123456789-wxyz"})}));
  EXPECT_EQ(again.findings_size(), 0);
  EXPECT_EQ(live_->current()->key_pools.at("p").keys(0).value(), kFirst);
  EXPECT_EQ(again.changes(0).after().find(kFirst), std::string::npos);
  EXPECT_NE(again.changes(0).after().find(kMasked), std::string::npos);
  EXPECT_NE(finding(applying({pool("q", {kMasked})})).find("does not have"), std::string::npos);
  apply(applying({pool("p", {kFirst, kTwin})}));
  EXPECT_NE(finding(applying({pool("p", {kMasked})})).find("several keys"), std::string::npos);
}

TEST_F(RevisionsTest, AMaskedEgressProxyKeepsItsValue) {
  constexpr const char* kProxy = "http://user:hunter2@proxy.example:3128";
  constexpr const char* kShown = "http…3128";
  const auto upstream = [](const std::string& proxy) {
    v1::Resource resource;
    resource.set_name("mine");
    resource.mutable_upstream()->add_targets()->set_url("https://api.example.com");
    resource.mutable_upstream()->mutable_egress_proxy()->set_value(proxy);
    return resource;
  };
  apply(applying({upstream(kProxy)}));
  Revisions revisions(*store_, *live_, clock_);
  const auto got = revisions.get({});
  ASSERT_TRUE(got);
  EXPECT_EQ(got->resources(0).resource().upstream().egress_proxy().value(), kShown);
  v1::Resource again = got->resources(0).resource();
  EXPECT_EQ(apply(applying({again})).changes(0).what(), v1::Change::WHAT_UNCHANGED);
  again.mutable_upstream()->set_user_agent("mine");
  const v1::ApplyReply changed = apply(applying({again}));
  EXPECT_EQ(changed.changes(0).after().find("hunter2"), std::string::npos);
  EXPECT_EQ(live_->current()->upstreams.at("mine").egress_proxy().value(), kProxy);
  EXPECT_NE(finding(applying({upstream("http…9999")})).find("does not stand here"),
            std::string::npos);
  EXPECT_EQ(finding(applying({upstream("env:PROXY")})).find("Upstream/mine/egress_proxy: "), 0u);
}

TEST_F(RevisionsTest, BindingsNameKeysOfTheirPool) {
  v1::Resource bound = pool("p", {kFirst});
  bound.mutable_key_pool()->add_bind()->set_address("10.0.0.1");
  bound.mutable_key_pool()->mutable_bind(0)->add_keys(key_id(kTwin));
  EXPECT_EQ(finding(applying({bound})).find("KeyPool/p/bind[0].keys[0]: "), 0u);
  bound.mutable_key_pool()->mutable_bind(0)->set_keys(0, key_id(kFirst));
  EXPECT_EQ(apply(applying({bound})).revision(), 1u);
}

TEST_F(RevisionsTest, ReferencesAndUnknownDisabledIdsAreFindings) {
  EXPECT_EQ(finding(applying({pool("p", {"env:OPENAI_API_KEY"})})).find("KeyPool/p/keys[0]: "), 0u);
  v1::Resource off = pool("p", {kFirst});
  off.mutable_key_pool()->add_disabled(key_id(kTwin));
  EXPECT_EQ(finding(applying({off})).find("KeyPool/p/disabled[0]: "), 0u);
  off.mutable_key_pool()->set_disabled(0, key_id(kFirst));
  EXPECT_EQ(apply(applying({off})).revision(), 1u);
}

TEST_F(RevisionsTest, EveryOlderStateIsReadAndComesBack) {
  Revisions revisions(*store_, *live_, clock_);
  apply(applying({route("a", "openai"), pool("p", {kFirst})}));
  apply(applying({route("a", "anthropic"), route("b", "openai")}));
  v1::ApplyRequest remove;
  remove.add_removes()->set_kind("KeyPool");
  remove.mutable_removes(0)->set_name("p");
  apply(remove);
  v1::GetRequest at;
  at.set_revision(1);
  const auto first = revisions.get(at);
  ASSERT_TRUE(first);
  ASSERT_EQ(first->resources_size(), 2);
  EXPECT_EQ(first->resources(0).resource().key_pool().keys(0).value(), kMasked);
  at.set_revision(0);
  EXPECT_EQ(revisions.get(at)->resources_size(), 0);
  v1::RollbackRequest back;
  back.set_revision(1);
  ASSERT_TRUE(revisions.rollback(back, "you"));
  EXPECT_EQ(live_->current()->revision, 4u);
  EXPECT_EQ(live_->current()->routes.size(), 1u);
  EXPECT_EQ(live_->current()->routes.at("a").to(0).upstream(), "openai");
  EXPECT_EQ(live_->current()->key_pools.at("p").keys(0).value(), kFirst);
  EXPECT_EQ(revisions.revision(4)->by(), "you");
}

TEST_F(RevisionsTest, OldRevisionsAreDroppedAndSaidToBe) {
  kept_ = 3;
  for (int i = 0; i < 6; ++i) apply(applying({route("r" + std::to_string(i), "openai")}));
  Revisions revisions(*store_, *live_, clock_, kept_);
  EXPECT_EQ(revisions.history({})->revisions_size(), 3);
  v1::GetRequest at;
  at.set_revision(3);
  EXPECT_EQ(revisions.get(at)->resources_size(), 3);
  at.set_revision(2);
  EXPECT_EQ(revisions.get(at).error().code, Code::kNotKept);
  at.set_revision(7);
  EXPECT_EQ(revisions.get(at).error().code, Code::kNotFound);
}

// Two of them, each with a configuration of its own over one store: as two replicas.
TEST_F(RevisionsTest, NoChangeIsLostWhereManyComeAtOnce) {
  auto other = LiveConfiguration::open(*store_, clock_);
  ASSERT_TRUE(other);
  Revisions here(*store_, *live_, clock_);
  Revisions there(*store_, **other, clock_);
  const auto many = [](Revisions& revisions, const std::string& name) {
    for (int i = 0; i < 25; ++i) {
      const auto done =
          revisions.apply(applying({route(name + std::to_string(i), "openai")}), name);
      EXPECT_TRUE(done) << done.error().detail;
    }
  };
  std::thread one([&] { many(here, "a"); });
  std::thread two([&] { many(there, "b"); });
  one.join();
  two.join();
  ASSERT_TRUE(live_->refresh());
  EXPECT_EQ(live_->current()->revision, 50u);
  EXPECT_EQ(live_->current()->routes.size(), 50u);
}

}  // namespace
}  // namespace culvert::control
