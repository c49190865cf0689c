// From real files and a pretended environment to a snapshot: that both sources give the same, that
// errors name their place, and that what a secret needs is checked when it has been read.
#include "relay/config/bootstrap.h"

#include "relay/base/limits.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>

namespace culvert {
namespace {

using namespace std::chrono_literals;
using VariableMap = std::map<std::string, std::string>;

constexpr const char* kToken = "f00d-cafe-0123456789";
constexpr const char* kCertificate = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n";
constexpr const char* kKey = "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n";

class Bootstrap : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "culvert_bootstrap_XXXXXX";
    const auto temporary = testing::TempDir() + pattern;
    std::vector<char> path(temporary.c_str(), temporary.c_str() + temporary.size() + 1);
    ASSERT_NE(mkdtemp(path.data()), nullptr);
    directory_ = path.data();
    ca_ = write("ca.pem", kCertificate);
  }
  void TearDown() override {
    for (const std::string& file : files_) unlink(file.c_str());
    rmdir(directory_.c_str());
  }

  std::string write(const std::string& name, const std::string& text, mode_t mode = 0600) {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
    files_.push_back(path);
    return path;
  }

  // With a CA bundle of its own, so that nothing depends on the machine's.
  Result<std::shared_ptr<const Snapshot>> load(const std::string& file, VariableMap variables) {
    variables.emplace("SSL_CERT_FILE", ca_);
    return load_bare(file, variables);
  }
  static Result<std::shared_ptr<const Snapshot>> load_bare(const std::string& file,
                                                           const VariableMap& variables) {
    BootstrapSource source;
    source.config_file = file;
    for (const auto& [name, value] : variables) source.variables.push_back(name);
    source.environment = [&](const std::string& name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
    return load_snapshot(source);
  }
  std::string failure(const std::string& text, const VariableMap& variables = {}) {
    const auto loaded = load(text.empty() ? "" : write("f.yaml", text), variables);
    if (loaded) return "no error";
    EXPECT_EQ(loaded.error().code, Code::kInvalidConfig);
    std::string detail = loaded.error().detail;
    const auto at = detail.find(directory_ + "/");
    if (at == 0) detail.erase(0, directory_.size() + 1);
    return detail;
  }

  std::string directory_;
  std::string ca_;
  std::vector<std::string> files_;
};

TEST_F(Bootstrap, NothingGivesTheDefaults) {
  const auto loaded = load("", {});
  ASSERT_TRUE(loaded) << loaded.error().detail;
  const Settings& settings = (*loaded)->settings;
  ASSERT_EQ(settings.listen.size(), 1U);
  EXPECT_EQ(settings.listen[0].text, "http://127.0.0.1:8080");
  EXPECT_FALSE(settings.listen[0].tls);
  EXPECT_EQ(settings.admin_listen.text(), "127.0.0.1:9090");
  EXPECT_GE(settings.workers, 1U);
  EXPECT_GE(settings.handshake_threads, 1U);
  EXPECT_FALSE(settings.preset_auth);
  EXPECT_TRUE(settings.access_log);
  EXPECT_EQ(settings.client_address, ClientAddressLogging::kNone);
  EXPECT_EQ(settings.head_bytes, limits::kHeadBytes);
  EXPECT_EQ(settings.body_bytes, 0U);
  EXPECT_EQ(settings.timeouts.connect, 10s);
  EXPECT_EQ(settings.timeouts.first_byte, 300s);
  EXPECT_EQ(settings.timeouts.total, 0s);
  EXPECT_EQ(settings.drain_timeout, 600s);
  EXPECT_FALSE(settings.state_dir.empty());
  EXPECT_FALSE(settings.usage_spool);
  EXPECT_EQ(settings.spool_bytes, limits::kSpoolBytes);
  EXPECT_EQ((*loaded)->upstreams.size(), 39U);
  EXPECT_TRUE((*loaded)->pools.empty());
  const Upstream* gemini = (*loaded)->upstream("gemini");
  ASSERT_NE(gemini, nullptr);
  EXPECT_EQ(gemini->dialect, Dialect::kGemini);
  EXPECT_EQ(gemini->key_header, "x-goog-api-key");
  EXPECT_EQ(gemini->user_agent, "culvert");
  EXPECT_EQ(gemini->targets[0].url.host, "generativelanguage.googleapis.com");
  EXPECT_EQ((*loaded)->upstream("nobody"), nullptr);
}

TEST_F(Bootstrap, FileAndVariablesGiveTheSameSnapshot) {
  const auto cert = write("c.pem", kCertificate);
  const auto key = write("k.pem", kKey);
  const auto by_variables =
      load_bare("", {
                        {"CULVERT_LISTEN", "http://127.0.0.1:8081,https://[::1]:8443"},
                        {"CULVERT_TLS_CERT", cert},
                        {"CULVERT_TLS_KEY", key},
                        {"CULVERT_ADMIN_LISTEN", "127.0.0.1:0"},
                        {"CULVERT_WORKERS", "3"},
                        {"CULVERT_GENERIC_ALLOW", "10.0.0.0/8,*.Internal"},
                        {"SSL_CERT_FILE", ca_},
                        {"AUTH_TOKEN", std::string(kToken) + ",second-token-0123"},
                        {"PRESET_AUTH_ENABLED", "false"},
                        {"DEBUG_MODE", "1"},
                        {"CULVERT_TIMEOUT_CONNECT", "1s"},
                        {"CULVERT_TIMEOUT_TLS", "2s"},
                        {"CULVERT_TIMEOUT_FIRST_BYTE", "3m"},
                        {"CULVERT_TIMEOUT_IDLE", "4m"},
                        {"CULVERT_TIMEOUT_REQUEST_HEAD", "500ms"},
                        {"CULVERT_DRAIN_TIMEOUT", "1h"},
                        {"CULVERT_STATE_DIR", "/state"},
                        {"PROXY_OPENAI_TARGET", "https://a.example/v1,http://b.example:81"},
                        {"PROXY_MY_LLM_TARGET", "http://127.0.0.1:11434"},
                        {"OPENAI_API_KEYS", "key-one,key-two"},
                        {"MY_LLM_API_KEYS", "key-three"},
                    });
  ASSERT_TRUE(by_variables) << by_variables.error().detail;
  const std::string text = R"(
kind: Relay
name: relay
spec:
  listen: [http://127.0.0.1:8081, "https://[::1]:8443"]
  certificates: [{cert: )" +
                           cert + ", key: " + key + R"(}]
  admin_listen: 127.0.0.1:0
  workers: 3
  generic_allow: [10.0.0.0/8, "*.internal"]
  ca_file: )" + ca_ + R"(
  auth_tokens: ["env:A_TOKEN", second-token-0123]
  preset_auth: false
  debug: true
  timeouts: {connect: 1s, tls: 2s, first_byte: 180s, idle: 4m}
  client_timeouts: {request_head: 500ms}
  drain_timeout: 60m
  state_dir: /state
---
kind: Upstream
name: openai
spec: {targets: [{url: "https://a.example/v1"}, {url: "http://b.example:81"}]}
---
kind: Upstream
name: my_llm
spec: {targets: [{url: "http://127.0.0.1:11434"}]}
---
kind: KeyPool
name: openai
spec: {upstream: openai, keys: [key-one, key-two]}
---
kind: KeyPool
name: my_llm
spec: {upstream: my_llm, keys: [key-three]}
)";
  const auto by_file = load_bare(write("f.yaml", text), {{"A_TOKEN", kToken}});
  ASSERT_TRUE(by_file) << by_file.error().detail;
  EXPECT_TRUE(**by_variables == **by_file);
  EXPECT_EQ((*by_file)->upstream("openai")->dialect, Dialect::kOpenAi);  // the preset's
  EXPECT_EQ((*by_file)->upstream("my_llm")->dialect, Dialect::kOpaque);

  const auto other = load_bare(write("g.yaml", text + "---\nkind: Route\nname: r\nspec: {to: "
                                                      "[{upstream: openai}]}\n"),
                               {{"A_TOKEN", kToken}});
  ASSERT_TRUE(other) << other.error().detail;
  EXPECT_FALSE(**other == **by_file);
}

TEST_F(Bootstrap, ErrorsNameFileAndLineOrVariable) {
  EXPECT_EQ(failure("kind: Relay\nname: r\nspec:\n  lisen: []\n"),
            "f.yaml:4: unknown field \"lisen\" in Relay; did you mean \"listen\"?");
  EXPECT_EQ(failure("kind: Relay\nname: r\nspec:\n  workers: 2\n  admin_listen: x\n"),
            "f.yaml:5: \"x\" is not ADDRESS:PORT; allowed are IP addresses with a port from 0 to "
            "65535, such as 127.0.0.1:8080 or [::1]:8080");
  EXPECT_EQ(failure("", {{"PROXY_X_TARGET", "not a url"}}).rfind("PROXY_X_TARGET: ", 0), 0U);
  EXPECT_EQ(failure("", {{"PROXY_V1_TARGET", "https://a.example"}}).rfind("PROXY_V1_TARGET: ", 0),
            0U);
  EXPECT_EQ(failure("", {{"CULVERT_LISTEN", "tcp://127.0.0.1:1"}}).rfind("CULVERT_LISTEN: ", 0),
            0U);
  EXPECT_EQ(failure("", {{"AUTH_TOKEN", "short"}}).rfind("AUTH_TOKEN: a token of fewer", 0), 0U);
  EXPECT_EQ(failure("", {{"CULVERT_TLS_CERT", "/c"}}).rfind("CULVERT_TLS_CERT: ", 0), 0U);
  EXPECT_EQ(failure("", {{"CULVERT_TLS_KEY", "/c"}}).rfind("CULVERT_TLS_KEY: ", 0), 0U);
  EXPECT_EQ(failure("", {{"CULVERT_ADMIN_LISTEN", "x"}}).rfind("CULVERT_ADMIN_LISTEN: ", 0), 0U);
  EXPECT_EQ(failure("", {{"GEMINI_API_KEYS", "a"}}).rfind("AUTH_TOKEN: a token is needed", 0), 0U);
  EXPECT_EQ(failure("", {{"GEMINI_API_KEYS", "a"}, {"CULVERT_WORKERS", "1"}})
                .rfind("AUTH_TOKEN: a token is needed", 0),
            0U);
  const auto missing = load(directory_ + "/none.yaml", {});
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().detail.find("none.yaml cannot be read: No such file"),
            std::string::npos);
}

TEST_F(Bootstrap, PresetAuthFollowsTheKeys) {
  const auto with_keys = load("", {{"AUTH_TOKEN", kToken}, {"GEMINI_API_KEYS", "a,b"}});
  ASSERT_TRUE(with_keys) << with_keys.error().detail;
  EXPECT_TRUE((*with_keys)->settings.preset_auth);
  const auto without = load("", {{"AUTH_TOKEN", kToken}});
  ASSERT_TRUE(without);
  EXPECT_FALSE((*without)->settings.preset_auth);
  EXPECT_TRUE(load("", {{"PRESET_AUTH_ENABLED", "no"}, {"GEMINI_API_KEYS", "a"}}));
}

TEST_F(Bootstrap, SecretsAreCheckedWhenTheyHaveBeenRead) {
  const auto with = [&](const std::string& token) {
    return failure("kind: Relay\nname: r\nspec:\n  auth_tokens: ['" + token + "']\n",
                   {{"WEAK", "changeme-changeme"}, {"GOOD", kToken}});
  };
  EXPECT_EQ(with("env:GOOD"), "no error");
  EXPECT_EQ(with("env:WEAK").rfind("f.yaml:4: a token that stands in examples", 0), 0U);
  EXPECT_EQ(with("env:NONE"),
            "f.yaml:4: the variable NONE of env:NONE is not set; needed is the secret's value in "
            "it");
  EXPECT_EQ(with("file:" + write("good", std::string(kToken) + "\n")), "no error");
  EXPECT_EQ(with("file:" + write("two", std::string(kToken) + "\n\n"))
                .rfind("f.yaml:4: a token with a character", 0),
            0U);
  EXPECT_NE(with("file:" + write("empty", "\n")).find(" is empty"), std::string::npos);
  EXPECT_NE(with("file:" + directory_ + "/none").find("No such file"), std::string::npos);
  EXPECT_NE(with("file:" + directory_).find("Is a directory"), std::string::npos);
  EXPECT_NE(with("file:" + write("huge", std::string(limits::kSecretBytes + 1, 'a')))
                .find("is larger than"),
            std::string::npos);
}

TEST_F(Bootstrap, AKeyTwiceIsFoundBehindReferences) {
  const std::string text =
      "kind: KeyPool\nname: p\nspec:\n  upstream: openai\n  keys:\n"
      "    - the-very-same-key\n    - env:K\n";
  EXPECT_EQ(failure(text, {{"AUTH_TOKEN", kToken}, {"K", "the-very-same-key"}}),
            "f.yaml:7: the same key as keys[0]; give it once");
  EXPECT_EQ(failure(text, {{"AUTH_TOKEN", kToken}, {"K", "another key"}})
                .rfind("f.yaml:7: a key with a space", 0),
            0U);
}

TEST_F(Bootstrap, CertificatesHaveToBeReadable) {
  const auto cert = write("c.pem", kCertificate);
  const auto key = write("k.pem", kKey);
  const VariableMap base = {{"CULVERT_LISTEN", "https://127.0.0.1:0"}};
  const auto with = [&](const std::string& c, const std::string& k) {
    VariableMap variables = base;
    variables["CULVERT_TLS_CERT"] = c;
    variables["CULVERT_TLS_KEY"] = k;
    return failure("", variables);
  };
  EXPECT_EQ(with(cert, key), "no error");
  EXPECT_EQ(with(directory_ + "/none", key).rfind("CULVERT_TLS_CERT: the file ", 0), 0U);
  EXPECT_EQ(with(cert, directory_ + "/none").rfind("CULVERT_TLS_KEY: the file ", 0), 0U);
  EXPECT_EQ(with(key, key).rfind("CULVERT_TLS_CERT: the file ", 0), 0U);
  EXPECT_EQ(with(cert, cert).rfind("CULVERT_TLS_KEY: the file ", 0), 0U);
}

TEST_F(Bootstrap, AConfiguredBundleHasToBeThere) {
  const auto loaded = load_bare("", {{"SSL_CERT_FILE", directory_ + "/none"}});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().detail.rfind("SSL_CERT_FILE: the file ", 0), 0U);
  EXPECT_FALSE(load_bare("", {{"SSL_CERT_FILE", write("no.pem", "text")}}));
}

