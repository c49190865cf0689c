// Variables into resources: each variable, the two families with an alias in the name, what wins
// over a file, and what is said about a wrong value.
#include "proto/environment.h"

#include "proto/scalars.h"
#include "proto/yaml.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using namespace std::chrono_literals;

Resources apply(const Variables& variables, Resources resources = {}) {
  std::vector<std::string> warnings;
  const auto applied = apply_environment(variables, &resources, &warnings);
  EXPECT_TRUE(applied) << applied.error().detail;
  EXPECT_TRUE(warnings.empty()) << warnings.front();
  return resources;
}

std::string failure(const std::string& name, const std::string& value) {
  Resources resources;
  std::vector<std::string> warnings;
  const auto applied = apply_environment({{name, value}}, &resources, &warnings);
  return applied ? "no error" : applied.error().detail;
}

TEST(Environment, EveryVariableHasItsField) {
  const auto resources = apply({
      {"CULVERT_LISTEN", "http://127.0.0.1:1, https://127.0.0.1:2"},
      {"CULVERT_TLS_CERT", "/c.pem"},
      {"CULVERT_TLS_KEY", "/k.pem"},
      {"CULVERT_ADMIN_LISTEN", "127.0.0.1:3"},
      {"CULVERT_WORKERS", "4"},
      {"CULVERT_GENERIC_ALLOW", "10.0.0.0/8,*.internal"},
      {"SSL_CERT_FILE", "/ca.pem"},
      {"AUTH_TOKEN", "one-token-of-length, other-token-of-length"},
      {"PRESET_AUTH_ENABLED", "Yes"},
      {"DEBUG_MODE", "on"},
      {"GEMINI_SPECIAL_HANDLING_ENABLED", "false"},
      {"GEMINI_RETRY_PROMPT_CN", "x"},
      {"GEMINI_RETRY_PROMPT_EN", "y"},
      {"AGGRESSIVE_FALLBACK", "0"},
      {"CULVERT_TIMEOUT_CONNECT", "1s"},
      {"CULVERT_TIMEOUT_TLS", "2s"},
      {"CULVERT_TIMEOUT_FIRST_BYTE", "3s"},
      {"CULVERT_TIMEOUT_IDLE", "4s"},
      {"CULVERT_TIMEOUT_REQUEST_HEAD", "5s"},
      {"CULVERT_DRAIN_TIMEOUT", "6m"},
      {"CULVERT_STATE_DIR", "/state"},
  });
  const v1::Relay& relay = resources.relay;
  EXPECT_EQ(relay.listen_size(), 2);
  EXPECT_EQ(relay.listen(1), "https://127.0.0.1:2");
  ASSERT_EQ(relay.certificates_size(), 1);
  EXPECT_EQ(relay.certificates(0).cert(), "/c.pem");
  EXPECT_EQ(relay.certificates(0).key(), "/k.pem");
  EXPECT_EQ(relay.admin_listen(), "127.0.0.1:3");
  EXPECT_EQ(relay.workers(), 4U);
  EXPECT_EQ(relay.generic_allow(1), "*.internal");
  EXPECT_EQ(relay.ca_file(), "/ca.pem");
  EXPECT_EQ(relay.auth_tokens_size(), 2);
  EXPECT_EQ(relay.auth_tokens(1).value(), "other-token-of-length");
  EXPECT_TRUE(relay.preset_auth());
  EXPECT_TRUE(relay.debug());
  EXPECT_TRUE(relay.has_aggressive_fallback());
  EXPECT_FALSE(relay.aggressive_fallback());
  EXPECT_EQ(from_proto(relay.timeouts().connect()), 1s);
  EXPECT_EQ(from_proto(relay.timeouts().tls()), 2s);
  EXPECT_EQ(from_proto(relay.timeouts().first_byte()), 3s);
  EXPECT_EQ(from_proto(relay.timeouts().idle()), 4s);
  EXPECT_EQ(from_proto(relay.client_timeouts().request_head()), 5s);
  EXPECT_EQ(from_proto(relay.drain_timeout()), 6min);
  EXPECT_EQ(relay.state_dir(), "/state");
}

