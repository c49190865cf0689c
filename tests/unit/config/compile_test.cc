// Resources into a snapshot without a machine around: presets under upstreams, regions, timeouts,
// the order of routes, header rules.
#include "relay/config/compile.h"

#include "proto/validate.h"
#include "proto/yaml.h"
#include "relay/base/limits.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using namespace std::chrono_literals;

Surroundings pretended() {
  Surroundings out;
  out.secret = [](const std::string& written) -> Result<Secret> { return Secret(written); };
  out.file = [](const std::string& path) -> Result<std::string> {
    return (path == "k" ? "-----BEGIN PRIVATE KEY----- of " : "-----BEGIN CERTIFICATE----- of ") +
           path;
  };
  out.cores = 6;
  out.state_dir = "/state";
  return out;
}

Result<std::shared_ptr<const Snapshot>> compiled(const std::string& text,
                                                 std::vector<std::string>* warnings) {
  auto resources = parse_resources("f.yaml", text);
  EXPECT_TRUE(resources) << resources.error().detail;
  for (const Finding& finding : validate(*resources)) ADD_FAILURE() << finding.message;
  return compile(*resources, pretended(), warnings);
}

std::shared_ptr<const Snapshot> snapshot_of(const std::string& text) {
  std::vector<std::string> warnings;
  const auto snapshot = compiled(text, &warnings);
  EXPECT_TRUE(snapshot) << snapshot.error().detail;
  return *snapshot;
}

TEST(Compile, CoresBecomeWorkersAndHandshakeThreads) {
  EXPECT_EQ(snapshot_of("")->settings.workers, 6U);
  EXPECT_EQ(snapshot_of("")->settings.handshake_threads, 3U);
  const auto given =
      snapshot_of("kind: Relay\nname: r\nspec: {workers: 2, limits: {handshakes: 5}}\n");
  EXPECT_EQ(given->settings.workers, 2U);
  EXPECT_EQ(given->settings.handshake_threads, 5U);
}

TEST(Compile, KnowsWhichUpstreamsAreNamed) {
  const auto snapshot = snapshot_of(R"(
kind: Relay
name: r
spec: {preset_auth: false}
---
kind: Upstream
name: claude
spec: {user_agent: mine}
---
kind: KeyPool
name: groq
spec: {upstream: groq, keys: [k-0123456789]}
---
kind: Route
name: r
spec:
  match: {path_prefix: /r}
  to: [{upstream: openai}]
  fallback: [{upstream: mistral}]
)");
  std::vector<std::string> named;
  for (const auto& [name, upstream] : snapshot->upstreams) {
    if (upstream.named) named.push_back(name);
  }
  EXPECT_EQ(named, (std::vector<std::string>{"claude", "groq", "mistral", "openai"}));
}

TEST(Compile, UpstreamsOfPresetsKeepWhatTheyLeaveOut) {
  const auto snapshot = snapshot_of(R"(
kind: Upstream
name: claude
spec: {user_agent: mine}
---
kind: Upstream
name: gemini
spec: {dialect: openai, targets: [{url: "https://mine.example"}]}
)");
  const Upstream* claude = snapshot->upstream("claude");
  EXPECT_EQ(claude->dialect, Dialect::kAnthropic);
  EXPECT_EQ(claude->targets[0].url.host, "api.anthropic.com");
  EXPECT_EQ(claude->key_header, "x-api-key");
  EXPECT_EQ(claude->key_scheme, "");
  EXPECT_EQ(claude->user_agent, "mine");
  const Upstream* gemini = snapshot->upstream("gemini");
  EXPECT_EQ(gemini->dialect, Dialect::kOpenAi);
  EXPECT_EQ(gemini->key_header, "Authorization");
  EXPECT_EQ(gemini->key_scheme, "Bearer");
  EXPECT_EQ(gemini->targets[0].url.host, "mine.example");
}

