// surface.md, "Authentication of a client": every place, every mixture.
#include "relay/gate/credentials.h"

#include "relay/base/base64.h"
#include "tests/unit/gate/asked.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

const std::string kToken(gate_test::kToken);

class CredentialsTest : public testing::Test {
 protected:
  Credentials read(const Fields& fields,
                   std::string_view target = "/v1/x",
                   std::string_view path_token = {}) const {
    return read_credentials(gate_test::headers(fields), target, upstream_, path_token, tokens_);
  }
  void use(Dialect dialect) {
    of_dialect_ = gate_test::upstream_of(dialect);
    upstream_ = &of_dialect_;
  }
  static std::vector<std::string> keys(const Credentials& credentials) {
    std::vector<std::string> out;
    for (const Secret& key : credentials.own_keys) out.emplace_back(key.reveal());
    return out;
  }

  Upstream of_dialect_ = gate_test::upstream_of(Dialect::kOpenAi);
  const Upstream* upstream_ = &of_dialect_;
  const Tokens tokens_ = gate_test::two_tokens();
};

using Keys = std::vector<std::string>;

TEST_F(CredentialsTest, NothingIsNothing) {
  const Credentials none = read({});
  EXPECT_FALSE(none.authenticated);
  EXPECT_FALSE(none.wrong_token);
  EXPECT_TRUE(none.own_keys.empty());
  EXPECT_EQ(none.caller(), "");
  EXPECT_FALSE(none.fault);
}

TEST_F(CredentialsTest, ATokenAuthenticatesInEveryPlace) {
  for (const Fields& fields : std::vector<Fields>{{{"X-Culvert-Token", kToken}},
                                                  {{"X-Culvert-Token", "Bearer " + kToken}},
                                                  {{"Proxy-Authorization", "Bearer " + kToken}},
                                                  {{"proxy-authorization", "bearer  " + kToken}},
                                                  {{"Authorization", "Bearer " + kToken}},
                                                  {{"x-api-key", kToken}},
                                                  {{"X-Goog-Api-Key", kToken}}}) {
    const Credentials found = read(fields);
    EXPECT_TRUE(found.authenticated) << fields[0].first;
    EXPECT_FALSE(found.wrong_token) << fields[0].first;
    EXPECT_TRUE(found.own_keys.empty()) << fields[0].first;
  }
  EXPECT_TRUE(read({}, "/v1/x?key=" + kToken).authenticated);
  EXPECT_TRUE(read({}, "/v1/x?key=relay%2Dtoken-0123456789").query_token);
  EXPECT_TRUE(read({}, "/v1/x", kToken).authenticated);
}

TEST_F(CredentialsTest, TokensAreFoundBeforeTheUpstreamIsKnown) {
  upstream_ = nullptr;
  EXPECT_TRUE(read({{"x-goog-api-key", kToken}}).authenticated);
  EXPECT_TRUE(read({{"Authorization", "Bearer " + kToken}}).authenticated);
  // Keys of the generic proxy's hosts are none of ours.
  EXPECT_TRUE(read({{"Authorization", "Bearer a,b"}, {"x-api-key", "k"}}).own_keys.empty());
}

TEST_F(CredentialsTest, AWrongTokenInTheRelaysOwnPlaces) {
  EXPECT_TRUE(read({{"X-Culvert-Token", "nope"}}).wrong_token);
  EXPECT_TRUE(read({{"Proxy-Authorization", "Bearer nope"}}).wrong_token);
  EXPECT_TRUE(read({{"Proxy-Authorization", "Basic " + kToken}}).wrong_token);
  EXPECT_TRUE(read({{"Proxy-Authorization", kToken}}).wrong_token);
  EXPECT_FALSE(read({{"X-Culvert-Token", " "}}).wrong_token);
  EXPECT_FALSE(read({{"Proxy-Authorization", "Bearer "}}).wrong_token);
}

TEST_F(CredentialsTest, BasicIsTakenFromProxyClientsAlone) {
  const std::string password = "Basic " + base64_encode("anybody:" + kToken);
  const std::string user = "basic  " + base64_encode(kToken + ":");
  EXPECT_TRUE(read({{"Proxy-Authorization", password}}).authenticated);
  EXPECT_TRUE(read({{"proxy-authorization", user}}).authenticated);
  EXPECT_EQ(read({{"Proxy-Authorization", password}}).caller(),
            read({{"Proxy-Authorization", "Bearer " + kToken}}).caller());
  const std::string wrong = "Basic " + base64_encode(kToken + ":nope");
  EXPECT_TRUE(read({{"Proxy-Authorization", wrong}}).wrong_token);
  EXPECT_FALSE(read({{"Proxy-Authorization", wrong}}).authenticated);
  EXPECT_TRUE(read({{"Proxy-Authorization", "Basic"}}).wrong_token);
  EXPECT_FALSE(read({{"X-Culvert-Token", password}}).authenticated);
  EXPECT_FALSE(read({{"Authorization", password}}).authenticated);
}

