// The request's head and target as an upstream sees them, byte by byte (privacy.md).
#include "relay/gate/upstream_headers.h"

#include "relay/codec/encode.h"
#include "tests/unit/gate/asked.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

const std::string kToken(gate_test::kToken);

class UpstreamHeadersTest : public testing::Test {
 protected:
  UpstreamHeadersInput input(const Headers& client) const {
    return {.client = client,
            .authority = "api.example.com",
            .upstream = upstream_,
            .route = route_,
            .credentials = credentials_,
            .payer = payer_,
            .key = key_,
            .framing = framing_,
            .content_length = 12,
            .wants_length = wants_length_,
            .tokens = tokens_};
  }
  Headers up(const Fields& fields) const {
    const Headers client = gate_test::headers(fields);
    return upstream_headers(input(client));
  }
  std::string head(const Fields& fields) const {
    return encode_request_head("POST", "/v1/x", up(fields));
  }
  std::string target(std::string_view path) {
    const Headers client;
    credentials_ = read_credentials(client, path, upstream_, {}, tokens_);
    return upstream_target(input(client), std::string(path));
  }
  std::string value(const Fields& fields, std::string_view name) const {
    const Headers made = up(fields);
    EXPECT_LE(made.count(name), 1U) << name;
    return std::string(made.find(name).value_or("(none)"));
  }
  void use(Dialect dialect) { of_dialect_ = gate_test::upstream_of(dialect); }
  void generic() { upstream_ = nullptr; }
  void own(std::vector<std::string> keys, KeyPlace place) {
    credentials_.own_keys.clear();
    for (const std::string& key : keys) credentials_.own_keys.emplace_back(key);
    credentials_.own_place = std::move(place);
    payer_ = Payer::kOwn;
  }

  Upstream of_dialect_ = gate_test::upstream_of(Dialect::kOpenAi);
  const Upstream* upstream_ = &of_dialect_;
  const HeaderRules* route_ = nullptr;
  Credentials credentials_;
  Payer payer_ = Payer::kNone;
  Secret pool_key_{"sk-pool"};
  const Secret* key_ = nullptr;
  BodyFraming framing_ = BodyFraming::kLength;
  bool wants_length_ = false;
  const Tokens tokens_ = gate_test::two_tokens();
};

TEST_F(UpstreamHeadersTest, WholeHeadInItsOrder) {
  own({"sk-own"}, {"Authorization", "Bearer"});
  EXPECT_EQ(head({{"content-type", "application/json"},
                  {"AUTHORIZATION", "Bearer sk-own"},
                  {"accept-encoding", "gzip"},
                  {"accept", "text/event-stream"},
                  {"Content-Length", "12"},
                  {"host", "relay.test"},
                  {"user-agent", "OpenAI/Python 1.0"}}),
            "POST /v1/x HTTP/1.1\r\n"
            "Host: api.example.com\r\n"
            "User-Agent: culvert\r\n"
            "Accept-Encoding: identity\r\n"
            "Authorization: Bearer sk-own\r\n"
            "Accept: text/event-stream\r\n"
            "Content-Type: application/json\r\n"
            "Content-Length: 12\r\n"
            "\r\n");
}