TEST(Compile, EveryFieldOfAnUpstream) {
  const auto snapshot = snapshot_of(R"(
kind: Upstream
name: mine
spec:
  targets: [{url: "https://A.example:8443/base/", weight: 5}, {url: "http://b.example"}]
  key: {header: Api-Key}
  tls: {ca_file: /ca, server_name: Other.example, min_version: tls13}
  headers: {allow: [X-B, x-a, X-A], set: {X-Two: "2", x-One: "1"}}
  client_user_agent: true
  isolation: tenant
)");
  const Upstream* mine = snapshot->upstream("mine");
  EXPECT_EQ(mine->targets[0].url.text(), "https://a.example:8443/base");
  EXPECT_EQ(mine->targets[0].weight, 5U);
  EXPECT_EQ(mine->targets[1].weight, 1U);
  EXPECT_EQ(mine->key_header, "Api-Key");
  EXPECT_EQ(mine->key_scheme, "");
  EXPECT_EQ(mine->ca_pem, "-----BEGIN CERTIFICATE----- of /ca");
  EXPECT_EQ(mine->server_name, "other.example");
  EXPECT_TRUE(mine->tls13_only);
  EXPECT_EQ(mine->headers.allow, (std::vector<std::string>{"x-a", "x-b"}));
  ASSERT_EQ(mine->headers.set.size(), 2U);
  EXPECT_EQ(mine->headers.set[0].first, "x-One");
  EXPECT_EQ(mine->user_agent, "");
  EXPECT_TRUE(mine->isolate_tenants);
}

TEST(Compile, TimeoutsAreLaidOverEachOther) {
  const auto snapshot = snapshot_of(R"(
kind: Relay
name: r
spec: {timeouts: {connect: 1s, idle: 2s, total: 3s, heartbeat: 4s}}
---
kind: Upstream
name: openai
spec: {timeouts: {idle: 5s, total: 0s}}
---
kind: Route
name: r
spec: {to: [{upstream: openai}], timeouts: {tls: 7s}}
)");
  const Timeouts& openai = snapshot->upstream("openai")->timeouts;
  EXPECT_EQ(openai.connect, 1s);
  EXPECT_EQ(openai.idle, 5s);
  EXPECT_EQ(openai.total, 0s);
  EXPECT_EQ(openai.tls, 10s);
  EXPECT_EQ(snapshot->upstream("groq")->timeouts.idle, 2s);
  EXPECT_EQ(snapshot->settings.timeouts.total, 3s);
  EXPECT_EQ(openai.heartbeat, 4s);
  const TimeoutOverrides& route = snapshot->routes[0].timeouts;
  EXPECT_EQ(route.tls, 7s);
  EXPECT_FALSE(route.idle.has_value());
  const Timeouts both = merged(openai, route);
  EXPECT_EQ(both.tls, 7s);
  EXPECT_EQ(both.idle, 5s);
}

TEST(Compile, TargetsAreThoseOfTheRegion) {
  const std::string upstream = R"(
kind: Upstream
name: mine
spec:
  targets:
    - {url: "https://eu.example", regions: [eu]}
    - {url: "https://us.example", regions: [us, ca]}
    - {url: "https://all.example", weight: 0}
)";
  const auto us = snapshot_of("kind: Relay\nname: r\nspec: {region: us}\n---" + upstream);
  ASSERT_EQ(us->upstream("mine")->targets.size(), 2U);
  EXPECT_EQ(us->upstream("mine")->targets[0].url.host, "us.example");
  std::vector<std::string> warnings;
  const auto nowhere = compiled(upstream, &warnings);
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().detail.rfind("f.yaml:5: no target with a weight above 0", 0), 0U)
      << nowhere.error().detail;
}

TEST(Compile, RoutesAreTriedMostSpecificFirst) {
  const auto route = [](const std::string& name, const std::string& match) {
    return "---\nkind: Route\nname: " + name + "\nspec: {match: {" + match +
           "}, to: [{upstream: openai}]}\n";
  };
  const auto snapshot = snapshot_of(
      route("z-all", "") + route("a-all", "") + route("short", "path_prefix: /a") +
      route("long", "path_prefix: /a/b") + route("host", "hosts: [a.example]") +
      route("both", "hosts: [a.example], path_prefix: /a") +
      route("headers", "headers: {A: x, B: y, C: z}") + route("models", "models: [a, b, c, d]"));
  std::vector<std::string> names;
  for (const Route& one : snapshot->routes) names.push_back(one.name);
  EXPECT_EQ(names, (std::vector<std::string>{"headers", "both", "long", "short", "host", "models",
                                             "a-all", "z-all"}));
}

