// Meaning: each rule with what breaks it, and where the message points.
#include "proto/validate.h"

#include "proto/listener.h"
#include "proto/words.h"
#include "proto/yaml.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace culvert {
namespace {

constexpr const char* kToken = "f00d-cafe-0123456789";

std::vector<Finding> findings_of(const std::string& text) {
  const auto parsed = parse_resources("f.yaml", text);
  EXPECT_TRUE(parsed) << parsed.error().detail;
  return parsed ? validate(*parsed) : std::vector<Finding>{};
}

// "path: message" of the first finding, "sound" where there is none.
std::string first(const std::string& text) {
  const auto findings = findings_of(text);
  return findings.empty() ? "sound" : findings[0].path + ": " + findings[0].message;
}

std::string relay(const std::string& spec) {
  return "kind: Relay\nname: r\nspec: {" + spec + "}\n";
}
std::string upstream(const std::string& spec, const std::string& name = "mine") {
  return "kind: Upstream\nname: " + name + "\nspec: {" + spec + "}\n";
}
std::string of_target(const std::string& spec) {
  return upstream("targets: [{url: \"https://a.example\"}], " + spec);
}
std::string pool(const std::string& spec) {
  return relay(std::string("auth_tokens: [") + kToken + "]") +
         "---\nkind: KeyPool\nname: p\nspec: {" + spec + "}\n";
}
std::string route(const std::string& spec) {
  return "kind: Route\nname: r\nspec: {" + spec + "}\n";
}

void expect(const std::string& text, const std::string& path, const std::string& part) {
  const auto found = first(text);
  EXPECT_EQ(found.rfind(path + ": ", 0), 0U) << found << "\n" << text;
  EXPECT_NE(found.find(part), std::string::npos) << found << "\n" << text;
}

TEST(Validate, NothingIsSound) {
  EXPECT_EQ(first(""), "sound");
  EXPECT_EQ(first(relay("")), "sound");
}

TEST(Validate, Listeners) {
  EXPECT_EQ(first(relay("listen: [http://127.0.0.1:0, http://127.0.0.1:0, \"http://[::]:80\"]")),
            "sound");
  EXPECT_EQ(first(relay("listen: [tls://127.0.0.1:1]")), "sound");
  expect(relay("listen: [tcp://127.0.0.1:1]"), "listen[0]", "has no scheme that a listener can");
  expect(relay("listen: [127.0.0.1:1]"), "listen[0]", "allowed are http://ADDRESS:PORT");
  expect(relay("listen: [http://localhost:1]"), "listen[0]", "names no IP address and port");
  expect(relay("listen: [http://127.0.0.1]"), "listen[0]", "names no IP address and port");
  expect(relay("listen: [http://127.0.0.1:1/]"), "listen[0]", "names no IP address and port");
  expect(relay("listen: [http://127.0.0.1:1, http://127.0.0.1:1]"), "listen[1]", "two listeners");
  expect(relay("listen: [http://127.0.0.1:1, http://0.0.0.0:1]"), "listen[1]", "two listeners");
  expect(relay("listen: [https://127.0.0.1:1]"), "listen[0]", "has no certificate");
  EXPECT_EQ(first(relay("listen: [https://127.0.0.1:1], certificates: [{cert: c, key: k}]")),
            "sound");
}

TEST(Validate, PortsOfConnect) {
  EXPECT_EQ(first(relay("connect: {ports: [443, 8443, 65535]}")), "sound");
  expect(relay("connect: {ports: [443, 0]}"), "connect.ports[1]", "1");
  expect(relay("connect: {ports: [65536]}"), "connect.ports[0]", "65535");
}

TEST(Validate, AdminListenerIsApart) {
  expect(relay("admin_listen: nowhere"), "admin_listen", "ADDRESS:PORT");
  expect(relay("admin_listen: 127.0.0.1:8080"), "admin_listen", "another port");
  expect(relay("listen: [http://0.0.0.0:7], admin_listen: 127.0.0.1:7"), "admin_listen",
         "another port");
  expect(relay("listen: [http://127.0.0.1:9090]"), "listen[0]", "another port");
  EXPECT_EQ(first(relay("listen: [http://127.0.0.1:0], admin_listen: 127.0.0.1:0")), "sound");
}

TEST(Validate, CertificatesComeInPairs) {
  expect(relay("certificates: [{cert: c}]"), "certificates[0].cert", "without its key");
  expect(relay("certificates: [{key: k}]"), "certificates[0].key", "missing");
  expect(relay("certificates: [{}]"), "certificates[0]", "missing");
}

TEST(Validate, TokensAreNeededWhereSomethingIsGuarded) {
  const std::string keys = "---\nkind: KeyPool\nname: p\nspec: {upstream: openai, keys: [abc]}\n";
  expect(relay("") + keys, "auth_tokens", "a token is needed");
  expect(relay("preset_auth: true"), "auth_tokens", "a token is needed");
  EXPECT_EQ(first(relay("preset_auth: false") + keys), "sound");
  EXPECT_EQ(first(relay(std::string("auth_tokens: [") + kToken + "]") + keys), "sound");
  expect(route("to: [{upstream: openai}], auth: true"), "auth_tokens", "a token is needed");
  EXPECT_EQ(first(relay("auth_tokens: [\"env:T\", \"file:/t\"], preset_auth: true")), "sound");
}

TEST(Validate, WeakTokensAreRefusedWithoutShowingThem) {
  for (const char* token :
       {"short", "fifteen-chars-x", "your-auth-token", "your-auth-token-here", "defaulttoken",
        "DefaultToken-12345", "changeme-changeme-changeme", "CHANGE_ME_0123456789",
        "your-token-0123456", "aaaaaaaaaaaaaaaaaaaaaaaa", "replace-me-0123456789"}) {
    const auto found = first(relay("auth_tokens: [" + std::string(token) + "]"));
    EXPECT_EQ(found.rfind("auth_tokens[0]: a token ", 0), 0U) << token << ": " << found;
    EXPECT_EQ(found.find(token), std::string::npos) << found;
  }
  expect(relay("auth_tokens: [\"\"]"), "auth_tokens[0]", "an empty token");
  for (const char* token : {"0123456789/abcdef", "0123456789 abcdef", "0123456789,abcdef",
                            "0123456789äabcdef", "0123456789?abcdef", "0123456789#abcdef"}) {
    expect(relay("auth_tokens: [\"" + std::string(token) + "\"]"), "auth_tokens[0]",
           "that paths, queries or lists use");
  }
  EXPECT_EQ(first(relay("auth_tokens: [fifteen-chars-xy]")), "sound");
}

TEST(Validate, LongTokensAreRefused) {
  const std::string most(254, 'b');
  EXPECT_EQ(first(relay("auth_tokens: [ac" + most + "]")), "sound");
  expect(relay("auth_tokens: [acd" + most + "]"), "auth_tokens[0]", "more than 256 characters");
}

TEST(Validate, WordsOfTheRelayAreNoAliases) {
  const std::string target = "targets: [{url: \"https://a.example\"}]";
  for (const char* alias : {"v1alpha", "upload", "generic", "none", "healthz"}) {
    EXPECT_NE(first(upstream(target, alias)).find("cannot be an alias"), std::string::npos)
        << alias;
  }
}

TEST(Validate, ARouteSetsNoHeaderOfAKey) {
  const auto route = [](const std::string& to, const std::string& set) {
    return "kind: Route\nname: r\nspec: {to: [{upstream: " + to + "}], headers: {set: {" + set +
           ": x}}}\n";
  };
  EXPECT_EQ(first(route("openai", "x-api-key")), "sound");
  expect(route("openai", "authorization"), "headers.set[authorization]", "use a KeyPool");
  expect(route("anthropic", "X-Api-Key"), "headers.set[X-Api-Key]", "use a KeyPool");
  expect(route("anthropic", "Authorization"), "headers.set[Authorization]", "use a KeyPool");
  expect(upstream("key: {header: api-key}, targets: [{url: \"https://a.example\"}]") + "---\n" +
             route("mine", "api-key"),
         "headers.set[api-key]", "use a KeyPool");
}

TEST(Validate, ATokenIsNoAlias) {
  expect(relay("auth_tokens: [a-very-long-alias-of-mine]") + "---\n" +
             upstream("targets: [{url: \"https://a.example\"}]", "a-very-long-alias-of-mine"),
         "auth_tokens[0]", "alias");
}

TEST(Validate, GenericAllow) {
  EXPECT_EQ(
      first(relay("generic_allow: [10.0.0.0/8, \"fd00::/8\", 127.0.0.1, \"*.internal\", a.b]")),
      "sound");
  expect(relay("generic_allow: [10.0.0.1/8]"), "generic_allow[0]", "host bits");
  expect(relay("generic_allow: [a.b, \"*\"]"), "generic_allow[1]", "host pattern");
  expect(relay("generic_allow: [\"127.1\"]"), "generic_allow[0]", "host pattern");
}

TEST(Validate, GenericHeadersAllow) {
  EXPECT_EQ(first(relay("generic_headers_allow: [Cookie, origin, Referer, accept-language]")),
            "sound");
  expect(relay("generic_headers_allow: [cookie, Via]"), "generic_headers_allow[1]", "never goes");
  expect(relay("generic_headers_allow: [host]"), "generic_headers_allow[0]", "relay itself");
  expect(relay("generic_headers_allow: [\"a b\"]"), "generic_headers_allow[0]", "a b");
}

TEST(Validate, LimitsTimersCorsAndRegion) {
  expect(relay("limits: {connections: 0}"), "limits.connections", "allowed are 1 to");
  expect(relay("limits: {head_bytes: 1}"), "limits.head_bytes", "1024");
  expect(relay("limits: {head_fields: 5000}"), "limits.head_fields", "1000");
  EXPECT_EQ(first(relay("limits: {replay_bytes: 0, body_bytes: 0}")), "sound");
  expect(relay("usage: {spool_bytes: 64KiB}"), "usage.spool_bytes", "1048576");
  EXPECT_EQ(first(relay("usage: {spool: true, spool_bytes: 1MiB}")), "sound");
  expect(relay("timeouts: {connect: 0s}"), "timeouts.connect", "more than 0s");
  expect(relay("timeouts: {idle: 25h}"), "timeouts.idle", "up to 24h");
  EXPECT_EQ(first(relay("timeouts: {total: 0s}, drain_timeout: 0s")), "sound");
  expect(relay("client_timeouts: {write: 0s}"), "client_timeouts.write", "more than 0s");
  EXPECT_EQ(first(relay("cors: {origins: ['*', 'https://a.example:8443'], headers: [X-A]}")),
            "sound");
  for (const char* origin :
       {"a.example", "https://a.example/", "https://a.example/x", "ws://a", ""}) {
    expect(relay("cors: {origins: ['" + std::string(origin) + "']}"), "cors.origins[0]",
           "is no origin");
  }
  expect(relay("cors: {origins: ['https://App.example']}"), "cors.origins[0]",
         "allowed is");
  expect(relay("cors: {origins: ['https://a.example:443']}"), "cors.origins[0]",
         "allowed is");
  expect(relay("cors: {headers: ['a b']}"), "cors.headers[0]", "no header name");
  expect(relay("workers: 5000"), "workers", "1024");
  expect(relay("region: 'a b'"), "region", "cannot be a name");
}

TEST(Validate, Aliases) {
  for (const char* name : {"v1", "api", "https", "healthz", "models", "verify", "gateway"}) {
    expect(upstream("targets: [{url: \"https://a.example\"}]", name), "", "something else");
  }
  for (const char* name : {"a/b", "\"a b\"", "Upper", ".hidden", "-x", "ä", "\"%2e\""}) {
    EXPECT_NE(first(upstream("targets: [{url: \"https://a.example\"}]", name)), "sound") << name;
  }
  EXPECT_EQ(first(upstream("targets: [{url: \"https://a.example\"}]", "my_llm-2.eu")), "sound");
}

TEST(Validate, Targets) {
  expect(upstream(""), "targets", "without targets");
  EXPECT_EQ(first(upstream("user_agent: x", "openai")), "sound");
  for (const char* url : {"", "a.example", "ftp://a.example", "https://", "https://a.example?x",
                          "https://a b", "ws://a.example", "wss://a.example", "https://a:0"}) {
    expect(upstream("targets: [{url: \"" + std::string(url) + "\"}]"), "targets[0].url", "");
  }
  const auto secret = first(upstream("targets: [{url: \"https://user:pass@a.example\"}]"));
  EXPECT_EQ(secret.rfind("targets[0].url: the URL is no URL", 0), 0U) << secret;
  EXPECT_EQ(secret.find("pass"), std::string::npos);
  expect(upstream("targets: [{url: \"https://a.example\", weight: 0}]"), "targets", "weight");
}

TEST(Validate, UpstreamDetails) {
  expect(of_target("key: {header: \"\"}"), "key.header", "no header name");
  expect(of_target("key: {header: Host}"), "key.header", "cannot carry a key");
  expect(of_target("key: {header: Cookie}"), "key.header", "cannot carry a key");
  expect(of_target("key: {header: X-Forwarded-For}"), "key.header", "cannot carry a key");
  expect(of_target("key: {header: api-key, scheme: \"a b\"}"), "key.scheme", "no scheme");
  EXPECT_EQ(first(of_target("key: {header: api-key}")), "sound");
  expect(of_target("tls: {server_name: \"*.a.example\"}"), "tls.server_name", "no host name");
  expect(of_target("user_agent: \"a\\r\\nX: y\""), "user_agent", "one line");
  expect(of_target("user_agent: a, client_user_agent: true"), "user_agent", "one of them");
  expect(of_target("headers: {set: {Authorization: x}}"), "headers.set[Authorization]", "KeyPool");
  expect(of_target("timeouts: {tls: 0s}"), "timeouts.tls", "more than 0s");
}

TEST(Validate, HeaderRulesCannotNameWhatNeverGoesUp) {
  for (const char* name : {"X-Forwarded-For",
                           "x_forwarded_for",
                           "Forwarded",
                           "Via",
                           "CF-Ray",
                           "X-Real-IP",
                           "traceparent",
                           "X-Request-Id",
                           "Sec-CH-UA",
                           "Proxy-Authorization",
                           "X-Culvert-Token",
                           "Connection",
                           "TE",
                           "Upgrade",
                           "Host",
                           "Content-Length",
                           "Transfer-Encoding",
                           "Cookie",
                           "Origin",
                           "Referer",
                           "User-Agent",
                           "Accept-Encoding",
                           "a b",
                           "",
                           "a:b",
                           "ä"}) {
    const std::string quoted_name = "\"" + std::string(name) + "\"";
    EXPECT_NE(first(of_target("headers: {allow: [X-Ok, " + quoted_name + "]}")), "sound") << name;
    EXPECT_NE(first(of_target("headers: {set: {" + quoted_name + ": v}}")), "sound") << name;
    EXPECT_NE(first(route("to: [{upstream: openai}], headers: {allow: [" + quoted_name + "]}")),
              "sound")
        << name;
  }
  for (const char* value : {"a\\r\\nX: y", "a\\nb", "a\\0b", " a", "a\\t"}) {
    expect(of_target("headers: {set: {X-A: \"" + std::string(value) + "\"}}"), "headers.set[X-A]",
           "header value");
  }
  expect(of_target("headers: {set: {X-A: a, x-a: b}}"), "headers.set[x-a]", "set twice");
  EXPECT_EQ(first(of_target("headers: {allow: [X-A, accept-language], set: {X-B: \"1; a=b\"}}")),
            "sound");
}

TEST(Validate, KeyPools) {
  EXPECT_EQ(first(pool("upstream: openai, keys: [a, b, \"env:A\"]")), "sound");
  expect(pool("keys: [a]"), "upstream", "no upstream is named");
  expect(pool("upstream: opena, keys: [a]"), "upstream", "did you mean \"openai\"?");
  expect(pool("upstream: openai"), "keys", "without keys");
  expect(pool("upstream: openai, keys: [abc, d, abc]"), "keys[2]", "the same key as keys[0]");
  expect(pool("upstream: openai, keys: [\"a b\"]"), "keys[0]", "visible ASCII");
  expect(pool("upstream: openai, keys: [\"a,b\"]"), "keys[0]", "visible ASCII");
  expect(pool("upstream: openai, keys: [\"\"]"), "keys[0]", "an empty key");
  expect(pool("upstream: openai, keys: [a], rest: 0s"), "rest", "more than 0s");
  expect(pool("upstream: openai, keys: [a]") +
             "---\nkind: KeyPool\nname: q\nspec: {upstream: openai, keys: [b]}\n",
         "upstream", "has the pool \"p\" already");
}

TEST(Validate, Routes) {
  EXPECT_EQ(first(route("match: {path_prefix: /a/b, hosts: ['*.x.example'], models: ['gpt-*'], "
                        "headers: {X-T: '*'}}, to: [{upstream: openai}], rewrite_prefix: ''")),
            "sound");
  expect(route(""), "to", "nowhere");
  expect(route("to: [{upstream: openai, weight: 0}]"), "to", "every weight is 0");
  expect(route("to: [{upstream: openai}, {upstream: mistrall}]"), "to[1].upstream",
         "did you mean \"mistral\"?");
  expect(route("to: [{}]"), "to[0].upstream", "no upstream is named");
  for (const char* prefix : {"a", "/", "/a/", "/a//b", "//a", "/a/../b", "/a?b", "/a#b", "/%2e%2e",
                             "/a b", "/ä", "/a\\\\b"}) {
    expect(route("match: {path_prefix: \"" + std::string(prefix) + "\"}, to: [{upstream: openai}]"),
           "match.path_prefix", "no path prefix");
  }
  expect(route("to: [{upstream: openai}], rewrite_prefix: x"), "rewrite_prefix", "no path prefix");
  expect(route("match: {hosts: ['a:80']}, to: [{upstream: openai}]"), "match.hosts[0]",
         "host pattern");
  expect(route("match: {models: ['']}, to: [{upstream: openai}]"), "match.models[0]", "empty");
  expect(route("match: {headers: {'a b': x}}, to: [{upstream: openai}]"), "match.headers[a b]",
         "no header name");
  expect(route("to: [{upstream: openai}], timeouts: {first_byte: 0s}"), "timeouts.first_byte",
         "more than 0s");
  const auto named = findings_of("kind: Route\nname: 'a b'\nspec: {to: [{upstream: openai}]}\n");
  ASSERT_EQ(named.size(), 1U);
  EXPECT_EQ(named[0].kind, "Route");
  EXPECT_EQ(named[0].path, "");
}

TEST(Validate, FindsEverythingAtOnce) {
  EXPECT_EQ(findings_of(relay("workers: 5000, admin_listen: x") + "---\n" + route("")).size(), 3U);
}

TEST(Listener, ClashesAreNoticed) {
  const auto at = [](const char* text) { return SocketAddress::parse(text).value(); };
  EXPECT_TRUE(clash(at("127.0.0.1:1"), at("127.0.0.1:1")));
  EXPECT_TRUE(clash(at("127.0.0.1:1"), at("0.0.0.0:1")));
  EXPECT_TRUE(clash(at("[::]:1"), at("[::1]:1")));
  EXPECT_FALSE(clash(at("127.0.0.1:1"), at("127.0.0.2:1")));
  EXPECT_FALSE(clash(at("127.0.0.1:1"), at("127.0.0.1:2")));
  EXPECT_FALSE(clash(at("127.0.0.1:0"), at("127.0.0.1:0")));
  EXPECT_FALSE(clash(at("[::]:1"), at("0.0.0.0:1")));
}

TEST(Validate, WhichRelaysAndWhichService) {
  EXPECT_EQ(first(of_target("relays: {regions: [eu-1], labels: {tier: paid, empty: ''}}")),
            "sound");
  expect(of_target("relays: {regions: ['a b']}"), "relays.regions[0]", "cannot be a name");
  expect(of_target("relays: {labels: {'a b': c}}"), "relays.labels[a b]", "cannot be a name");
  expect(route("to: [{upstream: openai}], relays: {labels: {a: '\u00fc'}}"), "relays.labels[a]",
         "cannot be a label's value");
  expect(pool("upstream: openai, keys: [k], relays: {regions: ['']}"), "relays.regions[0]",
         "cannot be a name");
  expect(pool("upstream: openai, keys: [k], disabled: [0123456789AB]"), "disabled[0]",
         "12 hexadecimal digits in lower case");
  EXPECT_EQ(first(pool("upstream: openai, keys: [k], disabled: ['0123456789ab']")), "sound");
  expect(relay("labels: {'-': a}"), "labels[-]", "cannot be a name");
  EXPECT_EQ(first(relay("control: {addresses: ['c.example:7443', '[::1]:1'], max_age: 720h}")),
            "sound");
  for (const char* address : {"c.example", "c.example:0", ":1", "c.example:99999", "a b:1",
                              "https://c.example:1", "c.example:1/x"}) {
    expect(relay(std::string("control: {addresses: ['") + address + "']}"), "control.addresses[0]",
           "allowed is HOST:PORT");
  }
  expect(relay("control: {max_age: 721h}"), "control.max_age", "allowed are 1s to 720h");
  expect(relay("control: {max_age: 10ms}"), "control.max_age", "allowed are 1s to 720h");
}

TEST(Validate, Strategies) {
  EXPECT_EQ(first(of_target("strategies: [socket, fetch]")), "sound");
  EXPECT_EQ(first(of_target("strategies: [fetch]")), "sound");
  expect(of_target("strategies: [socket, fetsch]"), "strategies[1]", "did you mean \"fetch\"?");
  expect(of_target("strategies: [pigeon]"), "strategies[0]", "allowed are socket, fetch");
  expect(of_target("strategies: [fetch, socket, fetch]"), "strategies[2]", "comes twice");
  EXPECT_EQ(first(of_target("strategies: ['via:us-east', 'via:eu', socket]")), "sound");
  expect(of_target("strategies: ['via:eu', 'via:eu']"), "strategies[1]", "comes twice");
  expect(of_target("strategies: ['via:']"), "strategies[0]", "cannot be a name");
  expect(of_target("strategies: ['via:a b']"), "strategies[0]", "cannot be a name");
  expect(of_target("strategies: ['via:a', 'via:b', 'via:c', 'via:d', 'via:e', 'via:f', 'via:g', "
                   "'via:h', socket]"),
         "strategies", "allowed are 8 at most");
}

TEST(Validate, EgressProxies) {
  for (const char* url :
       {"http://proxy.example:3128", "https://p.example", "socks5://10.0.0.1:1080",
        "SOCKS5H://user:pa%40ss@p.example/", "http://user@[::1]:8080", "http://u:@p", "env:PROXY",
        "file:/run/proxy"}) {
    EXPECT_EQ(first(of_target("egress_proxy: \"" + std::string(url) + "\"")), "sound") << url;
  }
  for (const char* url :
       {"", "p.example:3128", "http://", "http://p:0", "http://p:99999", "http://u:p@ss@p.example",
        "http://:p@p.example", "http://@p", "http://p/path", "http://p?q", "http://p#f",
        "http://p%20q", "http://u:a%0d%0ab@p", "http://u:%zz@p", "http://a b@p", "http://p\\\\q"}) {
    expect(of_target("egress_proxy: \"" + std::string(url) + "\""), "egress_proxy", "allowed is");
  }
  expect(of_target("egress_proxy: \"sock5://p\""), "egress_proxy", "did you mean \"socks5\"?");
  expect(of_target("egress_proxy: \"http://" + std::string(256, 'u') + "@p\""), "egress_proxy",
         "too long");
  const auto secret = first(of_target("egress_proxy: \"http://user:hunter2 @p.example\""));
  EXPECT_EQ(secret.find("hunter2"), std::string::npos) << secret;
  EXPECT_EQ(secret.find("p.example"), std::string::npos) << secret;
}

TEST(Validate, ASocketDoesNotGoThroughAProxy) {
  expect(of_target("egress_proxy: \"http://p\", strategies: [fetch, socket]"), "strategies[1]",
         "does not use egress_proxy");
  expect(of_target("egress_proxy: \"http://p\", strategies: [fetch, 'via:eu']"), "strategies[1]",
         "does not use egress_proxy");
  EXPECT_EQ(first(of_target("egress_proxy: \"http://p\", strategies: [fetch]")), "sound");
}

TEST(Validate, WhereRelaysComeIn) {
  EXPECT_EQ(first(relay("peer: {listen: '10.0.0.1:7443'}")), "sound");
  EXPECT_EQ(first(relay("peer: {listen: '0.0.0.0:7443', advertise: 'eu-1.example.com:7443'}")),
            "sound");
  expect(relay("peer: {listen: '0.0.0.0:7443'}"), "peer.advertise", "needed is HOST:PORT");
  expect(relay("peer: {listen: '[::]:7443'}"), "peer.advertise", "needed is HOST:PORT");
  expect(relay("peer: {listen: '10.0.0.1:7443', advertise: 'x'}"), "peer.advertise",
         "allowed is HOST:PORT");
  expect(relay("peer: {}"), "peer.listen", "");
  expect(relay("listen: ['http://0.0.0.0:7443'], peer: {listen: '10.0.0.1:7443'}"), "peer.listen",
         "allowed is another port");
  expect(relay("peer: {listen: '127.0.0.1:9090'}"), "peer.listen", "allowed is another port");
}

TEST(Validate, Retry) {
  EXPECT_EQ(first(of_target("retry: {attempts: 1, statuses: [429, 599], backoff: 0s, "
                            "backoff_most: 1s, within: 5s, budget_percent: 0, budget_least: 0}")),
            "sound");
  EXPECT_EQ(first(of_target("retry: {statuses: [0]}")), "sound");
  expect(of_target("retry: {attempts: 0}"), "retry.attempts", "allowed are 1 to 32");
  expect(of_target("retry: {attempts: 33}"), "retry.attempts", "allowed are 1 to 32");
  expect(of_target("retry: {statuses: [429, 399]}"), "retry.statuses[1]", "400 to 599");
  expect(of_target("retry: {statuses: [429, 0]}"), "retry.statuses[1]", "0 alone");
  expect(of_target("retry: {statuses: [600]}"), "retry.statuses[0]", "400 to 599");
  expect(of_target("retry: {within: 0s}"), "retry.within", "more than 0s");
  expect(of_target("retry: {backoff: 9s}"), "retry.backoff", "above backoff_most, which is 8s");
  expect(of_target("retry: {backoff_most: 100ms}"), "retry.backoff_most", "allowed is up to that");
  expect(of_target("retry: {budget_percent: 101}"), "retry.budget_percent", "0 to 100");
}

TEST(Validate, RetryOfARoute) {
  EXPECT_EQ(first(route("to: [{upstream: openai}], retry: {attempts: 2, backoff: 9s}")), "sound");
  expect(route("to: [{upstream: openai}], retry: {backoff: 9s, backoff_most: 1s}"), "retry.backoff",
         "above backoff_most");
  expect(route("to: [{upstream: openai}], retry: {budget_percent: 5}"), "retry.budget_percent",
         "one for all requests to an upstream");
}

TEST(Validate, Resume) {
  EXPECT_EQ(first(of_target("resume: {on: true, attempts: 1, within: 5s, backoff: 9s, idle: 1s, "
                            "seam: 8, seam_wait: 0s, continuation: prefix, prompts: {en: Go on}}")),
            "sound");
  expect(of_target("resume: {attempts: 0}"), "resume.attempts", "allowed are 1 to 32");
  expect(of_target("resume: {seam: 7}"), "resume.seam", "allowed are 8 to 4096");
  expect(of_target("resume: {idle: 0s}"), "resume.idle", "more than 0s");
  expect(of_target("resume: {backoff: 2s, backoff_most: 1s}"), "resume.backoff",
         "a backoff of 2s above backoff_most, which is 1s");
  expect(of_target("resume: {prompts: {tlh: taH}}"), "resume.prompts[tlh]", "no language");
  expect(of_target("resume: {prompts: {en: ''}}"), "resume.prompts[en]", "a prompt of 0 bytes");
  expect(relay("gemini_resume: {backoff: 9s}"), "gemini_resume.backoff", "which is 8s");
  expect(route("to: [{upstream: openai}], resume: {seam: 5000}"), "resume.seam", "8 to 4096");
}

TEST(Validate, StreamsThatAreKept) {
  EXPECT_EQ(first(relay("replay: {stream_bytes: 64KiB, total_bytes: 64KiB, streams: 1, unread: 0s, "
                        "kept: 0s}")),
            "sound");
  expect(relay("replay: {stream_bytes: 1KiB}"), "replay.stream_bytes", "65536 and more");
  expect(relay("replay: {total_bytes: 1MiB}"), "replay.total_bytes",
         "allowed are stream_bytes, 16777216, and more");
  expect(relay("replay: {streams: 0}"), "replay.streams", "allowed are 1 to 1048576");
  EXPECT_EQ(first(relay("timeouts: {heartbeat: 0s}")), "sound");
  EXPECT_EQ(first(of_target("timeouts: {heartbeat: 10s}")), "sound");
}

TEST(Validate, CircuitBreakersHealthChecksAndConcurrency) {
  EXPECT_EQ(first(of_target("circuit_breaker: {consecutive_failures: 0, error_percent: 100, "
                            "requests_least: 1, window: 1s, open: 100ms}")),
            "sound");
  expect(of_target("circuit_breaker: {error_percent: 101}"), "circuit_breaker.error_percent",
         "0 to 100");
  expect(of_target("circuit_breaker: {requests_least: 0}"), "circuit_breaker.requests_least",
         "1 to");
  expect(of_target("circuit_breaker: {window: 0s}"), "circuit_breaker.window", "more than 0s");
  EXPECT_EQ(first(of_target("health_check: {interval: 5s, path: '/v1/models?limit=1', "
                            "statuses: [200, 401]}")),
            "sound");
  expect(of_target("health_check: {interval: 4s}"), "health_check.interval", "5s and more");
  expect(of_target("health_check: {path: v1/models}"), "health_check.path", "begin with a slash");
  expect(of_target("health_check: {path: /a/../b}"), "health_check.path", "dot segments");
  expect(of_target("health_check: {statuses: [99]}"), "health_check.statuses[0]", "100 to 599");
  EXPECT_EQ(first(of_target("concurrency: {most: 4}")), "sound");
  expect(of_target("concurrency: {most: 4, least: 5}"), "concurrency.least", "most is 4");
  expect(of_target("concurrency: {most: 0}"), "concurrency.most", "allowed are 1 to");
  expect(of_target("concurrency: {least: 0}"), "concurrency.least", "allowed are 1 to");
  EXPECT_EQ(first(of_target("concurrency: {queue: 0, fixed: true}")), "sound");
  expect(of_target("concurrency: {queue_age: 0s}"), "concurrency.queue_age", "more than 0s");
  expect(relay("verify: {keys_per_minute: 1000000}"), "verify.keys_per_minute", "0 to 100000");
}

TEST(Validate, KeyLimitsAndBindings) {
  const std::string keys = "upstream: openai, keys: [k], ";
  EXPECT_EQ(first(pool(keys + "limits: {requests_per_minute: 1, tokens_per_day: 5}")), "sound");
  expect(pool(keys + "limits: {tokens_per_minute: 0}"), "limits.tokens_per_minute", "left out");
  EXPECT_EQ(first(pool(keys + "bind: [{address: 10.0.0.1, keys: ['0123456789ab']}, "
                              "{address: '2001:db8::1'}]")),
            "sound");
  EXPECT_EQ(first(pool(keys + "bind: [{via: us-east}]")), "sound");
  expect(pool(keys + "bind: [{via: 'a b'}]"), "bind[0].via", "cannot be a name");
  expect(pool(keys + "bind: [{via: us, address: 10.0.0.1}]"), "bind[0]", "allowed is one of them");
  for (const char* address : {"", "localhost", "10.0.0.1:80", "[::1]", "10.0.0.0/8"}) {
    expect(pool(keys + "bind: [{address: '" + address + "'}]"), "bind[0].address", "no address");
  }
  expect(pool(keys + "bind: [{address: 10.0.0.1, keys: [xyz]}]"), "bind[0].keys[0]", "no key's id");
  expect(pool(keys + "bind: [{address: 10.0.0.1, keys: ['0123456789ab']}, "
                     "{address: 10.0.0.2, keys: ['0123456789ab']}]"),
         "bind[1].keys[0]", "bound by bind[0] already");
  expect(pool(keys + "bind: [{address: 10.0.0.1}, {address: 10.0.0.2}]"), "bind[1]",
         "a second binding without keys");
}

TEST(Validate, SeveralPoolsOfAnUpstream) {
  const auto also = [](const std::string& name) {
    return "---\nkind: KeyPool\nname: " + name + "\nspec: {upstream: openai, keys: [b]}\n";
  };
  const std::string one = pool("upstream: openai, keys: [a]");
  EXPECT_EQ(first(one), "sound");
  EXPECT_EQ(first(one + also("openai")), "sound");
  EXPECT_EQ(first(one + also("openai") + also("third")), "sound");
  expect(one + also("q"), "upstream", "of several, one has to have the upstream's name");
  // The name alone is not enough: it has to be a pool of that upstream.
  expect(one + also("q") +
             "---\nkind: Upstream\nname: mine\nspec: {targets: [{url: "
             "\"https://a.example\"}]}\n---\nkind: KeyPool\nname: openai\nspec: "
             "{upstream: mine, keys: [c]}\n",
         "upstream", "of several");
}

TEST(Validate, ChainsOfARoute) {
  EXPECT_EQ(first(route("to: [{upstream: openai}, {upstream: openai, model: m}], "
                        "fallback: [{upstream: groq, model: n}, {upstream: deepseek}]")),
            "sound");
  expect(route("to: [{upstream: openai}], fallback: [{upstream: mistrall}]"),
         "fallback[0].upstream", "did you mean \"mistral\"?");
  expect(route("to: [{upstream: openai}], fallback: [{upstream: groq, weight: 1}]"),
         "fallback[0].weight", "leave it out");
  expect(route("to: [{upstream: openai}], fallback: [{upstream: claude}]"), "fallback[0].upstream",
         "\"claude\" speaks anthropic and \"openai\" speaks openai");
  expect(route("to: [{upstream: openai}, {upstream: gemini}]"), "to[1].upstream",
         "one dialect for all");
  expect(route("to: [{upstream: openai}, {upstream: groq}], fallback: [{upstream: openai}]"),
         "fallback[0]", "the same upstream, key pool and model as to[0]");
  expect(route("to: [{upstream: anthropic}], fallback: [{upstream: claude}], "
               "headers: {set: {X-Api-Key: x}}"),
         "headers.set[X-Api-Key]", "use a KeyPool");
}

TEST(Validate, KeyPoolAndModelOfADestination) {
  const std::string pools = "---\n" + pool("upstream: openai, keys: [a]") +
                            "---\nkind: KeyPool\nname: openai\nspec: {upstream: openai, keys: "
                            "[b]}\n---\nkind: KeyPool\nname: others\nspec: {upstream: groq, "
                            "keys: [c]}\n";
  EXPECT_EQ(first(route("to: [{upstream: openai, key_pool: p}, {upstream: openai}]") + pools),
            "sound");
  expect(route("to: [{upstream: openai, key_pool: opena}]") + pools, "to[0].key_pool",
         "did you mean \"openai\"?");
  expect(route("to: [{upstream: openai, key_pool: others}]") + pools, "to[0].key_pool",
         "pays for \"groq\", not for \"openai\"; allowed are openai, p");
  expect(route("to: [{upstream: mistral, key_pool: x}]"), "to[0].key_pool", "\"mistral\" has none");
  expect(route("to: [{upstream: openai}, {upstream: openai, key_pool: openai}]") + pools, "to[1]",
         "the same upstream");
  expect(route("to: [{upstream: openai, model: ' m'}]"), "to[0].model", "is no model");
  expect(route("to: [{upstream: openai, model: \"a\\nb\"}]"), "to[0].model", "is no model");
  expect(route("to: [{upstream: openai, model: " + std::string(513, 'm') + "}]"), "to[0].model",
         "up to 512 bytes");
  expect(route("to: [{upstream: cohere, model: m}]"), "to[0].model", "dialect is opaque");
}

TEST(Validate, StickyRoutes) {
  EXPECT_EQ(first(route("to: [{upstream: openai}], sticky: {tenant: true}, priority: low")),
            "sound");
  EXPECT_EQ(first(route("to: [{upstream: openai}], sticky: {header: X-Conversation}")), "sound");
  expect(route("to: [{upstream: openai}], sticky: {header: 'a b'}"), "sticky.header",
         "no header name");
  expect(route("to: [{upstream: openai}], sticky: {header: X-Forwarded-For}"), "sticky.header",
         "tells who or where the client is");
  expect(route("to: [{upstream: openai}], sticky: {header: X-A, tenant: true}"), "sticky.header",
         "one of them");
}

TEST(Validate, AnAttachedRelayMayGetItsTokensLater) {
  auto resources = *parse_resources("f.yaml", relay("preset_auth: true"));
  ASSERT_EQ(validate(resources).size(), 1U);
  resources.attached = true;
  EXPECT_TRUE(validate(resources).empty());
  resources.tokens["t1"].set_sha256("short");
  ASSERT_EQ(validate(resources).size(), 1U);
  EXPECT_NE(validate(resources)[0].message.find("allowed are 32"), std::string::npos);
}

std::string tunnel(const std::string& spec, const std::string& name = "t") {
  return "kind: Tunnel\nname: " + name + "\nspec: {" + spec + "}\n";
}

TEST(Validate, TunnelsLeadSomewhere) {
  const std::string to = ", to: \"tcp://db.example:5432\"";
  EXPECT_EQ(first(tunnel("listen: \"tcp://127.0.0.1:1\"" + to)), "sound");
  EXPECT_EQ(first(tunnel("names: [a.example, \"*.b.example\", \"*\"]" + to)), "sound");
  EXPECT_EQ(first(tunnel("listen: \"tls://[::]:443\", names: [a.example]" + to)), "sound");
  expect(tunnel("to: \"tcp://db.example:5432\""), "", "nothing leads");
  expect(tunnel("listen: \"tls://127.0.0.1:1\"" + to), "names", "without names");
  expect(tunnel("listen: \"tcp://127.0.0.1:1\", names: [a.example]" + to), "names", "tcp://");
  expect(tunnel("listen: \"http://127.0.0.1:1\"" + to), "listen", "allowed are tcp://");
  expect(tunnel("listen: \"tcp://host:1\"" + to), "listen", "names no IP address and port");
  expect(tunnel("names: [a.example], to: \"https://db.example\""), "to", "allowed are tcp://");
  expect(tunnel("names: [a.example], to: \"tcp://db.example\""), "to", "port");
  expect(tunnel("names: [a.example], to: \"tls://db.example:1\""), "to", "TLS already");
  expect(tunnel("listen: \"tcp://127.0.0.1:1\", to: \"tcp://127.0.0.1:1\""), "to",
         "own listener");
  expect(tunnel("listen: \"tcp://0.0.0.0:1\", to: \"tcp://127.0.0.2:1\""), "to", "own listener");
  expect(tunnel("listen: \"tcp://[::]:1\", to: \"tcp://[::1]:1\""), "to", "own listener");
  EXPECT_EQ(first(tunnel("listen: \"tcp://0.0.0.0:1\", to: \"tcp://192.0.2.1:1\"")), "sound")
      << "another host has that port too";
  for (const char* name : {"10.0.0.1", "a b", "*.*.example", "*a.example", "a.example."}) {
    expect(tunnel("names: [\"" + std::string(name) + "\"]" + to), "names[0]", "is no name");
  }
  expect(tunnel("names: [a.example, A.example]" + to), "names[1]", "comes twice");
}

TEST(Validate, TunnelsSettingsFitTheirSides) {
  const std::string raw = "listen: \"tcp://127.0.0.1:1\", to: \"tcp://db.example:1\", ";
  const std::string sealed = "listen: \"tcp://127.0.0.1:1\", to: \"tls://db.example:1\", ";
  const std::string named = "names: [a.example], to: \"tcp://db.example:1\", ";
  EXPECT_EQ(first(tunnel(sealed + "tls: {server_name: db, certificate: {cert: c, key: k}}")),
            "sound");
  EXPECT_EQ(first(tunnel(raw + "client_tls: {}, proxy_protocol: v2, tenant: ops")), "sound");
  expect(tunnel(raw + "tls: {}"), "tls", "without it");
  expect(tunnel(sealed + "tls: {certificate: {cert: c}}"), "tls.certificate", "cert and key");
  expect(tunnel(sealed + "tls: {server_name: \"*.db\"}"), "tls.server_name", "no host name");
  expect(tunnel(named + "client_tls: {}"), "client_tls", "cannot end at the relay");
  expect(tunnel(raw + "client_tls: {certificates: [{key: k}]}"), "client_tls.certificates[0]",
         "cert and key");
  expect(tunnel(named + "proxy_protocol_from: [10.0.0.0/8]"), "proxy_protocol_from", "needed is");
  expect(tunnel(raw + "proxy_protocol_from: [10.0.0.1/8]"), "proxy_protocol_from[0]", "");
  expect(tunnel(raw + "timeouts: {idle: 0s}"), "timeouts.idle", "more than 0s");
  EXPECT_EQ(first(tunnel(raw + "timeouts: {total: 0s}")), "sound");
  expect(tunnel(raw + "connections: 0"), "connections", "");
  expect(tunnel(raw + "tenant: \"a b\""), "tenant", "");
}

TEST(Validate, TunnelsDoNotTakeEachOthersConnections) {
  const std::string to = ", to: \"tcp://db.example:1\"";
  const auto two = [&](const std::string& one, const std::string& other) {
    return tunnel(one + to, "a") + "---\n" + tunnel(other + to, "b");
  };
  const std::string tls = "listen: \"tls://0.0.0.0:443\", ";
  expect(two("listen: \"tcp://0.0.0.0:1\"", "listen: \"tcp://127.0.0.1:1\""), "listen",
         "clashes with that of the Tunnel \"a\"");
  expect(two(tls + "names: [a.example]", "listen: \"tcp://0.0.0.0:443\""), "listen", "clashes");
  EXPECT_EQ(first(two(tls + "names: [a.example]", tls + "names: [b.example]")), "sound");
  EXPECT_EQ(first(two(tls + "names: [a.example]", "names: [a.example]")), "sound");
  expect(two("names: [a.example]", "names: [b.example, A.Example]"), "names", "has the name");
  expect(two(tls + "names: [a.example], proxy_protocol_from: [10.0.0.1]",
             tls + "names: [b.example]"),
         "names", "another proxy_protocol_from");
  // Where they are for different relays nobody is harmed.
  EXPECT_EQ(first(two("names: [a.example], relays: {regions: [one]}",
                      "names: [a.example], relays: {regions: [two]}")),
            "sound");
}

}  // namespace
}  // namespace culvert
