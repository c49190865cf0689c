// Files into resources and back: every type of field, and every way to write one wrongly with the
// line that the message names.
#include "proto/yaml.h"

#include "proto/scalars.h"
#include "relay/base/limits.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using namespace std::chrono_literals;

constexpr const char* kWhole = R"(kind: Relay
name: edge
spec:
  listen: [http://127.0.0.1:8080, "https://[::1]:8443"]
  admin_listen: 127.0.0.1:9090
  workers: 4
  certificates:
    - cert: /c.pem
      key: /k.pem
  auth_tokens:
    - env:TOKEN
    - value: a-token-of-enough-length
  preset_auth: no
  timeouts: {connect: 500ms, total: 0s}
  limits:
    head_bytes: 64KiB
    body_bytes: 1024
    connections: 5
  cors: {origins: ['*'], max_age: 1h}
  access_log: {client_address: truncated}
---
kind: Upstream
name: mine
spec:
  dialect: openai
  targets:
    - url: https://a.example/v1
      weight: 3
      regions: [eu, us]
    - url: https://b.example
  headers:
    allow: [X-One]
    set: {X-Two: "2", X-Three: drei}
  isolation: tenant
  tls: {min_version: tls13}
---
kind: KeyPool
name: mine
spec:
  upstream: mine
  keys: [sk-0123456789abcdef, file:/run/key]
  policy: least_used
---
kind: Route
name: r
spec:
  match: {models: ["gpt-*"], headers: {X-Team: red}}
  to: [{upstream: mine, weight: 0}, {upstream: openai}]
  rewrite_prefix: ""
)";

std::string failure(std::string_view text) {
  const auto parsed = parse_resources("f.yaml", text);
  return parsed ? "no error" : parsed.error().detail;
}

// The message about one wrong line inside the spec of a Relay, without "f.yaml:4: ".
std::string relay_failure(const std::string& line) {
  const auto detail = failure("kind: Relay\nname: r\nspec:\n  " + line + "\n");
  const std::string start = "f.yaml:4: ";
  EXPECT_EQ(detail.substr(0, start.size()), start) << detail;
  return detail.size() > start.size() ? detail.substr(start.size()) : detail;
}

TEST(Yaml, ReadsEveryTypeOfField) {
  const auto parsed = parse_resources("f.yaml", kWhole);
  ASSERT_TRUE(parsed) << parsed.error().detail;
  const v1::Relay& relay = parsed->relay;
  EXPECT_EQ(parsed->relay_name, "edge");
  EXPECT_EQ(relay.listen_size(), 2);
  EXPECT_EQ(relay.listen(1), "https://[::1]:8443");
  EXPECT_EQ(relay.workers(), 4U);
  EXPECT_EQ(relay.certificates(0).key(), "/k.pem");
  EXPECT_EQ(relay.auth_tokens(0).value(), "env:TOKEN");
  EXPECT_EQ(relay.auth_tokens(1).value(), "a-token-of-enough-length");
  EXPECT_TRUE(relay.has_preset_auth());
  EXPECT_FALSE(relay.preset_auth());
  EXPECT_EQ(from_proto(relay.timeouts().connect()), 500ms);
  EXPECT_TRUE(relay.timeouts().has_total());
  EXPECT_FALSE(relay.timeouts().has_idle());
  EXPECT_EQ(relay.limits().head_bytes(), 65536U);
  EXPECT_EQ(relay.limits().body_bytes(), 1024U);
  EXPECT_EQ(relay.limits().connections(), 5U);
  EXPECT_EQ(relay.access_log().client_address(), v1::AccessLog::CLIENT_ADDRESS_TRUNCATED);
  const v1::Upstream& mine = parsed->upstreams.at("mine");
  EXPECT_EQ(mine.dialect(), v1::DIALECT_OPENAI);
  EXPECT_EQ(mine.targets(0).weight(), 3U);
  EXPECT_EQ(mine.targets(0).regions(1), "us");
  EXPECT_FALSE(mine.targets(1).has_weight());
  EXPECT_EQ(mine.headers().set().at("X-Three"), "drei");
  EXPECT_EQ(mine.isolation(), v1::Upstream::ISOLATION_TENANT);
  EXPECT_EQ(mine.tls().min_version(), v1::Tls::MIN_VERSION_TLS13);
  EXPECT_EQ(parsed->key_pools.at("mine").policy(), v1::KeyPool::POLICY_LEAST_USED);
  const v1::Route& route = parsed->routes.at("r");
  EXPECT_TRUE(route.to(0).has_weight());
  EXPECT_EQ(route.to(0).weight(), 0U);
  EXPECT_TRUE(route.has_rewrite_prefix());
  EXPECT_EQ(route.match().headers().at("X-Team"), "red");
}