TEST_F(CredentialsTest, ARightTokenMakesUpForAWrongOne) {
  const Credentials both = read({{"X-Culvert-Token", "nope"}}, "/", kToken);
  EXPECT_TRUE(both.authenticated);
  EXPECT_FALSE(both.wrong_token);
}

TEST_F(CredentialsTest, TokenAndOwnKeyInTwoPlaces) {
  use(Dialect::kAnthropic);
  const Credentials found = read({{"x-api-key", kToken}, {"Authorization", "Bearer sk-own"}});
  EXPECT_TRUE(found.authenticated);
  EXPECT_EQ(keys(found), Keys{"sk-own"});
  EXPECT_EQ(found.own_place, (KeyPlace{"Authorization", "Bearer"}));
}

TEST_F(CredentialsTest, OwnKeyOfEachDialectInTheFormItCame) {
  EXPECT_EQ(read({{"authorization", "bearer sk-1"}}).own_place,
            (KeyPlace{"Authorization", "Bearer"}));
  use(Dialect::kAnthropic);
  EXPECT_EQ(read({{"X-API-Key", "sk-ant"}}).own_place, (KeyPlace{"x-api-key", ""}));
  EXPECT_EQ(read({{"Authorization", "Bearer sk-ant"}}).own_place,
            (KeyPlace{"Authorization", "Bearer"}));
  use(Dialect::kGemini);
  EXPECT_EQ(read({{"X-Goog-Api-Key", "AIza"}}).own_place, (KeyPlace{"x-goog-api-key", ""}));
  EXPECT_EQ(read({{"Authorization", "Bearer AIza"}}).own_place,
            (KeyPlace{"Authorization", "Bearer"}));
  EXPECT_TRUE(read({}, "/v1beta/x?key=AIza").own_place.in_query());
  EXPECT_EQ(keys(read({}, "/v1beta/x?key=AIza")), Keys{"AIza"});
}

TEST_F(CredentialsTest, OtherVendorsPlacesHoldNoKey) {
  EXPECT_TRUE(read({{"x-api-key", "k"}}).own_keys.empty());
  EXPECT_TRUE(read({}, "/v1/x?key=k").own_keys.empty());
  use(Dialect::kAnthropic);
  EXPECT_TRUE(read({{"x-goog-api-key", "k"}}).own_keys.empty());
}

TEST_F(CredentialsTest, TheUpstreamsOwnPlacePaysFirst) {
  use(Dialect::kAnthropic);
  EXPECT_EQ(keys(read({{"Authorization", "Bearer second"}, {"x-api-key", "first"}})),
            Keys{"first"});
  use(Dialect::kGemini);
  EXPECT_EQ(keys(read({{"x-goog-api-key", "first"}}, "/v1beta/x?key=second")), Keys{"first"});
  EXPECT_EQ(keys(read({{"x-goog-api-key", kToken}}, "/v1beta/x?key=own")), Keys{"own"});
}

TEST_F(CredentialsTest, AnUpstreamWithItsOwnKeyHeader) {
  of_dialect_.key_header = "api-key";
  of_dialect_.key_scheme = "";
  const Credentials found = read({{"API-KEY", "azure"}});
  EXPECT_EQ(keys(found), Keys{"azure"});
  EXPECT_EQ(found.own_place, (KeyPlace{"api-key", ""}));
  EXPECT_TRUE(read({{"api-key", kToken}}).authenticated);
}

TEST_F(CredentialsTest, AnUpstreamWithItsOwnScheme) {
  use(Dialect::kOpaque);
  of_dialect_.key_scheme = "Bot";
  const Credentials found = read({{"Authorization", "bot k1,k2"}});
  EXPECT_EQ(keys(found), (Keys{"k1", "k2"}));
  EXPECT_EQ(found.own_place, (KeyPlace{"Authorization", "Bot"}));
  EXPECT_TRUE(read({{"Authorization", "Bot " + kToken}}).authenticated);
}

