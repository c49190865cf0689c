// Keys of pools: joined with what relays say of them, found by id or mask, changed by an apply.
#include "control/rpc/keys.h"

#include "tests/fakes/cpp/fake_fleet.h"
#include "tests/unit/control_config/config_fixture.h"

namespace culvert::control {
namespace {

constexpr const char* kFirst = "sk-first-0123456789-abcd";
constexpr const char* kOther = "sk-other-0123456789-wxyz";

class KeysTest : public ConfigTest {
 protected:
  void SetUp() override {
    ConfigTest::SetUp();
    revisions_ = std::make_unique<Revisions>(*store_, *live_, clock_);
    keys_ = std::make_unique<Keys>(*revisions_, *live_, fleet_);
    ASSERT_TRUE(revisions_->apply(applying({pool("p", {kFirst, kOther})}), "me"));
  }
  Result<v1::ApplyReply> set(const std::string& key, bool disabled) {
    v1::SetKeyRequest request;
    request.set_key(key);
    request.set_disabled(disabled);
    return keys_->set(request, "me");
  }

  test::FakeFleet fleet_;
  std::unique_ptr<Revisions> revisions_;
  std::unique_ptr<Keys> keys_;
};

TEST_F(KeysTest, AreJoinedWithWhatRelaysSay) {
  fleet_.say("eu-1", "openai", "sk-f…abcd", "resting");
  fleet_.say("us-1", "openai", "sk-f…abcd", "ready");
  fleet_.say("us-1", "anthropic", "sk-f…abcd", "isolated");
  const auto list = keys_->list({});
  ASSERT_TRUE(list);
  ASSERT_EQ(list->keys_size(), 2);
  EXPECT_EQ(list->keys(0).id(), key_id(kFirst));
  EXPECT_EQ(list->keys(0).states_size(), 2);
  EXPECT_EQ(list->keys(0).states().at("eu-1"), "resting");
  EXPECT_EQ(list->keys(1).states_size(), 0);
  v1::ListKeysRequest ghost;
  ghost.set_pool("ghost");
  EXPECT_EQ(keys_->list(ghost).error().code, Code::kNotFound);
}

TEST_F(KeysTest, AreFoundByTheBeginningOfTheirId) {
  const std::string id = key_id(kOther);
  EXPECT_EQ(set(id.substr(0, 3), true).error().code, Code::kNotFound);
  ASSERT_TRUE(set(id.substr(0, 6), true));
  ASSERT_EQ(live_->current()->key_pools.at("p").disabled_size(), 1);
  EXPECT_EQ(live_->current()->key_pools.at("p").disabled(0), id);
  const uint64_t revision = live_->current()->revision;
  ASSERT_TRUE(set(id, true));  // again: nothing changes
  EXPECT_EQ(live_->current()->revision, revision);
  ASSERT_TRUE(set(id, false));
  EXPECT_EQ(live_->current()->key_pools.at("p").disabled_size(), 0);
}

TEST_F(KeysTest, SeveralThatMatchAreNotGuessedAt) {
  ASSERT_TRUE(revisions_->apply(applying({pool("p", {kFirst, "sk-fxxxx-0123456789-abcd"})}), "me"));
  EXPECT_EQ(set("sk-f…abcd", true).error().code, Code::kPrecondition);
}

TEST_F(KeysTest, ABadKeyIsAFinding) {
  v1::AddKeyRequest request;
  request.set_pool("p");
  request.set_key("with space");
  const auto reply = keys_->add(request, "me");
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply->findings_size(), 1);
  EXPECT_EQ(reply->findings(0).path(), "keys[2]");
}

}  // namespace
}  // namespace culvert::control