TEST(Yaml, JsonIsTheSame) {
  const auto json = parse_resources("f.json", R"({
	"kind": "Upstream", "name": "mine",
	"spec": {"dialect": "gemini", "targets": [{"url": "https:\/\/a.example", "weight": 2}],
	         "client_user_agent": true, "timeouts": {"idle": "5m"}}
})");
  ASSERT_TRUE(json) << json.error().detail;
  EXPECT_EQ(json->upstreams.at("mine").targets(0).url(), "https://a.example");
  EXPECT_TRUE(json->upstreams.at("mine").client_user_agent());
}

TEST(Yaml, KeepsTheLineOfEveryField) {
  const auto parsed = parse_resources("f.yaml", kWhole);
  ASSERT_TRUE(parsed);
  const Places& places = parsed->places;
  EXPECT_EQ(places.find("Relay", "edge", ""), "f.yaml:2");
  EXPECT_EQ(places.find("Relay", "edge", "workers"), "f.yaml:6");
  EXPECT_EQ(places.find("Relay", "edge", "certificates[0].key"), "f.yaml:9");
  EXPECT_EQ(places.find("Relay", "edge", "auth_tokens[1]"), "f.yaml:12");
  EXPECT_EQ(places.find("Relay", "edge", "limits.body_bytes"), "f.yaml:17");
  EXPECT_EQ(places.find("Relay", "edge", "limits.target_bytes"), "f.yaml:15");  // around it
  EXPECT_EQ(places.find("Upstream", "mine", "targets[1].url"), "f.yaml:30");
  EXPECT_EQ(places.find("Upstream", "mine", "headers.set[X-Two]"), "f.yaml:33");
  EXPECT_EQ(places.find("Upstream", "mine", "user_agent"), "f.yaml:23");  // the resource
  EXPECT_EQ(places.find("Upstream", "other", "user_agent"), "Upstream other");
}

TEST(Yaml, UnknownFieldsAreNearMisses) {
  EXPECT_EQ(relay_failure("lisen: []"),
            "unknown field \"lisen\" in Relay; did you mean \"listen\"?");
  EXPECT_EQ(relay_failure("timeouts: {conect: 1s}"),
            "unknown field \"conect\" in Timeouts; did you mean \"connect\"?");
  EXPECT_EQ(relay_failure("access_log: {zzzz: 1}"),
            "unknown field \"zzzz\" in AccessLog; allowed are off, client_address");
}

TEST(Yaml, WrongTypes) {
  EXPECT_EQ(relay_failure("listen: http://a"),
            "\"listen\" cannot be \"http://a\"; allowed is a list");
  EXPECT_EQ(relay_failure("listen: [[a]]"), "\"listen\" cannot be a list; allowed is one text");
  EXPECT_EQ(relay_failure("admin_listen: {a: b}"),
            "\"admin_listen\" cannot be a map; allowed is one text");
  EXPECT_EQ(relay_failure("admin_listen:"),
            "\"admin_listen\" cannot be nothing; allowed is one text");
  EXPECT_EQ(relay_failure("limits: 5"), "\"limits\" cannot be a value; allowed is a map of fields");
  EXPECT_EQ(relay_failure("certificates: {cert: a}"),
            "\"certificates\" cannot be a map; allowed is a list");
  EXPECT_EQ(relay_failure("cors: {origins: ~}"),
            "\"origins\" cannot be nothing; allowed is a list");
}

TEST(Yaml, WrongScalars) {
  for (const char* line : {"workers: -1", "workers: 4.5", "workers: four", "workers: \"4\"",
                           "workers: 4294967296", "workers: 0x4", "workers: 64KiB"}) {
    EXPECT_NE(relay_failure(line).find("; allowed is a whole number from 0 to 4294967295"),
              std::string::npos)
        << line;
  }
  EXPECT_EQ(relay_failure("debug: maybe"),
            "\"debug\" cannot be \"maybe\"; allowed is true, false, yes, no, on, off, 1 or 0");
  for (const char* line : {"drain_timeout: 10", "drain_timeout: -1s", "drain_timeout: 1h30m"}) {
    EXPECT_NE(relay_failure(line).find("a duration such as 500ms, 10s, 5m or 1h"),
              std::string::npos);
  }
  EXPECT_NE(relay_failure("limits: {head_bytes: 64kb}").find("64KiB, 8MiB or 1GiB"),
            std::string::npos);
  EXPECT_EQ(relay_failure("access_log: {client_address: trunc}"),
            "\"client_address\" cannot be \"trunc\"; allowed are none, truncated, full");
  EXPECT_EQ(relay_failure("access_log: {client_address: FULL}"),
            "\"client_address\" cannot be \"FULL\"; did you mean \"full\"?");
}