TEST_F(CredentialsTest, AListIsAPool) {
  EXPECT_EQ(keys(read({{"Authorization", "Bearer k1, k2,,k3,k1"}})), (Keys{"k1", "k2", "k3"}));
  use(Dialect::kGemini);
  EXPECT_EQ(keys(read({}, "/v1beta/x?key=k1%2Ck2")), (Keys{"k1", "k2"}));
}

TEST_F(CredentialsTest, AListWithTheToken) {
  const Credentials found = read({{"Authorization", "Bearer k1," + kToken + ",k2"}});
  EXPECT_TRUE(found.authenticated);
  EXPECT_TRUE(found.token_in_list);
  EXPECT_EQ(keys(found), (Keys{"k1", "k2"}));
}

TEST_F(CredentialsTest, AQueryWithTokenAndKey) {
  use(Dialect::kGemini);
  const Credentials found = read({}, "/v1beta/x?key=" + kToken + "&key=own");
  EXPECT_TRUE(found.authenticated);
  EXPECT_TRUE(found.query_token);
  EXPECT_FALSE(found.token_in_list);
  EXPECT_EQ(keys(found), Keys{"own"});
}

TEST_F(CredentialsTest, TooManyKeysAreRefused) {
  std::string list = "k";
  for (int i = 0; i < 100; ++i) list += ",k" + std::to_string(i);
  const Credentials found = read({{"Authorization", "Bearer " + list}});
  ASSERT_TRUE(found.fault);
  EXPECT_EQ(found.fault->code, Code::kBadRequest);
  // Where `key` is any parameter, its commas are nobody's business.
  EXPECT_FALSE(read({}, "/v1/x?key=" + list).fault);
}

// other-relays §6.3: "key via second word of any auth scheme".
TEST_F(CredentialsTest, OtherSchemesAreNotBearer) {
  const Credentials basic = read({{"Authorization", "Basic dXNlcjpwdw=="}});
  EXPECT_EQ(keys(basic), Keys{"dXNlcjpwdw=="});
  EXPECT_EQ(basic.own_place, (KeyPlace{"Authorization", "Basic"}));
  const Credentials token = read({{"Authorization", "Token " + kToken}});
  EXPECT_FALSE(token.authenticated);
  EXPECT_TRUE(token.wrong_token);
  EXPECT_TRUE(token.own_keys.empty());
  const Credentials digest = read({{"Authorization", "Digest a=\"1\", b=\"2\""}});
  EXPECT_EQ(keys(digest), Keys{"a=\"1\", b=\"2\""});
}

TEST_F(CredentialsTest, AuthorizationWithoutAScheme) {
  const Credentials bare = read({{"Authorization", "sk-bare"}});
  EXPECT_EQ(keys(bare), Keys{"sk-bare"});
  EXPECT_EQ(bare.own_place, (KeyPlace{"Authorization", ""}));
  EXPECT_TRUE(read({{"Authorization", kToken}}).wrong_token);
  EXPECT_FALSE(read({{"Authorization", kToken}}).authenticated);
  EXPECT_TRUE(read({{"Authorization", ""}}).own_keys.empty());
  EXPECT_TRUE(read({{"Authorization", "Bearer "}}).own_keys.empty());
  EXPECT_FALSE(read({{"Authorization", "Bearer"}}).fault);
}

TEST_F(CredentialsTest, MalformedKeysAreRefused) {
  EXPECT_TRUE(read({{"Authorization", "Bearer two words"}}).fault);
  use(Dialect::kGemini);
  EXPECT_TRUE(read({}, "/v1beta/x?key=a%0d%0aX-Evil:1").fault);
}

TEST_F(CredentialsTest, DoubledFieldsAreRefused) {
  for (const char* name :
       {"Authorization", "x-api-key", "x-goog-api-key", "Proxy-Authorization", "X-Culvert-Token"}) {
    const Credentials found = read({{name, "Bearer " + kToken}, {name, "Bearer b"}});
    ASSERT_TRUE(found.fault) << name;
    EXPECT_EQ(found.fault->code, Code::kBadRequest) << name;
  }
}