TEST(Compile, StreamsAreTakenUpAsEachSaysOverTheOneBelow) {
  const auto snapshot = snapshot_of(R"(
kind: Relay
name: r
spec: {gemini_resume: {attempts: 7, prompts: {en: Go on, zh: 继续}}}
---
kind: Upstream
name: gemini
spec: {resume: {seam: 64, backoff: 1s, backoff_most: 2s, prompts: {en: On}}}
---
kind: Upstream
name: deepseek
spec: {resume: {on: true, idle: 5s, within: 6s, seam_wait: 0s, continuation: prefix}}
---
kind: Route
name: r
spec: {to: [{upstream: gemini}], resume: {on: false, seam: 32}}
)");
  const ResumeSettings& gemini = snapshot->upstream("gemini")->resume;
  EXPECT_TRUE(gemini.on);
  EXPECT_EQ(gemini.attempts, 7U);
  EXPECT_EQ(gemini.seam, 64U);
  EXPECT_EQ(gemini.backoff, 1s);
  EXPECT_EQ(gemini.backoff_most, 2s);
  EXPECT_EQ(gemini.idle, 60s);
  EXPECT_EQ(gemini.prompts.at("en"), "On");
  EXPECT_EQ(gemini.prompts.at("zh"), "继续");
  const ResumeSettings& deepseek = snapshot->upstream("deepseek")->resume;
  EXPECT_TRUE(deepseek.on);
  EXPECT_EQ(deepseek.attempts, 5U);
  EXPECT_EQ(deepseek.idle, 5s);
  EXPECT_EQ(deepseek.within, 6s);
  EXPECT_EQ(deepseek.seam_wait, 0s);
  EXPECT_EQ(deepseek.continuation, Continuation::kPrefix);
  EXPECT_FALSE(snapshot->upstream("openai")->resume.on);
  const ResumeSettings both = merged(gemini, snapshot->routes[0].resume);
  EXPECT_FALSE(both.on);
  EXPECT_EQ(both.seam, 32U);
  EXPECT_EQ(both.attempts, 7U);
}

TEST(Compile, StreamsThatAreKeptAreBounded) {
  const ReplaySettings plain = snapshot_of("")->settings.replay;
  EXPECT_TRUE(plain.on);
  EXPECT_EQ(plain.stream_bytes, 16U << 20);
  EXPECT_EQ(plain.total_bytes, 256U << 20);
  EXPECT_EQ(plain.streams, 4096U);
  EXPECT_EQ(plain.unread, 300s);
  EXPECT_EQ(plain.kept, 300s);
  const auto snapshot = snapshot_of(R"(
kind: Relay
name: r
spec:
  replay: {off: true, stream_bytes: 64KiB, total_bytes: 1MiB, streams: 2, unread: 1s, kept: 2s}
---
kind: Route
name: r
spec: {to: [{upstream: openai}], replay: true}
)");
  const ReplaySettings& kept = snapshot->settings.replay;
  EXPECT_FALSE(kept.on);
  EXPECT_EQ(kept.stream_bytes, 64U << 10);
  EXPECT_EQ(kept.total_bytes, 1U << 20);
  EXPECT_EQ(kept.streams, 2U);
  EXPECT_EQ(kept.unread, 1s);
  EXPECT_EQ(kept.kept, 2s);
  EXPECT_TRUE(snapshot->routes[0].replay);
}

TEST(Compile, EveryFieldOfARoute) {
  const auto snapshot = snapshot_of(R"(
kind: Relay
name: r
spec: {auth_tokens: [f00d-cafe-0123456789], preset_auth: true}
---
kind: Route
name: a
spec:
  match: {path_prefix: /a, hosts: ["*.X.example"], models: [m-*], headers: {X-Team: Red}}
  to: [{upstream: openai, weight: 0}, {upstream: groq}]
  rewrite_prefix: ""
  auth: false
---
kind: Route
name: b
spec: {to: [{upstream: openai}]}
)");
  const Route& a = snapshot->routes[0];
  EXPECT_EQ(a.path_prefix, "/a");
  EXPECT_TRUE(a.hosts.at(0).matches("y.x.example"));
  EXPECT_EQ(a.models, std::vector<std::string>{"m-*"});
  ASSERT_EQ(a.headers.size(), 1U);
  EXPECT_EQ(a.headers[0].first, "x-team");
  EXPECT_EQ(a.headers[0].second, "Red");
  EXPECT_EQ(a.to[0].weight, 0U);
  EXPECT_EQ(a.to[1].weight, 1U);
  EXPECT_EQ(a.rewrite_prefix, "");
  EXPECT_FALSE(a.auth);
  EXPECT_FALSE(snapshot->routes[1].rewrite_prefix.has_value());
  EXPECT_TRUE(snapshot->routes[1].auth);
}

TEST(Compile, KeysWithoutATokenAreWarnedOf) {
  std::vector<std::string> warnings;
  const auto snapshot = compiled(
      "kind: Relay\nname: r\nspec: {preset_auth: false}\n---\n"
      "kind: KeyPool\nname: p\nspec: {upstream: openai, keys: [a], policy: sticky, rest: 1s}\n",
      &warnings);
  ASSERT_TRUE(snapshot);
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find("nobody can use them"), std::string::npos);
  const KeyPool& pool = (*snapshot)->pools.at(0);
  EXPECT_EQ(pool.policy, KeyPolicy::kSticky);
  EXPECT_EQ(pool.rest, 1s);
  EXPECT_EQ(pool.isolation, 10min);
}