TEST(Yaml, DocumentsNeedKindNameAndSpec) {
  EXPECT_EQ(failure("name: x\nspec: {}"),
            "f.yaml:1: a document without \"kind\"; needed is Relay, Upstream, KeyPool, Route or "
            "Tunnel");
  EXPECT_EQ(failure("kind: Route\nspec: {}"),
            "f.yaml:1: a document without \"name\"; needed is a name for this Route");
  EXPECT_EQ(failure("kind: Route\nname: \"\"\nspec: {}"),
            "f.yaml:2: a document without \"name\"; needed is a name for this Route");
  EXPECT_EQ(failure("\n\nkind: Route\nname: r"),
            "f.yaml:3: Route \"r\" without \"spec\"; an empty one is {}");
  EXPECT_EQ(failure("kind: Upsteam\nname: r\nspec: {}"),
            "f.yaml:1: unknown kind \"Upsteam\"; did you mean \"Upstream\"?");
  EXPECT_EQ(failure("kind: Route\nname: r\nspecs: {}"),
            "f.yaml:3: unknown field \"specs\" in a document; did you mean \"spec\"?");
  EXPECT_EQ(failure("- a\n"),
            "f.yaml:1: a document cannot be a list; allowed is a map of kind, name and spec");
  EXPECT_EQ(failure("kind: Route\nname: r\nspec:\n"),
            "f.yaml:3: \"spec\" cannot be nothing; allowed is a map of fields");
}

TEST(Yaml, NothingIsGivenTwice) {
  EXPECT_EQ(failure("kind: Route\nkind: Route\nname: r\nspec: {}"),
            "f.yaml:2: \"kind\" is given twice in one map; give it once");
  EXPECT_EQ(relay_failure("limits: {head_fields: 1, head_fields: 2}"),
            "\"head_fields\" is given twice in one map; give it once");
  const std::string route = "kind: Route\nname: r\nspec: {}\n";
  EXPECT_EQ(failure(route + "---\n" + route),
            "f.yaml:6: Route \"r\" is the second one, after f.yaml:2; a name is given once in its "
            "kind");
  EXPECT_EQ(failure("kind: Relay\nname: a\nspec: {}\n---\nkind: Relay\nname: b\nspec: {}\n"),
            "f.yaml:6: Relay \"b\" is the second one, after f.yaml:2; there is at most one Relay");
  EXPECT_EQ(failure(route + "---\nkind: KeyPool\nname: r\nspec: {}\n"), "no error");
}

TEST(Yaml, SecretsAreInNoMessage) {
  const std::string secret = "sk-abcdefghijklmnop";
  for (const std::string& line :
       {"auth_tokens: " + secret, "auth_tokens: {" + secret + ": x}",
        "auth_tokens: [{" + secret + ": x}]", "auth_tokens: [[" + secret + "]]",
        "auth_tokens: [{" + secret + ": x, " + secret + ": y}]",
        "auth_tokens: [{value: [" + secret + "]}]", "auth_tokens: [" + secret + "]: x"}) {
    EXPECT_EQ(relay_failure(line).find("abcdef"), std::string::npos) << line;
  }
}

TEST(Yaml, EmptyDocumentsAreNone) {
  for (const char* text : {"", "\n", "# only words\n", "---\n---\n", "---\n...\n"}) {
    const auto parsed = parse_resources("f.yaml", text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->relay_name, "");
    EXPECT_TRUE(parsed->upstreams.empty());
  }
}

TEST(Yaml, WhatIsNoYamlIsRefusedWithItsLine) {
  EXPECT_EQ(failure("kind: Route\n  name: r\n").substr(0, 9), "f.yaml:2:");
  EXPECT_EQ(failure("kind: [\n").substr(0, 7), "f.yaml:");
  EXPECT_EQ(failure("kind: 'Route\nname: r").substr(0, 7), "f.yaml:");
  EXPECT_EQ(failure("a: b\n\x04ignored: c\n"),
            "f.yaml:2: a control character; allowed is text in UTF-8");
  EXPECT_EQ(failure(std::string_view("a: b\0", 5)),
            "f.yaml:1: a control character; allowed is text in UTF-8");
}

