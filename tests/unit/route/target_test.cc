// Every form of surface.md's table "URLs of a relay", and what must not be taken for one.
#include "relay/route/target.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

constexpr std::string_view kToken = "relay-token-0123456789";

class OneToken final : public TokenCheck {
 public:
  bool is_token(std::string_view text) const override {
    ++asked;
    return text == kToken || text == "a/b+c%0123456789";
  }
  mutable int asked = 0;
};

class TargetTest : public testing::Test {
 protected:
  TargetTest() {
    for (const char* name : {"openai", "anthropic", "gemini", "my_own"}) {
      snapshot_.upstreams[name].name = name;
    }
  }

  Where at(const std::string& target) {
    auto where = locate(target, snapshot_, tokens_);
    EXPECT_TRUE(where) << target;
    return where ? *where : Where();
  }
  Error refused(const std::string& target) {
    auto where = locate(target, snapshot_, tokens_);
    EXPECT_FALSE(where) << target;
    return where ? Error() : where.error();
  }
  static std::string behind_token(const std::string& path) {
    return "/" + std::string(kToken) + path;
  }

  Snapshot snapshot_;
  OneToken tokens_;
};

TEST_F(TargetTest, OwnPages) {
  EXPECT_EQ(at("/").place, Place::kStatus);
  EXPECT_EQ(at("/?a=1").place, Place::kStatus);
  EXPECT_EQ(at("/healthz").place, Place::kHealth);
  EXPECT_EQ(at("/readyz?x").place, Place::kReady);
  EXPECT_EQ(at("/.well-known/culvert").place, Place::kWellKnown);
  EXPECT_EQ(at("/.well-known/culvert/streams/0123?x=1").place, Place::kStream);
  EXPECT_EQ(at("/.well-known/culvert/streams/0123?x=1").rest, "0123");
  EXPECT_EQ(at("/.well-known/culvert/streams/").rest, "");
  EXPECT_EQ(at("/healthz/").place, Place::kUnknown);
  EXPECT_EQ(at("/.well-known/other").place, Place::kUnknown);
}

TEST_F(TargetTest, Preset) {
  const Where where = at("/openai/v1/chat/completions?a=%20b");
  EXPECT_EQ(where.place, Place::kPreset);
  EXPECT_EQ(where.alias, "openai");
  EXPECT_EQ(where.rest, "/v1/chat/completions?a=%20b");
  EXPECT_EQ(where.path, "/openai/v1/chat/completions?a=%20b");
  EXPECT_FALSE(where.token_in_path);
  EXPECT_TRUE(where.token.empty());
}

TEST_F(TargetTest, PresetRests) {
  EXPECT_EQ(at("/openai").rest, "");
  EXPECT_EQ(at("/openai/").rest, "/");
  EXPECT_EQ(at("/openai?x=1").rest, "?x=1");
  EXPECT_EQ(at("/openai//double//slashes/").rest, "//double//slashes/");
  EXPECT_EQ(at("/openai/%2F%2e%41").rest, "/%2F%2e%41");
}

// Fault: api-proxy matched a prefix without a boundary.
TEST_F(TargetTest, AliasIsAWholeSegment) {
  EXPECT_EQ(at("/openaix/v1").place, Place::kUnknown);
  EXPECT_EQ(at("/openai%2Fv1").place, Place::kUnknown);
  EXPECT_EQ(at("//openai/v1").place, Place::kUnknown);
  EXPECT_EQ(at("/my_own/v1").alias, "my_own");
}

TEST_F(TargetTest, AliasInAnyCase) { EXPECT_EQ(at("/OpenAI/v1").alias, "openai"); }

TEST_F(TargetTest, AliasIsComparedRaw) { EXPECT_EQ(at("/%6fpenai/v1").place, Place::kUnknown); }

TEST_F(TargetTest, MountPoints) {
  EXPECT_EQ(at("/api/openai/v1/x").alias, "openai");
  EXPECT_EQ(at("/gateway/openai/v1/x").rest, "/v1/x");
  EXPECT_EQ(at("/API/openai/v1/x").rest, "/v1/x");
  EXPECT_EQ(at("/api/nobody/v1").place, Place::kUnknown);
  EXPECT_EQ(at("/api").place, Place::kUnknown);
  EXPECT_EQ(at("/api?x").place, Place::kUnknown);
  EXPECT_EQ(at("/api/api/openai").place, Place::kUnknown);
}