TEST(Compile, AMissingDefaultBundleIsAWarningOnly) {
  Surroundings surroundings = pretended();
  surroundings.file = [](const std::string& path) -> Result<std::string> {
    return Error::ours(Code::kInvalidConfig, Stage::kNone, "no file " + path);
  };
  std::vector<std::string> warnings;
  const auto without = compile({}, surroundings, &warnings);
  ASSERT_TRUE(without);
  EXPECT_EQ((*without)->settings.ca_file, "");  // nobody reads it a second time
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_EQ(warnings[0].rfind("no file /etc/ssl/certs/ca-certificates.crt; ", 0), 0U);
  auto resources = parse_resources("f.yaml", "kind: Relay\nname: r\nspec: {ca_file: /mine}\n");
  ASSERT_TRUE(resources);
  const auto explicitly = compile(*resources, surroundings, &warnings);
  ASSERT_FALSE(explicitly);
  EXPECT_EQ(explicitly.error().detail, "f.yaml:3: no file /mine");
}

// What is read again later names the same place as what is found here.
TEST(Compile, FilesKeepTheirPlaces) {
  const auto snapshot = snapshot_of(R"(kind: Relay
name: r
spec:
  ca_file: /mine
---
kind: Upstream
name: openai
spec:
  tls:
    ca_file: /own
)");
  EXPECT_EQ(snapshot->settings.ca_place.text, "f.yaml:4");
  EXPECT_EQ(snapshot->upstream("openai")->ca_place.text, "f.yaml:10");
  EXPECT_EQ(snapshot_of("")->settings.ca_place.text, "");
  EXPECT_EQ(ConfigPlace{"f.yaml:1"},
            ConfigPlace{"f.yaml:2"});  // a line more above changes no setting
}

const char* const kSelected = R"(
kind: Relay
name: r
spec: {region: eu, labels: {tier: paid, rack: b}, auth_tokens: [relay-token-0123456789]}
---
kind: Upstream
name: eu
spec: {targets: [{url: "https://eu.example"}], relays: {regions: [eu, us]}}
---
kind: Upstream
name: us
spec: {targets: [{url: "https://us.example"}], relays: {regions: [us]}}
---
kind: Upstream
name: openai
spec: {targets: [{url: "https://mine.example"}], relays: {labels: {tier: free}}}
---
kind: KeyPool
name: of-us
spec: {upstream: us, keys: [key-of-us]}
---
kind: KeyPool
name: of-eu
spec: {upstream: eu, keys: [key-of-eu], relays: {labels: {tier: paid, rack: b}}}
---
kind: Route
name: both
spec: {match: {path_prefix: /a}, to: [{upstream: us}, {upstream: eu}]}
---
kind: Route
name: theirs
spec: {match: {path_prefix: /b}, to: [{upstream: us}], relays: {regions: [us]}}
)";


TEST(Compile, WhatIsForOtherRelaysIsAsIfItWereNotWritten) {
  const auto snapshot = snapshot_of(std::string(kSelected));
  EXPECT_NE(snapshot->upstream("eu"), nullptr);
  EXPECT_EQ(snapshot->upstream("us"), nullptr);
  EXPECT_EQ(snapshot->upstream("openai")->targets.at(0).url.host, "api.openai.com");
  ASSERT_EQ(snapshot->pools.size(), 1U);
  EXPECT_EQ(snapshot->pools[0].name, "of-eu");
  ASSERT_EQ(snapshot->routes.size(), 1U);
  ASSERT_EQ(snapshot->routes[0].to.size(), 1U);
  EXPECT_EQ(snapshot->routes[0].to[0].upstream, "eu");
}

TEST(Compile, ARouteForThisRelayKeepsADestination) {
  std::vector<std::string> warnings;
  const auto refused = compiled(std::string(kSelected) + R"(
---
kind: Route
name: nowhere
spec: {match: {path_prefix: /c}, to: [{upstream: us}, {upstream: eu, weight: 0}]}
)",
                                &warnings);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().detail.find("none of its upstreams is"), std::string::npos)
      << refused.error().detail;
}