// privacy.md: "two clients with different addresses, headers and SDKs give byte-identical requests
// outside the body and the key". Faults #1 and #10.
TEST_F(UpstreamHeadersTest, TwoClientsGiveTheSameBytes) {
  own({"sk-own"}, {"Authorization", "Bearer"});
  const Fields python = {{"Host", "relay.test"},
                         {"Accept-Encoding", "gzip, deflate, br, zstd"},
                         {"Connection", "keep-alive"},
                         {"Accept", "application/json"},
                         {"Content-Type", "application/json"},
                         {"User-Agent", "OpenAI/Python 2.8.0"},
                         {"X-Stainless-Lang", "python"},
                         {"x-stainless-os", "Linux"},
                         {"OpenAI-Beta", "assistants=v2"},
                         {"Authorization", "Bearer sk-own"},
                         {"Content-Length", "12"}};
  const Fields browser = {{"authorization", "bearer   sk-own"},
                          {"openai-beta", "assistants=v2"},
                          {"content-type", "application/json"},
                          {"x-forwarded-for", "203.0.113.7"},
                          {"x-real-ip", "203.0.113.7"},
                          {"forwarded", "for=203.0.113.7"},
                          {"via", "1.1 proxy"},
                          {"true-client-ip", "203.0.113.7"},
                          {"cf-connecting-ip", "203.0.113.7"},
                          {"cookie", "id=1"},
                          {"origin", "https://app.test"},
                          {"referer", "https://app.test/secret"},
                          {"te", "trailers"},
                          {"upgrade", "h2c"},
                          {"http2-settings", "x"},
                          {"trailer", "x"},
                          {"keep-alive", "timeout=5"},
                          {"proxy-connection", "keep-alive"},
                          {"sec-ch-ua", "Chrome"},
                          {"sec-fetch-mode", "cors"},
                          {"accept-language", "de"},
                          {"traceparent", "00-x"},
                          {"x-culvert-token", kToken},
                          {"accept-encoding", "gzip;q=1.0, br"},
                          {"user-agent", "Mozilla/5.0"},
                          {"accept", "application/json"},
                          {"transfer-encoding", "chunked"},
                          {"host", "other.test"}};
  EXPECT_EQ(head(python), head(browser));
  generic();
  credentials_ = {};
  payer_ = Payer::kNone;
  Fields spaced = browser;
  spaced[0].second = "Bearer sk-own";
  EXPECT_EQ(head(python), head(spaced));
}

// Fault #10: a length and a transfer coding side by side.
TEST_F(UpstreamHeadersTest, FramingIsTheRelaysAlone) {
  const Fields both = {{"Content-Length", "99"}, {"Transfer-Encoding", "gzip, chunked"}};
  EXPECT_EQ(value(both, "content-length"), "12");
  EXPECT_EQ(value(both, "transfer-encoding"), "(none)");
  framing_ = BodyFraming::kChunked;
  EXPECT_EQ(value(both, "content-length"), "(none)");
  EXPECT_EQ(value(both, "transfer-encoding"), "chunked");
  framing_ = BodyFraming::kNone;
  EXPECT_EQ(value(both, "content-length"), "(none)");
  wants_length_ = true;
  EXPECT_EQ(value({}, "content-length"), "0");
}

// Fault #11: Host without its port. Url::authority() writes it; nothing here may take it away.
TEST_F(UpstreamHeadersTest, HostIsTheUpstreams) {
  EXPECT_EQ(value({{"Host", "relay.test:8443"}}, "host"), "api.example.com");
}

TEST_F(UpstreamHeadersTest, FieldsThatConnectionNamesAreDropped) {
  EXPECT_EQ(value({{"Connection", "close, OpenAI-Beta"}, {"openai-beta", "x"}}, "openai-beta"),
            "(none)");
  generic();
  EXPECT_EQ(value({{"Connection", "X-Hop"}, {"x-hop", "1"}}, "x-hop"), "(none)");
  EXPECT_EQ(value({{"Connection", "X-Hop"}, {"x-end", "1"}}, "x-end"), "1");
}

TEST_F(UpstreamHeadersTest, UserAgent) {
  EXPECT_EQ(value({}, "user-agent"), "culvert");
  EXPECT_EQ(value({{"user-agent", "me"}}, "user-agent"), "culvert");
  of_dialect_.user_agent.clear();
  EXPECT_EQ(value({{"user-agent", "me"}}, "user-agent"), "me");
  EXPECT_EQ(value({}, "user-agent"), "(none)");
  EXPECT_EQ(value({{"user-agent", "x " + kToken}}, "user-agent"), "(none)");
  generic();
  EXPECT_EQ(value({{"user-agent", "me"}}, "user-agent"), "culvert");
}

