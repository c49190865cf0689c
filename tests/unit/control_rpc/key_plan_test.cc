// Which keys by which relays, and the words of what cannot be.
#include "control/rpc/key_plan.h"

#include "control/config/resources.h"
#include "relay/base/secret.h"

#include <gtest/gtest.h>

namespace culvert::control {
namespace {

constexpr const char* kFirst = "sk-first-0123456789-abcd";
constexpr const char* kOther = "sk-other-0123456789-wxyz";

class KeyPlanTest : public testing::Test {
 protected:
  KeyPlanTest() {
    pool("p", "openai", {kFirst, kOther});
    pool("q", "anthropic", {kOther});
    relay("ap", "ap-east");
    relay("eu", "eu-west");
    relay("us", "us-east");
  }
  v1::KeyPool& pool(const std::string& name,
                    const std::string& upstream,
                    const std::vector<std::string>& keys) {
    v1::KeyPool& made = state_.key_pools[name];
    made.set_upstream(upstream);
    for (const std::string& key : keys) made.add_keys()->set_value(key);
    return made;
  }
  void relay(const std::string& name, const std::string& region) {
    v1::RelayStatus status;
    status.set_name(name);
    status.set_region(region);
    relays_.push_back(status);
    able_.insert(name);
  }
  Result<KeyPlan> plan() { return plan_key_tests(request_, state_, relays_, able_); }
  Code refusal() {
    const auto made = plan();
    return made ? Code::kInternal : made.error().code;
  }
  // "relay: pool/keys pool/keys"
  std::vector<std::string> said() {
    const auto made = plan();
    EXPECT_TRUE(made) << made.error().detail;
    std::vector<std::string> out;
    for (const KeyTests::Errand& errand : made->errands) {
      std::string line = errand.relay + ":";
      for (const auto& of : errand.what.pools()) {
        line += " " + of.pool() + "/" + std::to_string(of.ids_size());
      }
      if (errand.what.keys_size() > 0) line += " " + errand.what.upstream();
      out.push_back(line);
    }
    return out;
  }
  using Words = std::vector<std::string>;