TEST(Compile, DisabledKeysPayForNothing) {
  // The first 12 digits of the SHA-256 of "key-a" and "key-b".
  const auto pool = [](const std::string& disabled) {
    return snapshot_of("kind: Relay\nname: r\nspec: {auth_tokens: [relay-token-0123456789]}\n---\n"
                       "kind: KeyPool\nname: p\nspec: {upstream: openai, keys: [key-a, key-b], "
                       "disabled: [" + disabled + "]}\n")
        ->pools.at(0);
  };
  EXPECT_EQ(pool("").keys.size(), 2U);
  ASSERT_EQ(pool("'f10f781241e2'").keys.size(), 1U);
  EXPECT_EQ(pool("'f10f781241e2'").keys[0].reveal(), "key-b");
  EXPECT_TRUE(pool("'f10f781241e2', 'a30534a53b23'").keys.empty());
}

TEST(Compile, WhatIsDoneWhenSomethingFailsHasDefaults) {
  const auto snapshot = snapshot_of("");
  EXPECT_TRUE(snapshot->settings.aggressive_fallback);
  EXPECT_EQ(snapshot->settings.verify_keys_per_minute, 10U);
  const Upstream& openai = *snapshot->upstream("openai");
  EXPECT_EQ(openai.strategies, (std::vector{Strategy::kSocket, Strategy::kFetch}));
  EXPECT_TRUE(openai.egress_proxy.empty());
  EXPECT_EQ(openai.retry,
            (RetrySettings{4, {429, 500, 502, 503, 504, 529}, 250ms, 8s, 60s, 10, 3}));
  EXPECT_EQ(openai.breaker, (BreakerSettings{true, 5, 50, 20, 30s, 5s, 100}));
  EXPECT_EQ(openai.health_check, (HealthCheckSettings{true, 5min, 10s, "", {}, true}));
  EXPECT_EQ(openai.concurrency, (ConcurrencySettings{10000, 8, false, 1000, 5s}));
}

TEST(Compile, WhatIsDoneWhenSomethingFails) {
  const auto snapshot = snapshot_of(R"(
kind: Relay
name: r
spec: {aggressive_fallback: false, verify: {keys_per_minute: 0}}
---
kind: Upstream
name: openai
spec:
  strategies: [fetch, socket]
  retry: {attempts: 2, statuses: [503, 500, 503], backoff: 1s, within: 5s, budget_percent: 20,
          budget_least: 7}
  circuit_breaker: {off: true, consecutive_failures: 0, open: 1s}
  health_check: {off: true, interval: 1m, path: /x, statuses: [401, 200], keys_off: true}
  concurrency: {most: 4, fixed: true, queue: 0, queue_age: 1s}
---
kind: Route
name: r
spec:
  to: [{upstream: openai, model: m}, {upstream: groq, weight: 3}]
  fallback: [{upstream: deepseek, model: d}]
  sticky: {header: X-Conversation}
  retry: {attempts: 7, statuses: [0], backoff_most: 2s}
  priority: high
)");
  EXPECT_FALSE(snapshot->settings.aggressive_fallback);
  EXPECT_EQ(snapshot->settings.verify_keys_per_minute, 0U);
  const Upstream& openai = *snapshot->upstream("openai");
  EXPECT_EQ(openai.strategies, (std::vector{Strategy::kFetch, Strategy::kSocket}));
  EXPECT_EQ(openai.retry, (RetrySettings{2, {500, 503}, 1s, 8s, 5s, 20, 7}));
  EXPECT_EQ(openai.breaker, (BreakerSettings{false, 0, 50, 20, 30s, 1s, 100}));
  EXPECT_EQ(openai.health_check, (HealthCheckSettings{false, 1min, 10s, "/x", {200, 401}, false}));
  EXPECT_EQ(openai.concurrency, (ConcurrencySettings{4, 4, true, 0, 1s}));
  const Route& route = snapshot->routes.at(0);
  EXPECT_EQ(route.to, (std::vector<Destination>{{"openai", 1, "", "m"}, {"groq", 3, "", ""}}));
  EXPECT_EQ(route.fallback, (std::vector<Destination>{{"deepseek", 1, "", "d"}}));
  EXPECT_EQ(route.sticky_header, "x-conversation");
  EXPECT_FALSE(route.sticky_tenant);
  EXPECT_EQ(route.priority, Priority::kHigh);
  EXPECT_EQ(merged(openai.retry, route.retry), (RetrySettings{7, {}, 1s, 2s, 5s, 20, 7}));
  EXPECT_EQ(merged(openai.retry, {}), openai.retry);
}