TEST_F(UpstreamHeadersTest, AcceptEncodingOnlyIfTheClientSentIt) {
  EXPECT_EQ(value({}, "accept-encoding"), "(none)");
  EXPECT_EQ(value({{"accept-encoding", "gzip"}}, "accept-encoding"), "identity");
  use(Dialect::kOpaque);
  EXPECT_EQ(value({{"accept-encoding", "br"}, {"Accept-Encoding", "gzip"}}, "accept-encoding"),
            "gzip");
}

TEST_F(UpstreamHeadersTest, PoolKeysReplaceWhateverTheClientWrote) {
  payer_ = Payer::kPool;
  key_ = &pool_key_;
  EXPECT_EQ(value({{"authorization", "Bearer " + kToken}}, "authorization"), "Bearer sk-pool");
  use(Dialect::kGemini);
  EXPECT_EQ(value({{"x-goog-api-key", kToken}}, "x-goog-api-key"), "sk-pool");
  EXPECT_EQ(value({{"authorization", "Bearer x"}}, "authorization"), "(none)");
  use(Dialect::kAnthropic);
  EXPECT_EQ(value({{"authorization", "Bearer " + kToken}}, "x-api-key"), "sk-pool");
  EXPECT_EQ(value({{"authorization", "Bearer " + kToken}}, "authorization"), "(none)");
  pool_key_ = Secret("sk-ant-oat01-abc");
  EXPECT_EQ(value({}, "authorization"), "Bearer sk-ant-oat01-abc");
  EXPECT_EQ(value({}, "x-api-key"), "(none)");
}

TEST_F(UpstreamHeadersTest, OwnKeysGoUpInTheFormTheyCame) {
  use(Dialect::kAnthropic);
  own({"sk-ant"}, {"Authorization", "Bearer"});
  EXPECT_EQ(value({}, "authorization"), "Bearer sk-ant");
  EXPECT_EQ(value({}, "x-api-key"), "(none)");
  own({"sk-ant"}, {"x-api-key", ""});
  EXPECT_EQ(value({}, "x-api-key"), "sk-ant");
  own({"dXNlcg=="}, {"Authorization", "Basic"});
  EXPECT_EQ(value({}, "authorization"), "Basic dXNlcg==");
}

TEST_F(UpstreamHeadersTest, OfAListTheChosenKeyAlone) {
  own({"k1", "k2"}, {"Authorization", "Bearer"});
  const Secret chosen("k2");
  key_ = &chosen;
  EXPECT_EQ(value({{"authorization", "Bearer k1,k2"}}, "authorization"), "Bearer k2");
}

TEST_F(UpstreamHeadersTest, NobodyPaysNobodysKey) {
  const Headers made = up({{"authorization", "Bearer x"}, {"x-api-key", "y"}});
  EXPECT_EQ(made.count("authorization"), 0U);
  EXPECT_EQ(made.count("x-api-key"), 0U);
}

TEST_F(UpstreamHeadersTest, NoRelayTokenInAnyValue) {
  of_dialect_.headers.allow = {"x-title", "x-api-key"};
  for (const char* name : {"x-title", "x-api-key", "accept", "openai-project", "x-goog-upload-x"}) {
    EXPECT_EQ(value({{name, kToken}}, name), "(none)") << name;
    EXPECT_EQ(value({{name, "a; t=" + kToken}}, name), "(none)") << name;
    EXPECT_EQ(value({{name, "harmless"}}, name), "harmless") << name;
  }
  generic();
  for (const char* name : {"authorization", "x-api-key", "x-anything"}) {
    EXPECT_EQ(value({{name, "Bearer " + kToken}}, name), "(none)") << name;
  }
}

TEST_F(UpstreamHeadersTest, NoFieldOfTheRelays) {
  generic();
  for (const char* name : {"X-Culvert-Token", "x-culvert-replay", "Proxy-Authorization"}) {
    EXPECT_EQ(value({{name, "anything"}}, name), "(none)") << name;
  }
}