TEST_F(Bootstrap, OtherProgramsVariablesDoNotStopTheStart) {
  EXPECT_TRUE(load("", {{"FOO_API_KEYS", "x"}, {"CULVERT_RELAY", "/x"}}));
}

TEST_F(Bootstrap, StateDirectoryOfAUser) {
  const auto loaded = load("", {{"XDG_STATE_HOME", "/home/u/.state"}});
  ASSERT_TRUE(loaded);
  EXPECT_EQ((*loaded)->settings.state_dir,
            geteuid() == 0 ? "/var/lib/culvert" : "/home/u/.state/culvert");
}

TEST_F(Bootstrap, TheProcessIsASource) {
  ASSERT_EQ(setenv("CULVERT_TEST_VARIABLE", "here", 1), 0);
  const auto source = process_source("f");
  EXPECT_EQ(source.config_file, "f");
  EXPECT_EQ(source.environment("CULVERT_TEST_VARIABLE"), "here");
  EXPECT_FALSE(source.environment("CULVERT_NO_SUCH_VARIABLE").has_value());
  EXPECT_NE(std::find(source.variables.begin(), source.variables.end(), "CULVERT_TEST_VARIABLE"),
            source.variables.end());
  unsetenv("CULVERT_TEST_VARIABLE");
}

TEST_F(Bootstrap, TheExampleStarts) {
  const auto loaded = load("deploy/config.example.yaml",
                           {{"RELAY_TOKEN", kToken}, {"OPENAI_KEY", "sk-0123456789"}});
  ASSERT_TRUE(loaded) << loaded.error().detail;
  EXPECT_EQ((*loaded)->routes.size(), 3U);
  EXPECT_EQ((*loaded)->pools.size(), 2U);
  EXPECT_EQ((*loaded)->upstream("local")->targets.size(), 2U);
  EXPECT_EQ((*loaded)->upstream("anthropic")->targets[0].url.host, "api.anthropic.com");
}

}  // namespace
}  // namespace culvert