TEST(Compile, AnEgressProxyIsReadAndItsPortWrittenOut) {
  const auto proxy_of = [](const std::string& written) {
    return snapshot_of("kind: Upstream\nname: openai\nspec: {egress_proxy: \"" + written + "\"}\n")
        ->upstream("openai")
        ->egress_proxy;
  };
  EXPECT_EQ(proxy_of("HTTP://u:p%40@P.example/").reveal(), "http://u:p%40@p.example:80");
  EXPECT_EQ(proxy_of("https://p").reveal(), "https://p:443");
  EXPECT_EQ(proxy_of("socks5h://[::1]").reveal(), "socks5h://[::1]:1080");
  EXPECT_EQ(proxy_of("socks5://p:9").reveal(), "socks5://p:9");
  const auto snapshot =
      snapshot_of("kind: Upstream\nname: openai\nspec: {egress_proxy: \"http://p\"}\n");
  EXPECT_EQ(snapshot->upstream("openai")->strategies, std::vector{Strategy::kFetch});
}

TEST(Compile, WhatAReferenceHoldsIsCheckedToo) {
  auto resources =
      parse_resources("f.yaml", "kind: Upstream\nname: openai\nspec:\n  egress_proxy: env:PROXY\n");
  ASSERT_TRUE(resources);
  ASSERT_TRUE(validate(*resources).empty());
  Surroundings surroundings = pretended();
  surroundings.secret = [](const std::string&) -> Result<Secret> {
    return Secret("ftp://user:hunter2@p");
  };
  std::vector<std::string> warnings;
  const auto refused = compile(*resources, surroundings, &warnings);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().detail.rfind("f.yaml:4: the proxy's scheme is not known", 0), 0U);
  EXPECT_EQ(refused.error().detail.find("hunter2"), std::string::npos);
}

// Of the keys "key-a", "key-b" and "key-c".
constexpr const char* kIdA = "f10f781241e2";
constexpr const char* kIdB = "a30534a53b23";

std::string pool_with(const std::string& spec) {
  return "kind: Relay\nname: r\nspec: {auth_tokens: [relay-token-0123456789]}\n---\n"
         "kind: KeyPool\nname: p\nspec: {upstream: openai, keys: [key-a, key-b, key-c], " +
         spec + "}\n";
}

TEST(Compile, LimitsAndBindingsOfKeys) {
  const KeyPool plain = snapshot_of(pool_with(""))->pools.at(0);
  EXPECT_EQ(plain.limits, KeyLimits());
  EXPECT_EQ(plain.exits, std::vector<Exit>(3));
  EXPECT_TRUE(plain.probe);
  const KeyPool limited = snapshot_of(pool_with("probe_off: true, limits: {requests_per_minute: 1, "
                                                "tokens_per_minute: 2, requests_per_day: 3, "
                                                "tokens_per_day: 4}"))
                              ->pools.at(0);
  EXPECT_EQ(limited.limits, (KeyLimits{1, 2, 3, 4}));
  EXPECT_FALSE(limited.probe);
  const Exit one{Address::parse("10.0.0.1"), {}};
  const Exit rest{Address::parse("::1"), {}};
  const std::string bind =
      std::string("bind: [{address: '::1'}, {address: 10.0.0.1, keys: ['") + kIdB + "']}]";
  EXPECT_EQ(snapshot_of(pool_with(bind))->pools.at(0).exits, (std::vector{rest, one, rest}));
  const KeyPool fewer = snapshot_of(pool_with(bind + ", disabled: ['" + kIdA + "']"))->pools.at(0);
  ASSERT_EQ(fewer.keys.size(), 2U);
  EXPECT_EQ(fewer.keys[0].reveal(), "key-b");
  EXPECT_EQ(fewer.exits, (std::vector{one, rest}));
}

// A relay of eu that has joined a service, which knows others.
std::shared_ptr<const Snapshot> joined(const std::string& text, const std::string& region = "eu") {
  auto resources = parse_resources("f.yaml", "kind: Relay\nname: r\nspec: {region: " + region +
                                                    "}\n---\n" + text);
  if (!resources) {
    ADD_FAILURE() << resources.error().detail;
    return nullptr;
  }
  resources->attached = true;
  v1::RelayPeer far;
  far.set_region("us");
  far.set_address("[2001:db8::1]:7443");
  far.set_draining(true);
  resources->peers = {{"far", far}, {"self", v1::RelayPeer()}};
  std::vector<std::string> warnings;
  auto snapshot = compile(*resources, pretended(), &warnings);
  EXPECT_TRUE(snapshot) << snapshot.error().detail;
  return snapshot ? *snapshot : nullptr;
}