TEST_F(UpstreamHeadersTest, SetFieldsReplaceTheClients) {
  of_dialect_.headers.set = {{"X-Fixed", "1"}, {"anthropic-version", "2023-06-01"}};
  HeaderRules route;
  route.allow = {"x-more"};
  route.set = {{"x-fixed", "2"}};
  route_ = &route;
  const Fields client = {{"Anthropic-Version", "old"}, {"X-More", "m"}, {"x-fixed", "mine"}};
  EXPECT_EQ(value(client, "x-fixed"), "2");
  EXPECT_EQ(value(client, "anthropic-version"), "2023-06-01");
  EXPECT_EQ(value(client, "x-more"), "m");
}

TEST_F(UpstreamHeadersTest, NoConfigurationSetsWhatIsForbidden) {
  of_dialect_.headers.set = {{"X-Forwarded-For", "1"},
                             {"Host", "evil"},
                             {"Transfer-Encoding", "x"},
                             {"Content-Length", "5"},
                             {"Connection", "close"}};
  const Headers made = up({});
  EXPECT_EQ(made.count("x-forwarded-for"), 0U);
  EXPECT_EQ(made.count("transfer-encoding"), 0U);
  EXPECT_EQ(made.count("connection"), 0U);
  EXPECT_EQ(*made.find("host"), "api.example.com");
  EXPECT_EQ(made.joined("content-length"), "12");
}

TEST_F(UpstreamHeadersTest, DoublesAreJoinedOrTheFirstStays) {
  EXPECT_EQ(value({{"anthropic-beta", "a"}, {"Anthropic-Beta", "b"}}, "anthropic-beta"), "a, b");
  EXPECT_EQ(value({{"content-type", "a/b"}, {"Content-Type", "c/d"}}, "content-type"), "a/b");
}

TEST_F(UpstreamHeadersTest, UploadsKeepTheirFieldsInSortedOrder) {
  use(Dialect::kGemini);
  const Headers made = up({{"X-Goog-Upload-Protocol", "resumable"},
                           {"X-Goog-Upload-Command", "start"},
                           {"X-Goog-Upload-Header-Content-Length", "5"}});
  std::vector<std::string> names;
  for (const Header& field : made) names.emplace_back(field.name);
  EXPECT_EQ(names, (std::vector<std::string>{"Host", "User-Agent", "x-goog-upload-command",
                                             "x-goog-upload-header-content-length",
                                             "x-goog-upload-protocol", "Content-Length"}));
}

TEST_F(UpstreamHeadersTest, TargetsStayByteForByte) {
  EXPECT_EQ(target("/v1/x?a=%2F+&key=any&b"), "/v1/x?a=%2F+&key=any&b");
  use(Dialect::kGemini);
  payer_ = Payer::kOwn;
  EXPECT_EQ(target("/v1beta/x?key=AIza%2d1&alt=sse"), "/v1beta/x?key=AIza%2d1&alt=sse");
}

TEST_F(UpstreamHeadersTest, TokensLeaveTheTarget) {
  EXPECT_EQ(target("/v1/x?key=" + kToken + "&a=1"), "/v1/x?a=1");
  EXPECT_EQ(target("/v1/x?key=relay%2Dtoken-0123456789"), "/v1/x");
  EXPECT_EQ(target("/v1/x?%6bey=" + kToken), "/v1/x");
  generic();
  EXPECT_EQ(target("/x?key=" + kToken + "&key=mine"), "/x?key=mine");
}

TEST_F(UpstreamHeadersTest, PoolKeysTakeThePlaceOfAQueryKey) {
  use(Dialect::kGemini);
  payer_ = Payer::kPool;
  key_ = &pool_key_;
  EXPECT_EQ(target("/v1beta/x?key=" + kToken + "&alt=sse"), "/v1beta/x?alt=sse");
  EXPECT_EQ(target("/v1beta/x?key="), "/v1beta/x");
  use(Dialect::kOpenAi);
  EXPECT_EQ(target("/v1/x?key=parameter"), "/v1/x?key=parameter");
}