  ConfigState state_;
  std::vector<v1::RelayStatus> relays_;
  std::set<std::string> able_;
  v1::VerifyKeysRequest request_;
};

TEST_F(KeyPlanTest, OneRelayTestsAllPools) {
  EXPECT_EQ(said(), Words{"ap: p/2 q/1"});
  const auto made = plan();
  EXPECT_EQ(made->summary.tests(), 3U);
  EXPECT_EQ(made->summary.upstreams_size(), 2);
  EXPECT_EQ(made->detail, "3 tests by relay ap");
  request_.set_upstream("anthropic");
  EXPECT_EQ(said(), Words{"ap: q/1"});
  request_.set_pool("p");
  EXPECT_EQ(refusal(), Code::kNotFound) << "p is of another upstream";
}

TEST_F(KeyPlanTest, TheOneThatServesAndIsInStep) {
  relays_[0].set_drain(true);
  relays_[1].set_desired_hash("newer");
  EXPECT_EQ(said(), Words{"us: p/2 q/1"});
  able_.erase("us");
  EXPECT_EQ(said(), Words{"eu: p/2 q/1"});
  able_ = {"ap"};
  EXPECT_EQ(said(), Words{"ap: p/2 q/1"}) << "one that drains rather than none";
  able_.clear();
  EXPECT_EQ(refusal(), Code::kPrecondition);
}

TEST_F(KeyPlanTest, RelaysThatAreNamed) {
  request_.set_relay("eu");
  EXPECT_EQ(said(), Words{"eu: p/2 q/1"});
  able_.clear();
  EXPECT_EQ(said(), Words{"eu: p/2 q/1"}) << "each key is told then why not";
  request_.set_relay("nobody");
  EXPECT_EQ(refusal(), Code::kNotFound);
  able_ = {"ap", "eu", "us"};
  request_.clear_relay();
  request_.set_region("us-east");
  EXPECT_EQ(said(), Words{"us: p/2 q/1"});
  request_.set_region("moon");
  EXPECT_EQ(refusal(), Code::kPrecondition);
  request_.clear_region();
  request_.set_all_relays(true);
  EXPECT_EQ(said(), (Words{"ap: p/2 q/1", "eu: p/2 q/1", "us: p/2 q/1"}));
  EXPECT_EQ(plan()->summary.tests(), 9U);
  request_.set_relay("eu");
  EXPECT_EQ(refusal(), Code::kBadRequest);
}

TEST_F(KeyPlanTest, APoolGoesOnlyToRelaysThatHaveIt) {
  state_.key_pools["q"].mutable_relays()->add_regions("us-east");
  EXPECT_EQ(said(), (Words{"ap: p/2", "us: q/1"}));
  request_.set_relay("eu");
  EXPECT_EQ(refusal(), Code::kPrecondition);
}

TEST_F(KeyPlanTest, KeysByIdOrMask) {
  request_.set_key(key_id(kOther).substr(0, 4));
  EXPECT_EQ(said(), Words{"ap: p/1 q/1"});
  request_.set_key(mask(kFirst));
  EXPECT_EQ(said(), Words{"ap: p/1"});
  request_.set_key(key_id(kOther).substr(0, 3));
  EXPECT_EQ(refusal(), Code::kNotFound);
  request_.set_key("");
  request_.set_pool("ghost");
  EXPECT_EQ(refusal(), Code::kNotFound);
}

TEST_F(KeyPlanTest, DisabledOnesAreLeftOut) {
  state_.key_pools["p"].add_disabled(key_id(kFirst));
  request_.set_pool("p");
  EXPECT_EQ(said(), Words{"ap: p/1"});
  request_.set_key(key_id(kFirst));
  const auto refused = plan();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().detail.find("disabled"), std::string::npos);
}

TEST_F(KeyPlanTest, PlainKeys) {
  request_.set_upstream("openai");
  request_.add_plain_keys("sk-plain-0123456789-0000");
  request_.add_plain_keys("sk-plain-0123456789-0000");
  EXPECT_EQ(said(), Words{"ap: openai"});
  const auto made = plan();
  EXPECT_EQ(made->summary.tests(), 1U);
  EXPECT_EQ(made->subject, "upstream openai");
  EXPECT_EQ(made->detail, "1 test by relay ap of keys of no pool: sk-p…0000");
  KeyTests::Answer answer{"ap", {}};
  answer.verified.set_id(key_id("sk-plain-0123456789-0000"));
  answer.verified.set_status(v1::KeyVerified::STATUS_BAD);
  const v1::KeyTest test = key_test_of(*made, answer);
  EXPECT_EQ(test.key(), "sk-p…0000");
  EXPECT_EQ(test.upstream(), "openai");
  EXPECT_EQ(test.status(), "BAD");
}

TEST_F(KeyPlanTest, PlainKeysThatAreNone) {
  request_.add_plain_keys(kFirst);
  EXPECT_EQ(refusal(), Code::kBadRequest) << "no upstream";
  request_.set_upstream("openai");
  request_.set_pool("p");
  EXPECT_EQ(refusal(), Code::kBadRequest);
  request_.clear_pool();
  request_.set_plain_keys(0, "two words");
  const auto refused = plan();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().detail.find("two words"), std::string::npos);
  request_.set_plain_keys(0, std::string(5000, 'k'));
  EXPECT_EQ(refusal(), Code::kBadRequest);
  request_.clear_plain_keys();
  for (int i = 0; i <= 100; ++i) request_.add_plain_keys("k" + std::to_string(i));
  EXPECT_EQ(refusal(), Code::kBadRequest);
}

TEST_F(KeyPlanTest, MoreThanOneCallMayTest) {
  v1::KeyPool& large = pool("large", "openai", {});
  for (int i = 0; i < 5000; ++i) large.add_keys()->set_value("sk-large-" + std::to_string(i));
  request_.set_pool("large");
  EXPECT_EQ(said(), Words{"ap: large/5000"});
  request_.set_all_relays(true);
  EXPECT_EQ(refusal(), Code::kBadRequest);
}

}  // namespace
}  // namespace culvert::control