TEST(Compile, WaysThroughOtherRelays) {
  const std::string text = R"(
kind: Upstream
name: openai
spec: {strategies: ["via:us", socket, "via:eu"], tls: {at: far}}
---
kind: KeyPool
name: p
spec: {upstream: openai, keys: [key-a, key-b], bind: [{via: us}]}
---
kind: Tunnel
name: t
spec: {listen: "tcp://127.0.0.1:5432", to: "tcp://db.example:5432", via: us}
)";
  const auto eu = joined(text);
  ASSERT_NE(eu, nullptr);
  // Its own region is where it is.
  EXPECT_EQ(eu->upstream("openai")->strategies,
            (std::vector{Strategy::via("us"), Strategy::kSocket}));
  EXPECT_TRUE(eu->upstream("openai")->far_tls);
  EXPECT_EQ(eu->pools.at(0).exits, std::vector<Exit>(2, Exit{std::nullopt, "us"}));
  EXPECT_EQ(eu->tunnels.at("t").via, "us");
  const auto us = joined(text, "us");
  EXPECT_EQ(us->upstream("openai")->strategies,
            (std::vector{Strategy::kSocket, Strategy::via("eu")}));
  EXPECT_EQ(us->pools.at(0).exits, std::vector<Exit>(2));
  EXPECT_EQ(us->tunnels.at("t").via, "");
}

TEST(Compile, RelaysOfTheFleet) {
  const auto snapshot = joined("");
  ASSERT_NE(snapshot, nullptr);
  EXPECT_EQ(snapshot->peers, (std::vector{Peer{"far", "us", "2001:db8::1", 7443, true},
                                          Peer{"self", "", "", 0, false}}));
}

TEST(Compile, OtherRegionsNeedAControlService) {
  std::vector<std::string> warnings;
  const auto refused = compiled(
      "kind: Upstream\nname: openai\nspec: {strategies: [\"via:us\"]}\n", &warnings);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().detail.find("`culvert-relay join` joins one"), std::string::npos)
      << refused.error().detail;
  warnings.clear();
  EXPECT_TRUE(compiled(
      "kind: Relay\nname: r\nspec: {peer: {listen: \"127.0.0.1:7443\"}}\n", &warnings));
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find("nothing listens there"), std::string::npos) << warnings[0];
}

TEST(Compile, ABindingNamesKeysOfItsPool) {
  std::vector<std::string> warnings;
  const auto refused =
      compiled(pool_with("bind: [{address: 10.0.0.1, keys: ['0123456789ab']}]"), &warnings);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().detail.find("\"0123456789ab\" is no key of this pool"),
            std::string::npos)
      << refused.error().detail;
}

const char* const kChain = R"(
kind: Relay
name: r
spec: {region: us, auth_tokens: [relay-token-0123456789]}
---
kind: Upstream
name: eu
spec: {dialect: openai, targets: [{url: "https://eu.example"}], relays: {regions: [eu]}}
---
kind: KeyPool
name: openai
spec: {upstream: openai, keys: [a]}
---
kind: KeyPool
name: batch
spec: {upstream: openai, keys: [b]}
---
kind: KeyPool
name: of-eu
spec: {upstream: openai, keys: [c], relays: {regions: [eu]}}
---
kind: Route
name: chain
spec:
  to: [{upstream: openai, key_pool: batch}, {upstream: openai, key_pool: of-eu}]
  fallback: [{upstream: eu}, {upstream: openai, key_pool: of-eu, model: m}, {upstream: groq}]
)";

TEST(Compile, AChainGoesWithoutWhatIsForOtherRelays) {
  const auto snapshot = snapshot_of(kChain);
  const Route& chain = snapshot->routes.at(0);
  EXPECT_EQ(chain.to, (std::vector<Destination>{{"openai", 1, "batch", ""}}));
  EXPECT_EQ(chain.fallback, (std::vector<Destination>{{"groq", 1, "", ""}}));
  const auto own = snapshot->own_pools();
  ASSERT_EQ(own.size(), 1U);
  EXPECT_EQ(own.at("openai")->name, "openai");
  EXPECT_EQ(snapshot->pools.size(), 2U);
}

TEST(Compile, OfSeveralPoolsHereOneIsTheUpstreamsOwn) {
  std::string text = kChain;
  text.replace(text.find("keys: [a]"), 9, "keys: [a], relays: {regions: [eu]}");
  const auto snapshot = snapshot_of(text);
  EXPECT_EQ(snapshot->own_pools().at("openai")->name, "batch");  // the only one that is here
  std::vector<std::string> warnings;
  const auto refused = compiled(
      text + "---\nkind: KeyPool\nname: more\nspec: {upstream: openai, keys: [d]}\n", &warnings);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().detail.find("none has its name"), std::string::npos)
      << refused.error().detail;
}