TEST(Environment, TargetsAndKeysMakeResources) {
  const auto resources = apply({
      {"PROXY_MY_LLM_TARGET", "https://a.example/v1, https://b.example"},
      {"MY_LLM_API_KEYS", "key-one,key-two"},
      {"GEMINI_API_KEYS", "key-three"},
  });
  EXPECT_EQ(resources.relay_name, "");
  const v1::Upstream& upstream = resources.upstreams.at("my_llm");
  ASSERT_EQ(upstream.targets_size(), 2);
  EXPECT_EQ(upstream.targets(1).url(), "https://b.example");
  EXPECT_FALSE(upstream.has_dialect());
  const v1::KeyPool& pool = resources.key_pools.at("my_llm");
  EXPECT_EQ(pool.upstream(), "my_llm");
  EXPECT_EQ(pool.keys_size(), 2);
  EXPECT_EQ(resources.key_pools.at("gemini").keys(0).value(), "key-three");
  EXPECT_EQ(resources.places.find("KeyPool", "gemini", "keys[0]"), "GEMINI_API_KEYS");
  EXPECT_EQ(resources.places.find("Upstream", "my_llm", "targets[1].url"), "PROXY_MY_LLM_TARGET");
}

TEST(Environment, WinsOverTheFile) {
  auto file = parse_resources("f.yaml", R"(
kind: Relay
name: edge
spec:
  listen: [http://127.0.0.1:1, http://127.0.0.1:2]
  certificates: [{cert: a, key: b}, {cert: c, key: d}]
  workers: 7
  region: eu
  timeouts: {connect: 9s, tls: 9s}
---
kind: Upstream
name: openai
spec: {user_agent: mine, targets: [{url: "https://file.example", weight: 2}]}
---
kind: KeyPool
name: paid
spec: {upstream: openai, keys: [old-one, old-two], policy: sticky}
)");
  ASSERT_TRUE(file) << file.error().detail;
  const auto resources = apply({{"CULVERT_LISTEN", "http://127.0.0.1:3"},
                                {"CULVERT_TLS_CERT", "/c"},
                                {"CULVERT_TLS_KEY", "/k"},
                                {"CULVERT_TIMEOUT_TLS", "1s"},
                                {"PROXY_OPENAI_TARGET", "https://env.example"},
                                {"OPENAI_API_KEYS", "new"}},
                               *std::move(file));
  EXPECT_EQ(resources.relay_name, "edge");
  ASSERT_EQ(resources.relay.listen_size(), 1);
  EXPECT_EQ(resources.relay.workers(), 7U);
  ASSERT_EQ(resources.relay.certificates_size(), 1);
  EXPECT_EQ(resources.relay.certificates(0).key(), "/k");
  EXPECT_EQ(from_proto(resources.relay.timeouts().connect()), 9s);
  EXPECT_EQ(from_proto(resources.relay.timeouts().tls()), 1s);
  EXPECT_EQ(resources.places.find("Relay", "edge", "listen[0]"), "CULVERT_LISTEN");
  EXPECT_EQ(resources.places.find("Relay", "edge", "workers"), "f.yaml:7");
  EXPECT_EQ(resources.upstreams.at("openai").user_agent(), "mine");
  EXPECT_EQ(resources.upstreams.at("openai").targets(0).url(), "https://env.example");
  EXPECT_FALSE(resources.upstreams.at("openai").targets(0).has_weight());
  ASSERT_EQ(resources.key_pools.size(), 1U);
  EXPECT_EQ(resources.key_pools.at("paid").keys(0).value(), "new");
  EXPECT_EQ(resources.key_pools.at("paid").policy(), v1::KeyPool::POLICY_STICKY);
}

TEST(Environment, AFilesPoolOfAnotherUpstreamKeepsItsName) {
  auto file = parse_resources("f.yaml",
                              "kind: KeyPool\nname: gemini\nspec: {upstream: openai, keys: [a]}\n");
  ASSERT_TRUE(file);
  const auto resources = apply({{"GEMINI_API_KEYS", "b"}}, *std::move(file));
  EXPECT_EQ(resources.key_pools.at("gemini").upstream(), "openai");
  EXPECT_EQ(resources.key_pools.at("gemini-env").upstream(), "gemini");
}

TEST(Environment, SetToNothingIsNotSet) {
  const auto resources = apply({{"CULVERT_LISTEN", ""},
                                {"AUTH_TOKEN", ""},
                                {"DEBUG_MODE", ""},
                                {"PROXY_X_TARGET", ""},
                                {"OPENAI_API_KEYS", ""}});
  EXPECT_EQ(resources.relay_name, "");
  EXPECT_TRUE(resources.upstreams.empty());
  EXPECT_TRUE(resources.key_pools.empty());
}

TEST(Environment, WrongValuesNameTheVariableAndWhatIsAllowed) {
  EXPECT_EQ(failure("DEBUG_MODE", "maybe"),
            "DEBUG_MODE: \"maybe\" is not right; allowed is true, false, yes, no, on, off, 1 or 0");
  for (const char* name : {"PRESET_AUTH_ENABLED", "GEMINI_SPECIAL_HANDLING_ENABLED",
                           "AGGRESSIVE_FALLBACK", "DEBUG_MODE"}) {
    EXPECT_EQ(failure(name, "2").rfind(std::string(name) + ": ", 0), 0U);
    EXPECT_EQ(failure(name, "OFF"), "no error");
  }
  EXPECT_EQ(failure("CULVERT_WORKERS", "-1"),
            "CULVERT_WORKERS: \"-1\" is not right; allowed is a whole number from 0 (one per core) "
            "to 1024");
  for (const char* name :
       {"CULVERT_TIMEOUT_CONNECT", "CULVERT_TIMEOUT_TLS", "CULVERT_TIMEOUT_FIRST_BYTE",
        "CULVERT_TIMEOUT_IDLE", "CULVERT_TIMEOUT_REQUEST_HEAD", "CULVERT_DRAIN_TIMEOUT"}) {
    EXPECT_EQ(failure(name, "10"), std::string(name) +
                                       ": \"10\" is not right; allowed is a duration such as "
                                       "500ms, 10s, 5m or 1h");
  }
  EXPECT_EQ(failure("CULVERT_LISTEN", " , ").rfind("CULVERT_LISTEN: ", 0), 0U);
  EXPECT_EQ(failure("AUTH_TOKEN", ",").rfind("AUTH_TOKEN: holds no token", 0), 0U);
  EXPECT_EQ(failure("GEMINI_API_KEYS", ",,").rfind("GEMINI_API_KEYS: holds no key", 0), 0U);
  EXPECT_EQ(failure("PROXY_X_TARGET", ",").rfind("PROXY_X_TARGET: ", 0), 0U);
}

TEST(Environment, OtherProgramsVariablesAreIgnoredAloud) {
  Resources resources;
  std::vector<std::string> warnings;
  ASSERT_TRUE(apply_environment({{"FOO_API_KEYS", "secret-of-another-program"},
                                 {"CULVERT_LISTN", "x"},
                                 {"CULVERT_RELAY", "/bin/x"},
                                 {"PATH", "/bin"},
                                 {"PROXY_TARGET", "x"},
                                 {"_API_KEYS", "x"}},
                                &resources, &warnings));
  ASSERT_EQ(warnings.size(), 2U);
  EXPECT_EQ(warnings[0], "CULVERT_LISTN: unknown variable, ignored; did you mean CULVERT_LISTEN?");
  EXPECT_EQ(warnings[1], "FOO_API_KEYS: ignored, because there is no upstream \"foo\"");
  EXPECT_TRUE(resources.key_pools.empty());
}

TEST(Environment, KnowsItsVariables) {
  for (const char* name : {"AUTH_TOKEN", "CULVERT_ANYTHING", "PROXY_A_TARGET", "A_API_KEYS"}) {
    EXPECT_TRUE(is_relay_variable(name)) << name;
  }
  for (const char* name : {"PATH", "", "PROXY_TARGET", "API_KEYS", "_API_KEYS", "proxy_a_target"}) {
    EXPECT_FALSE(is_relay_variable(name)) << name;
  }
}

TEST(Environment, AggressiveFallbackTakesEveryBooleanAndNothingElse) {
  for (const char* yes : {"true", "1", "YES", "On"}) {
    EXPECT_TRUE(apply({{"AGGRESSIVE_FALLBACK", yes}}).relay.aggressive_fallback()) << yes;
  }
  for (const char* no : {"false", "0", "No", "OFF"}) {
    const auto relay = apply({{"AGGRESSIVE_FALLBACK", no}}).relay;
    EXPECT_TRUE(relay.has_aggressive_fallback() && !relay.aggressive_fallback()) << no;
  }
  EXPECT_FALSE(apply({{"AGGRESSIVE_FALLBACK", ""}}).relay.has_aggressive_fallback());
  EXPECT_EQ(failure("AGGRESSIVE_FALLBACK", "2").rfind("AGGRESSIVE_FALLBACK: \"2\" is not right", 0),
            0U);
}

TEST(Environment, KeysGoToTheUpstreamsOwnPoolOfSeveral) {
  auto file = parse_resources("f.yaml", R"(
kind: KeyPool
name: batch
spec: {upstream: openai, keys: [a]}
---
kind: KeyPool
name: openai
spec: {upstream: openai, keys: [b], policy: random}
)");
  ASSERT_TRUE(file);
  const auto resources = apply({{"OPENAI_API_KEYS", "c"}}, *file);
  EXPECT_EQ(resources.key_pools.size(), 2U);
  EXPECT_EQ(resources.key_pools.at("openai").keys(0).value(), "c");
  EXPECT_EQ(resources.key_pools.at("batch").keys(0).value(), "a");
}

}  // namespace
}  // namespace culvert