TEST_F(UpstreamHeadersTest, OfAQueryListTheChosenKeyAlone) {
  use(Dialect::kGemini);
  payer_ = Payer::kOwn;
  const Secret chosen("k2");
  key_ = &chosen;
  EXPECT_EQ(target("/v1beta/x?alt=sse&key=k1,k2"), "/v1beta/x?alt=sse&key=k2");
  key_ = nullptr;
  EXPECT_EQ(target("/v1beta/x?key=" + kToken + ",k1"), "/v1beta/x?key=k1");
  EXPECT_EQ(target("/v1beta/x?key=" + kToken + "&key=k1"), "/v1beta/x?key=k1");
}

class WebSocketHeaders : public UpstreamHeadersTest {
 protected:
  // The head's end, from Connection on, and the target.
  std::string opens(const Fields& fields, std::string_view path = "/v1/x") {
    const Headers client = gate_test::headers(fields);
    const auto offered = read_ws_protocols(client.joined("Sec-WebSocket-Protocol"));
    EXPECT_TRUE(offered);
    credentials_ = read_credentials(client, path, upstream_, {}, tokens_, &*offered);
    if (!credentials_.own_keys.empty()) payer_ = Payer::kOwn;
    framing_ = BodyFraming::kNone;
    const WsOpening opening{"relays-own", *offered};
    UpstreamHeadersInput asked = input(client);
    asked.ws = &opening;
    const std::string head = encode_request_head(
        "GET", upstream_target(asked, std::string(path)), upstream_headers(asked));
    EXPECT_EQ(head.find(kToken), std::string::npos);
    EXPECT_EQ(head.find("Accept-Encoding"), std::string::npos);
    const size_t begin = head.find("Connection: ");
    return head.substr(4, head.find(' ', 4) - 4) + " " + head.substr(begin);
  }
  static constexpr std::string_view kStart =
      "/v1/x Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: relays-own\r\n";
};

TEST_F(WebSocketHeaders, AreTheRelaysOwnButForWhatTheEndsAgreeOn) {
  const std::string start(kStart);
  EXPECT_EQ(opens({{"Sec-WebSocket-Key", "clients"},
                   {"sec-websocket-version", "13"},
                   {"Connection", "keep-alive, Upgrade"},
                   {"Upgrade", "websocket"},
                   {"Accept-Encoding", "gzip"},
                   {"Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"}}),
            start + "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n");
  generic();
  EXPECT_EQ(opens({{"Sec-WebSocket-Key", "clients"}, {"Sec-WebSocket-Protocol", "a, b"}}),
            start + "Sec-WebSocket-Protocol: a, b\r\n\r\n");
}

TEST_F(WebSocketHeaders, ATokenNeverGoesUpAndAKeyOnlyWhereItPays) {
  const std::string start(kStart);
  EXPECT_EQ(opens({{"Sec-WebSocket-Protocol",
                    "a, openai-insecure-api-key.sk-own, culvert-token." + kToken}}),
            start + "Sec-WebSocket-Protocol: a, openai-insecure-api-key.sk-own\r\n\r\n");
  payer_ = Payer::kPool;
  key_ = &pool_key_;
  EXPECT_EQ(opens({{"Sec-WebSocket-Protocol", "a, openai-insecure-api-key." + kToken}}),
            start + "Sec-WebSocket-Protocol: a\r\n\r\n");
  generic();
  payer_ = Payer::kNone;
  EXPECT_EQ(opens({{"Sec-WebSocket-Protocol", "openai-insecure-api-key." + kToken}}),
            start + "\r\n");
  EXPECT_EQ(opens({{"Sec-WebSocket-Protocol", "openai-insecure-api-key.sk"}}),
            start + "Sec-WebSocket-Protocol: openai-insecure-api-key.sk\r\n\r\n");
}

TEST_F(WebSocketHeaders, AccessTokenIsAPlaceOfCredentials) {
  use(Dialect::kGemini);
  const std::string end(kStart.substr(5));
  EXPECT_EQ(opens({}, "/v1/x?access_token=" + kToken + "&a=b"), "/v1/x?a=b" + end + "\r\n");
  EXPECT_EQ(opens({}, "/v1/x?key=" + kToken + "&access_token=own"),
            "/v1/x?access_token=own" + end + "\r\n");
}

}  // namespace
}  // namespace culvert