TEST(Compile, TunnelsAndTheirListeners) {
  const auto snapshot = snapshot_of(R"(
kind: Relay
name: r
spec:
  listen: [http://127.0.0.1:1, "tls://[::]:443"]
  certificates: [{cert: c, key: k}]
---
kind: Tunnel
name: db
spec:
  listen: tcp://127.0.0.1:5432
  to: tls://DB.example:5433
  tls: {ca_file: ca}
  client_tls: {client_ca_file: clients}
  proxy_protocol: v2
  proxy_protocol_from: [10.0.0.0/8]
  connections: 5
  tenant: ops
---
kind: Tunnel
name: far
spec: {names: [a.example], to: "tcp://a.example:443", relays: {regions: [elsewhere]}}
---
kind: Tunnel
name: web
spec: {listen: "tls://[::]:443", names: [A.Example], to: "tcp://[2001:db8::1]:443"}
---
kind: Tunnel
name: rest
spec: {names: ["*"], to: "tcp://rest.example:443", timeouts: {idle: 5s, connect: 2s}}
)");
  ASSERT_EQ(snapshot->settings.listen.size(), 1U);
  ASSERT_EQ(snapshot->tunnels.size(), 3U);
  const Tunnel& db = snapshot->tunnels.at("db");
  EXPECT_TRUE(db.tls);
  EXPECT_EQ(db.host, "db.example");
  EXPECT_EQ(db.port, 5433);
  EXPECT_EQ(db.server_name, "db.example");
  EXPECT_TRUE(db.ends_tls);
  ASSERT_EQ(db.client_certificates.size(), 1U);
  EXPECT_EQ(db.client_certificates[0].cert, "c");
  EXPECT_EQ(db.client_ca_pem, "-----BEGIN CERTIFICATE----- of clients");
  EXPECT_EQ(db.proxy_header, ProxyHeaderSent::kTwo);
  EXPECT_EQ(db.idle, limits::kTunnelIdle);
  EXPECT_EQ(db.connections, 5U);
  EXPECT_EQ(db.tenant, "ops");
  EXPECT_EQ(snapshot->tunnels.at("web").names, std::vector<std::string>{"a.example"});
  EXPECT_EQ(snapshot->tunnels.at("web").listener, "tls://[::]:443");
  EXPECT_EQ(snapshot->tunnels.at("rest").listener, "");
  EXPECT_EQ(snapshot->tunnels.at("rest").idle, 5s);
  EXPECT_EQ(snapshot->tunnels.at("rest").connect_timeout, 2s);
  ASSERT_EQ(snapshot->tunnel_listeners.size(), 2U);
  EXPECT_EQ(snapshot->tunnel_listeners[0].text, "tls://[::]:443");
  EXPECT_EQ(snapshot->tunnel_listeners[0].tunnel, "");
  EXPECT_EQ(snapshot->tunnel_listeners[1].text, "tcp://127.0.0.1:5432");
  EXPECT_EQ(snapshot->tunnel_listeners[1].tunnel, "db");
  EXPECT_EQ(snapshot->tunnel_listeners[1].proxies.size(), 1U);
}

TEST(Compile, ATunnelKeepsOffTheRelaysOwnListeners) {
  const auto refusal = [](const std::string& listen, const std::string& spec) {
    std::vector<std::string> warnings;
    const auto snapshot = compiled("kind: Relay\nname: r\nspec: {listen: [" + listen +
                                       "]}\n---\nkind: Tunnel\nname: t\nspec: {" + spec +
                                       ", to: \"tcp://a.example:1\"}\n",
                                   &warnings);
    return snapshot ? std::string("sound") : snapshot.error().detail;
  };
  const std::string http = "\"http://127.0.0.1:7\"";
  EXPECT_NE(refusal(http, "listen: \"tcp://0.0.0.0:7\"").find("f.yaml:7: "), std::string::npos);
  EXPECT_NE(refusal(http, "listen: \"tcp://127.0.0.1:9090\"").find("listens already"),
            std::string::npos);
  EXPECT_NE(refusal("\"tls://127.0.0.1:7\"", "listen: \"tcp://127.0.0.1:7\"").find("clashes"),
            std::string::npos);
  EXPECT_EQ(refusal("\"tls://127.0.0.1:7\"", "listen: \"tls://127.0.0.1:7\", names: [a.b]"),
            "sound");
  EXPECT_NE(refusal(http, "listen: \"tcp://127.0.0.1:8\", client_tls: {}").find("certificate"),
            std::string::npos);
  const std::string no_key = "client_tls: {certificates: [{cert: c, key: c}]}";
  EXPECT_NE(refusal(http, "listen: \"tcp://127.0.0.1:8\", " + no_key).find("no private key"),
            std::string::npos);
}

}  // namespace
}  // namespace culvert