TEST_F(TargetTest, AnUpstreamCalledApiComesFirst) {
  snapshot_.upstreams["api"].name = "api";
  EXPECT_EQ(at("/api/openai/v1").alias, "api");
  EXPECT_EQ(at("/api/openai/v1").rest, "/openai/v1");
}

TEST_F(TargetTest, TokenBeforeEveryForm) {
  const Where preset = at(behind_token("/openai/v1/x?y"));
  EXPECT_TRUE(preset.token_in_path);
  EXPECT_EQ(preset.token.reveal(), kToken);
  EXPECT_EQ(preset.alias, "openai");
  EXPECT_EQ(preset.rest, "/v1/x?y");
  EXPECT_EQ(preset.path, "/openai/v1/x?y");
  EXPECT_EQ(at(behind_token("/api/openai/v1")).alias, "openai");
  EXPECT_EQ(at(behind_token("/gateway/openai/v1")).alias, "openai");
  EXPECT_EQ(at(behind_token("/v1beta/models")).place, Place::kGemini);
  EXPECT_EQ(at(behind_token("/healthz")).place, Place::kHealth);
  EXPECT_EQ(at(behind_token("")).place, Place::kStatus);
  EXPECT_EQ(at(behind_token("?a=1")).path, "/?a=1");
  EXPECT_EQ(at(behind_token("/unknown")).place, Place::kUnknown);
}

TEST_F(TargetTest, TokenMayBePercentEncoded) {
  const Where where = at("/a%2Fb%2Bc%250123456789/openai/v1");
  EXPECT_TRUE(where.token_in_path);
  EXPECT_EQ(where.token.reveal(), "a/b+c%0123456789");
  EXPECT_EQ(where.alias, "openai");
}

// Fault #13: a token collides with an alias. The token wins, and what follows is read anew.
TEST_F(TargetTest, ATokenThatIsAnAliasIsAToken) {
  snapshot_.upstreams[std::string(kToken)].name = kToken;
  EXPECT_EQ(at(behind_token("/openai/v1")).alias, "openai");
}

TEST_F(TargetTest, AWrongTokenLooksLikeAnUnknownAlias) {
  const Where wrong = at("/wrong-token-0123456789/openai/v1");
  const Where unknown = at("/nobody/openai/v1");
  EXPECT_EQ(wrong.place, unknown.place);
  EXPECT_EQ(wrong.place, Place::kUnknown);
  EXPECT_EQ(wrong.alias, unknown.alias);
  EXPECT_FALSE(wrong.token_in_path);
}

TEST_F(TargetTest, TheTokenIsTakenOnce) {
  EXPECT_EQ(at(behind_token(behind_token("/openai"))).place, Place::kUnknown);
}

TEST_F(TargetTest, GenericForms) {
  for (const char* form :
       {"/https/api.example.com:8443/v1/x?y=%2F", "/https:/api.example.com:8443/v1/x?y=%2F",
        "/https://api.example.com:8443/v1/x?y=%2F", "/HTTPS://API.example.com:8443/v1/x?y=%2F"}) {
    const Where where = at(behind_token(form));
    EXPECT_EQ(where.place, Place::kGeneric) << form;
    EXPECT_EQ(where.url.scheme, "https");
    EXPECT_EQ(where.url.host, "api.example.com");
    EXPECT_EQ(where.url.port, 8443);
    EXPECT_EQ(where.rest, "/v1/x?y=%2F");
  }
}

TEST_F(TargetTest, GenericPortsAndRests) {
  EXPECT_EQ(at(behind_token("/https/example.com")).url.port, 443);
  EXPECT_EQ(at(behind_token("/http/example.com")).url.port, 80);
  EXPECT_EQ(at(behind_token("/http/example.com")).rest, "");
  EXPECT_EQ(at(behind_token("/http/example.com?q")).rest, "?q");
  EXPECT_EQ(at(behind_token("/http/[::1]:8080/x")).url.host, "::1");
  EXPECT_EQ(at(behind_token("/http/example.com//evil.com/")).rest, "//evil.com/");
}

