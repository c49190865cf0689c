// Tokens from their making to their end: shown once, kept as a hash, revoked, expired.
#include "control/config/tokens.h"

#include "control/config/token_text.h"
#include "tests/unit/control_config/config_fixture.h"

namespace culvert::control {
namespace {

using namespace std::chrono_literals;

class TokensTest : public ConfigTest {
 protected:
  v1::CreateTokenReply make(const std::string& tenant, int seconds, v1::Role role = {}) {
    v1::CreateTokenRequest request;
    request.set_name("name");
    if (tenant.empty()) {
      request.set_operator_role(role);
    } else {
      request.set_tenant(tenant);
    }
    if (seconds > 0) request.mutable_ttl()->set_seconds(seconds);
    Tokens tokens(*store_, *live_, clock_);
    auto reply = tokens.create(request, "me");
    EXPECT_TRUE(reply) << reply.error().detail;
    return *reply;
  }

  // Relays are still told of it, as of one that has ended.
  bool is_dead(const std::string& id) {
    const auto& token = live_->current()->tokens.at(id);
    return token.has_expires() &&
           token.expires().seconds() <= std::chrono::system_clock::to_time_t(clock_.wall());
  }
};

TEST_F(TokensTest, OnlyTheHashOfATextIsKept) {
  const auto made = make("", 0, v1::ROLE_OPERATOR);
  EXPECT_EQ(made.secret().size(), 47u);
  EXPECT_EQ(made.secret().substr(0, 4), "cvo_");
  const auto entries = store_->list("", 100, "");
  for (const Entry& entry : *entries) {
    EXPECT_EQ(entry.value.find(made.secret()), std::string::npos);
  }
  Tokens tokens(*store_, *live_, clock_);
  EXPECT_EQ(tokens.admit(made.secret())->operator_role(), v1::ROLE_OPERATOR);
  EXPECT_FALSE(tokens.admit(made.secret() + "x"));
  EXPECT_FALSE(tokens.admit(""));
}

TEST_F(TokensTest, AClientsTokenIsForRelaysAlone) {
  const uint64_t before = live_->current()->generation;
  const auto made = make("acme", 0);
  EXPECT_EQ(made.secret().substr(0, 4), "cvt_");
  const auto state = live_->current();
  EXPECT_GT(state->generation, before);
  ASSERT_EQ(state->tokens.count(made.token().id()), 1u);
  EXPECT_EQ(state->tokens.at(made.token().id()).sha256(), token_sha256(made.secret()));
  Tokens tokens(*store_, *live_, clock_);
  EXPECT_FALSE(tokens.admit(made.secret()));
  EXPECT_FALSE(state->tokens.at(made.token().id()).has_expires());
  ASSERT_TRUE(tokens.revoke(made.token().id()));
  EXPECT_TRUE(is_dead(made.token().id()));
  EXPECT_GT(live_->current()->generation, state->generation);
}

TEST_F(TokensTest, AnExpiredTokenLeavesWithoutACall) {
  make("acme", 60);
  const auto before = live_->current();
  EXPECT_EQ(before->tokens.size(), 1u);
  clock_.advance(61s);
  const auto after = live_->wait(before->generation, 60s);
  EXPECT_GT(after->generation, before->generation);
  EXPECT_TRUE(is_dead(after->tokens.begin()->first));
  const std::string id = after->tokens.begin()->first;
  clock_.advance(31 * 24h);
  make("other", 0);  // with the next change it is forgotten
  EXPECT_EQ(live_->current()->tokens.count(id), 0u);
  EXPECT_EQ(live_->current()->tokens.size(), 1u);
}

TEST_F(TokensTest, OneThatExpiredWhileTheServiceWasGoneIsNewsToo) {
  make("acme", 60);
  const uint64_t before = live_->current()->generation;
  live_.reset();
  clock_.advance(61s);
  reopen();
  EXPECT_TRUE(is_dead(live_->current()->tokens.begin()->first));
  EXPECT_GT(live_->current()->generation, before);
}

TEST_F(TokensTest, AnExpiredOperatorIsNotAdmitted) {
  const auto made = make("", 60, v1::ROLE_VIEWER);
  Tokens tokens(*store_, *live_, clock_);
  EXPECT_TRUE(tokens.admit(made.secret()));
  clock_.advance(61s);
  EXPECT_FALSE(tokens.admit(made.secret()));
}

TEST_F(TokensTest, UseIsNotedOnceAMinute) {
  const auto made = make("", 0, v1::ROLE_VIEWER);
  Tokens tokens(*store_, *live_, clock_);
  ASSERT_TRUE(tokens.admit(made.secret()));
  const uint64_t noted = store_->revision().value();
  ASSERT_TRUE(tokens.admit(made.secret()));
  EXPECT_EQ(store_->revision().value(), noted);
  clock_.advance(61s);
  ASSERT_TRUE(tokens.admit(made.secret()));
  EXPECT_GT(store_->revision().value(), noted);
}

TEST_F(TokensTest, TheLastAdminStays) {
  const auto first = make("", 0, v1::ROLE_ADMIN);
  Tokens tokens(*store_, *live_, clock_);
  EXPECT_EQ(tokens.revoke(first.token().id()).error().code, Code::kPrecondition);
  make("", 0, v1::ROLE_ADMIN);
  EXPECT_TRUE(tokens.revoke(first.token().id()));
  EXPECT_EQ(tokens.list(false)->size(), 1u);
  EXPECT_EQ(tokens.list(true)->size(), 2u);
  EXPECT_EQ(tokens.revoke("nothing").error().code, Code::kNotFound);
}

TEST_F(TokensTest, BadWishesAreRefusedInWords) {
  Tokens tokens(*store_, *live_, clock_);
  v1::CreateTokenRequest request;
  request.set_name("name");
  EXPECT_EQ(tokens.create(request, "me").error().code, Code::kInvalidConfig);
  request.set_tenant("a/b");
  EXPECT_FALSE(tokens.create(request, "me"));
  request.set_tenant("a");
  request.mutable_ttl()->set_seconds(-5);
  EXPECT_FALSE(tokens.create(request, "me"));
}

}  // namespace
}  // namespace culvert::control