TEST(Yaml, StrayCharactersBetweenDocumentsDoNotLoop) {
  EXPECT_EQ(failure("{},\n"), "f.yaml:1: a character that belongs to no value");
  EXPECT_EQ(failure("---\n# none\n,"), "f.yaml:3: a character that belongs to no value");
}

TEST(Yaml, AliasesAnchorsAndTagsAreRefused) {
  EXPECT_EQ(failure("kind: &a Route\nname: r\nspec: {}"),
            "f.yaml:1: anchors are not taken; write the value out where it is needed");
  EXPECT_EQ(failure("kind: Route\nname: *a\nspec: {}").substr(0, 9), "f.yaml:2:");
  EXPECT_EQ(failure("kind: !!str Route\nname: r\nspec: {}"),
            "f.yaml:1: tags are not taken; leave it out");
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'k'; ++c) {
    const std::string last = std::string("*") + static_cast<char>(c - 1);
    bomb += std::string(1, c) + ": &" + c + " [" + last;
    for (int i = 0; i < 8; ++i) bomb += "," + last;
    bomb += "]\n";
  }
  EXPECT_EQ(failure(bomb).substr(0, 9), "f.yaml:1:");
}

TEST(Yaml, DepthAndSizeAreBounded) {
  EXPECT_NE(
      failure("a: " + std::string(200, '[') + std::string(200, ']')).find("nested too deeply"),
      std::string::npos);
  EXPECT_NE(failure("a: " + std::string(100000, '[')).substr(0, 7), "no erro");
  std::string blocks;
  for (int i = 0; i < 200; ++i) blocks += std::string(static_cast<size_t>(i), ' ') + "a:\n";
  EXPECT_NE(failure(blocks).find("nested too deeply"), std::string::npos);
  EXPECT_EQ(failure(std::string(limits::kConfigBytes + 1, '#')),
            "f.yaml: the file is too large; at most 16777216 bytes are read");
}

TEST(Yaml, NodesAreBounded) {
  std::string many = "[";
  for (size_t i = 0; i <= limits::kConfigNodes; ++i) many += "a,";
  EXPECT_NE(failure(many + "]").find("too many values; at most 1000000"), std::string::npos);
}

TEST(Yaml, WritesWhatItReadWithSecretsMasked) {
  const auto parsed = parse_resources("f.yaml", kWhole);
  ASSERT_TRUE(parsed);
  const std::string text = to_yaml(*parsed);
  EXPECT_EQ(text.find("a-token-of-enough-length"), std::string::npos);
  EXPECT_EQ(text.find("sk-0123456789abcdef"), std::string::npos);
  EXPECT_NE(text.find("sk-0…cdef"), std::string::npos) << text;
  EXPECT_NE(text.find("env:TOKEN"), std::string::npos);
  auto again = parse_resources("g.yaml", text);
  ASSERT_TRUE(again) << again.error().detail << "\n" << text;
  again->relay.mutable_auth_tokens(1)->set_value("a-token-of-enough-length");
  again->key_pools.at("mine").mutable_keys(0)->set_value("sk-0123456789abcdef");
  EXPECT_EQ(again->relay.SerializeAsString(), parsed->relay.SerializeAsString());
  EXPECT_EQ(again->upstreams.at("mine").DebugString(), parsed->upstreams.at("mine").DebugString());
  EXPECT_EQ(again->key_pools.at("mine").SerializeAsString(),
            parsed->key_pools.at("mine").SerializeAsString());
  EXPECT_EQ(again->routes.at("r").SerializeAsString(), parsed->routes.at("r").SerializeAsString());
}

TEST(Yaml, WritesTextsThatLookLikeOtherThings) {
  v1::Upstream upstream;
  upstream.set_user_agent("null");
  for (const char* url : {"", "~", "yes", "a: b", "# no", "- x", "a\"b'c", "ä→", "  edge  "}) {
    upstream.add_targets()->set_url(url);
  }
  const auto again = parse_resources("g.yaml", to_yaml("Upstream", "true", upstream));
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_EQ(again->upstreams.at("true").SerializeAsString(), upstream.SerializeAsString());
}

TEST(ToYaml, LeavesWhatIsMaskedAsItIs) {
  v1::KeyPool pool;
  pool.add_keys()->set_value("sk-0…cdef");
  pool.add_keys()->set_value("…");
  pool.add_keys()->set_value("sk-0123456789…abcdef");  // only looks a little like it
  const std::string text = to_yaml("KeyPool", "p", pool);
  EXPECT_NE(text.find("- sk-0…cdef\n    - …\n    - sk-0…cdef\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace culvert