// Fault of api-proxy, "SSRF by double slash", and its relatives: a path never names another host.
TEST_F(TargetTest, GenericHostsThatAreNone) {
  for (const char* path : {"/https", "/https/", "/https:///x", "/https/user@host/x",
                           "/https/host:0/x", "/https/host:99999/x", "/https/ho%2Fst/x",
                           "/https://user:pw@host/", "/https/[::1/x", "/https/0x7f.1/x"}) {
    EXPECT_EQ(refused(behind_token(path)).code, Code::kBadRequest) << path;
  }
}

TEST_F(TargetTest, TargetsOfWebSocketAreHttpThatIsUpgradedBehindATokenOnly) {
  const Where secure = at(behind_token("/wss/host/x?y"));
  EXPECT_EQ(secure.place, Place::kGeneric);
  EXPECT_TRUE(secure.ws_only);
  EXPECT_EQ(secure.url.text(), "https://host");
  EXPECT_EQ(secure.url.port, 443);
  EXPECT_EQ(secure.rest, "/x?y");
  const Where plain = at(behind_token("/ws://host:81/x"));
  EXPECT_TRUE(plain.ws_only);
  EXPECT_EQ(plain.url.port, 81);
  EXPECT_EQ(plain.url.scheme, "http");
  EXPECT_FALSE(at(behind_token("/https/host/x")).ws_only);
  EXPECT_EQ(at("/wss/host/x").place, Place::kUnknown);
}

// Its path begins like a generic one.
TEST_F(TargetTest, GeminisLiveApiIsGeminis) {
  const std::string live =
      "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent?key=k";
  for (const std::string& path : {live, behind_token(live)}) {
    EXPECT_EQ(at(path).place, Place::kGemini);
    EXPECT_EQ(at(path).rest, live);
  }
  EXPECT_EQ(at(behind_token("/ws/google.ai.example/x")).place, Place::kGeneric);
}

// Fault #14: SpectreProxy sent requests on without a token.
TEST_F(TargetTest, GenericNeedsTheTokenInThePath) {
  EXPECT_EQ(at("/https/example.com/").place, Place::kUnknown);
  EXPECT_EQ(at("/wrong-token-0123456789/https/example.com/").place, Place::kUnknown);
  EXPECT_EQ(at("/https/bad@host/").place, Place::kUnknown);
}

TEST_F(TargetTest, GeminiAtTheRoot) {
  const Where where = at("/v1beta/models/gemini-2.5-pro:generateContent?key=k");
  EXPECT_EQ(where.place, Place::kGemini);
  EXPECT_EQ(where.alias, "gemini");
  EXPECT_EQ(where.model, "gemini-2.5-pro");
  EXPECT_EQ(where.rest, "/v1beta/models/gemini-2.5-pro:generateContent?key=k");
  EXPECT_EQ(at("/v1beta/models").place, Place::kGemini);
  EXPECT_EQ(at("/upload/v1beta/files").place, Place::kGemini);
  EXPECT_EQ(at("/v1/models/gemini-2.5-pro:generateContent").place, Place::kGemini);
  EXPECT_EQ(at("/v1/models/gemini-2.5-pro%3AgenerateContent").place, Place::kGemini);
}

TEST_F(TargetTest, NotGemini) {
  EXPECT_EQ(at("/v1/models").place, Place::kUnknown);
  EXPECT_EQ(at("/v1/models/gpt-5").place, Place::kUnknown);
  EXPECT_EQ(at("/v1/models/gpt-5?x=a:b").place, Place::kUnknown);
  EXPECT_EQ(at("/v1betax/models").place, Place::kUnknown);
  EXPECT_EQ(at("/v1/chat/completions").place, Place::kUnknown);
}

TEST_F(TargetTest, GeminiNeedsItsUpstream) {
  snapshot_.upstreams.erase("gemini");
  EXPECT_EQ(at("/v1beta/models").place, Place::kUnknown);
}

TEST_F(TargetTest, PresetPathsNameTheirModelToo) {
  EXPECT_EQ(at("/gemini/v1beta/models/gemini-x:generateContent").model, "gemini-x");
}

// Hashing is not free: a path is asked about once, and once more where it is encoded.
TEST_F(TargetTest, AsksAboutTheFirstSegmentOnly) {
  at("/openai/a/b/c/d");
  EXPECT_EQ(tokens_.asked, 1);
}

}  // namespace
}  // namespace culvert