TEST_F(CredentialsTest, CallersAreToldApartWithoutTellingWhoTheyAre) {
  const auto caller = [&](const Fields& fields) { return read(fields).caller(); };
  const std::string first = caller({{"X-Culvert-Token", kToken}});
  const std::string second = caller({{"X-Culvert-Token", std::string(gate_test::kOtherToken)}});
  EXPECT_EQ(first.size(), 64U);
  EXPECT_NE(first, second);
  EXPECT_EQ(first, caller({{"Authorization", "Bearer " + kToken}}));
  EXPECT_EQ(first, read({}, "/", kToken).caller());
  EXPECT_NE(first, caller({{"X-Culvert-Token", kToken}, {"Authorization", "Bearer own"}}));
  EXPECT_EQ(first.find(kToken), std::string::npos);
  EXPECT_EQ(first, read({{"X-Culvert-Token", kToken}}).account());
}

// Fault #19: keys and tokens in error texts.
TEST_F(CredentialsTest, FaultsNeverQuoteACredential) {
  const Credentials found = read({{"Authorization", "Bearer sk-very secret"}});
  ASSERT_TRUE(found.fault);
  EXPECT_EQ(found.fault->detail.find("secret"), std::string::npos);
}

TEST_F(CredentialsTest, PoolKeysGoUpTheUpstreamsWay) {
  EXPECT_EQ(pool_key_place(of_dialect_, "sk-1"), (KeyPlace{"Authorization", "Bearer"}));
  use(Dialect::kGemini);
  EXPECT_EQ(pool_key_place(of_dialect_, "AIza"), (KeyPlace{"x-goog-api-key", ""}));
  use(Dialect::kAnthropic);
  EXPECT_EQ(pool_key_place(of_dialect_, "sk-ant-api03-x"), (KeyPlace{"x-api-key", ""}));
  EXPECT_EQ(pool_key_place(of_dialect_, "sk-ant-oat01-x"), (KeyPlace{"Authorization", "Bearer"}));
}

TEST(IssuedCredentials, TellTheTenantUntilTheyExpire) {
  FakeClock clock;
  const std::string text = "cvt_" + std::string(43, 'k');
  const Tokens tokens({}, {{"t1", "team-a", sha256(text), clock.wall() + std::chrono::seconds(5)}},
                      clock);
  const Upstream upstream = gate_test::upstream_of(Dialect::kOpenAi);
  const auto read = [&] {
    return read_credentials(gate_test::headers({{"Authorization", "Bearer " + text}}), "/v1/x",
                            &upstream, {}, tokens);
  };
  EXPECT_TRUE(read().authenticated);
  EXPECT_EQ(read().tenant, "team-a");
  EXPECT_EQ(read().token_id, "t1");
  EXPECT_EQ(read().account(), "team-a");
  clock.advance(std::chrono::seconds(5));
  EXPECT_FALSE(read().authenticated);
  EXPECT_TRUE(read().wrong_token);
  EXPECT_TRUE(read().own_keys.empty()) << "it is nobody's key";
  EXPECT_EQ(read().tenant, "");
}

class WebSocketCredentials : public CredentialsTest {
 protected:
  Credentials asks(const std::string& protocols, std::string_view target = "/v1/x") const {
    const auto offered = read_ws_protocols(protocols);
    EXPECT_TRUE(offered) << protocols;
    return read_credentials({}, target, upstream_, {}, tokens_, &*offered);
  }
};

TEST_F(WebSocketCredentials, StandWhereABrowserCanPutThem) {
  for (const std::string& place : {"realtime, culvert-token." + kToken,
                                   "realtime, openai-insecure-api-key." + kToken}) {
    EXPECT_TRUE(asks(place).authenticated) << place;
    EXPECT_TRUE(asks(place).own_keys.empty()) << place;
  }
  EXPECT_TRUE(asks("realtime, culvert-token.wrong").wrong_token);
  const Credentials own = asks("realtime, openai-insecure-api-key.sk-own");
  EXPECT_EQ(keys(own), Keys{"sk-own"});
  EXPECT_TRUE(own.own_place.in_protocols());
  EXPECT_FALSE(own.own_place.in_query());
}

TEST_F(WebSocketCredentials, OfGeminiAlsoInAccessToken) {
  use(Dialect::kGemini);
  const Credentials token = asks("", "/x?access_token=" + kToken);
  EXPECT_TRUE(token.authenticated);
  EXPECT_TRUE(token.query_token);
  const Credentials own = asks("", "/x?access_token=auth_tokens%2Fa&key=" + kToken);
  EXPECT_TRUE(own.authenticated);
  EXPECT_EQ(keys(own), Keys{"auth_tokens/a"});
  EXPECT_EQ(own.own_place.pair, "access_token");
  EXPECT_FALSE(read({}, "/x?access_token=" + kToken).authenticated);  // of HTTP it is no place
}

}  // namespace
}  // namespace culvert
