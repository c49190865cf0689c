// A table of the variables with one meaning each, then the two families with an alias in the name.
// What a list in a variable gives replaces the file's list whole, because a mixture of two sources
// cannot be read off either.
#include "proto/environment.h"

#include "proto/config_error.h"
#include "proto/presets.h"
#include "proto/scalars.h"
#include "proto/suggest.h"
#include "relay/base/limits.h"
#include "relay/base/text.h"

#include <algorithm>
#include <iterator>
#include <optional>

namespace culvert {
namespace {

constexpr std::string_view kTargetStart = "PROXY_";
constexpr std::string_view kTargetEnd = "_TARGET";
constexpr std::string_view kKeysEnd = "_API_KEYS";

struct Setting {
  std::string_view variable;
  std::string_view value;
  v1::Relay* relay;
};

struct Row {
  std::string_view variable;
  std::string_view path;  // of the field of Relay; empty where it has none yet
  Result<void> (*apply)(const Setting& setting);
};

Error wrong(const Setting& setting, std::string_view allowed) {
  return config_error(setting.variable, in_quotes(setting.value) + " is not right; allowed is " +
                                            std::string(allowed));
}

// The parts between commas, of which there has to be one.
Result<std::vector<std::string_view>> read_list(const Setting& setting, std::string_view allowed) {
  auto parts = split_list(setting.value);
  if (parts.empty()) return wrong(setting, allowed);
  return parts;
}

Result<void> read_text(const Setting& setting, std::string* field) {
  *field = setting.value;
  return {};
}

Result<void> read_duration(const Setting& setting, google::protobuf::Duration* field) {
  const auto duration = parse_duration(setting.value);
  if (!duration) return wrong(setting, kDurationWords);
  *field = to_proto(*duration);
  return {};
}

Result<bool> read_bool(const Setting& setting) {
  const auto truth = parse_bool(setting.value);
  if (!truth) return wrong(setting, kBoolWords);
  return *truth;
}

Result<void> read_workers(const Setting& setting) {
  const auto number = parse_whole(setting.value, limits::kWorkersMost);
  if (!number) {
    return wrong(setting,
                 "a whole number from 0 (one per core) to " + std::to_string(limits::kWorkersMost));
  }
  setting.relay->set_workers(static_cast<uint32_t>(*number));
  return {};
}

Result<void> read_listen(const Setting& setting) {
  setting.relay->clear_listen();
  for (const auto part :
       CULVERT_TRY(read_list(setting, "a list of listeners such as http://127.0.0.1:8080"))) {
    setting.relay->add_listen(std::string(part));
  }
  return {};
}

Result<void> read_control(const Setting& setting) {
  auto* addresses = setting.relay->mutable_control()->mutable_addresses();
  addresses->Clear();
  for (const auto part : CULVERT_TRY(read_list(setting, "a list of HOST:PORT"))) {
    addresses->Add(std::string(part));
  }
  return {};
}

Result<void> read_generic_allow(const Setting& setting) {
  setting.relay->clear_generic_allow();
  for (const auto part : CULVERT_TRY(read_list(setting, "a list of CIDRs and host patterns"))) {
    setting.relay->add_generic_allow(std::string(part));
  }
  return {};
}

Result<void> read_tokens(const Setting& setting) {
  setting.relay->clear_auth_tokens();
  const auto tokens = split_list(setting.value);
  if (tokens.empty()) {
    return config_error(setting.variable, "holds no token; allowed are tokens of at least " +
                                              std::to_string(limits::kTokenBytesLeast) +
                                              " characters between commas");
  }
  for (const auto token : tokens) setting.relay->add_auth_tokens()->set_value(std::string(token));
  return {};
}

// The pair of variables is one certificate and replaces those of the file.
v1::Certificate* only_certificate(v1::Relay* relay, bool first) {
  if (first) relay->clear_certificates();
  return relay->certificates_size() == 0 ? relay->add_certificates()
                                         : relay->mutable_certificates(0);
}

std::string* gemini_prompt(v1::Relay* relay, const char* language) {
  return &(*relay->mutable_gemini_resume()->mutable_prompts())[language];
}

using S = const Setting&;

// In the order in which they are applied: the certificate's key after its chain.
constexpr Row kRows[] = {
    {"CULVERT_LISTEN", "listen", read_listen},
    {"CULVERT_TLS_CERT", "certificates[0].cert",
     [](S s) { return read_text(s, only_certificate(s.relay, true)->mutable_cert()); }},
    {"CULVERT_TLS_KEY", "certificates[0].key",
     [](S s) { return read_text(s, only_certificate(s.relay, false)->mutable_key()); }},
    {"CULVERT_ADMIN_LISTEN", "admin_listen",
     [](S s) { return read_text(s, s.relay->mutable_admin_listen()); }},
    {"CULVERT_WORKERS", "workers", read_workers},
    {"CULVERT_GENERIC_ALLOW", "generic_allow", read_generic_allow},
    {"SSL_CERT_FILE", "ca_file", [](S s) { return read_text(s, s.relay->mutable_ca_file()); }},
    {"AUTH_TOKEN", "auth_tokens", read_tokens},
    {"PRESET_AUTH_ENABLED", "preset_auth",
     [](S s) -> Result<void> {
       s.relay->set_preset_auth(CULVERT_TRY(read_bool(s)));
       return {};
     }},
    {"DEBUG_MODE", "debug",
     [](S s) -> Result<void> {
       s.relay->set_debug(CULVERT_TRY(read_bool(s)));
       return {};
     }},
    {"AGGRESSIVE_FALLBACK", "aggressive_fallback",
     [](S s) -> Result<void> {
       s.relay->set_aggressive_fallback(CULVERT_TRY(read_bool(s)));
       return {};
     }},
    {"GEMINI_SPECIAL_HANDLING_ENABLED", "gemini_resume.on",
     [](S s) -> Result<void> {
       s.relay->mutable_gemini_resume()->set_on(CULVERT_TRY(read_bool(s)));
       return {};
     }},
    {"GEMINI_RETRY_PROMPT_CN", "gemini_resume.prompts[zh]",
     [](S s) { return read_text(s, gemini_prompt(s.relay, "zh")); }},
    {"GEMINI_RETRY_PROMPT_EN", "gemini_resume.prompts[en]",
     [](S s) { return read_text(s, gemini_prompt(s.relay, "en")); }},
    {"CULVERT_TIMEOUT_CONNECT", "timeouts.connect",
     [](S s) { return read_duration(s, s.relay->mutable_timeouts()->mutable_connect()); }},
    {"CULVERT_TIMEOUT_TLS", "timeouts.tls",
     [](S s) { return read_duration(s, s.relay->mutable_timeouts()->mutable_tls()); }},
    {"CULVERT_TIMEOUT_FIRST_BYTE", "timeouts.first_byte",
     [](S s) { return read_duration(s, s.relay->mutable_timeouts()->mutable_first_byte()); }},
    {"CULVERT_TIMEOUT_IDLE", "timeouts.idle",
     [](S s) { return read_duration(s, s.relay->mutable_timeouts()->mutable_idle()); }},
    {"CULVERT_TIMEOUT_REQUEST_HEAD", "client_timeouts.request_head",
     [](S s) {
       return read_duration(s, s.relay->mutable_client_timeouts()->mutable_request_head());
     }},
    {"CULVERT_DRAIN_TIMEOUT", "drain_timeout",
     [](S s) { return read_duration(s, s.relay->mutable_drain_timeout()); }},
    {"CULVERT_CONTROL", "control.addresses", read_control},
    {"CULVERT_STATE_DIR", "state_dir",
     [](S s) { return read_text(s, s.relay->mutable_state_dir()); }},
};

bool is_row(std::string_view name) {
  return std::any_of(std::begin(kRows), std::end(kRows),
                     [&](const Row& row) { return row.variable == name; });
}

// `{NAME}` of PROXY_{NAME}_TARGET or {NAME}_API_KEYS, in lower case.
std::optional<std::string> alias_between(std::string_view name,
                                         std::string_view start,
                                         std::string_view end) {
  if (name.size() <= start.size() + end.size()) return std::nullopt;
  if (name.substr(0, start.size()) != start) return std::nullopt;
  if (name.substr(name.size() - end.size()) != end) return std::nullopt;
  return lower(name.substr(start.size(), name.size() - start.size() - end.size()));
}

Result<void> apply_relay_rows(const Variables& variables, Resources* resources) {
  for (const Row& row : kRows) {
    const auto found = variables.find(row.variable);
    if (found == variables.end() || found->second.empty()) continue;
    if (!row.path.empty() && resources->relay_name.empty()) resources->relay_name = "relay";
    CULVERT_CHECK(row.apply({row.variable, found->second, &resources->relay}));
    if (row.path.empty()) continue;
    resources->places.erase("Relay", resources->relay_name, row.path);
    resources->places.put("Relay", resources->relay_name, row.path, found->first);
  }
  return {};
}

Result<void> apply_target(const std::string& alias,
                          const std::string& variable,
                          const std::string& value,
                          Resources* resources) {
  const auto targets = split_list(value);
  if (targets.empty()) {
    return config_error(variable, in_quotes(value) +
                                      " holds no URL; allowed are URLs such as "
                                      "https://api.example.com between commas");
  }
  v1::Upstream& upstream = resources->upstreams[alias];
  upstream.clear_targets();
  for (const auto target : targets) upstream.add_targets()->set_url(std::string(target));
  resources->places.erase("Upstream", alias, "targets");
  resources->places.put("Upstream", alias, "targets", variable);
  if (resources->places.find("Upstream", alias, "") == "Upstream " + alias) {
    resources->places.put("Upstream", alias, "", variable);
  }
  return {};
}

// The file's pool of that upstream keeps its policy; only its keys are replaced. Of several it is
// the upstream's own.
std::string pool_for(const std::string& alias, const Resources& resources) {
  if (auto own = own_pool(resources, alias)) return *std::move(own);
  std::string name = alias;
  while (resources.key_pools.count(name) != 0) name += "-env";
  return name;
}

Result<void> apply_keys(const std::string& alias,
                        const std::string& variable,
                        const std::string& value,
                        Resources* resources) {
  const auto keys = split_list(value);
  if (keys.empty()) {
    return config_error(variable, "holds no key; allowed are keys between commas");
  }
  const std::string name = pool_for(alias, *resources);
  v1::KeyPool& pool = resources->key_pools[name];
  pool.set_upstream(alias);
  pool.clear_keys();
  for (const auto key : keys) pool.add_keys()->set_value(std::string(key));
  resources->places.erase("KeyPool", name, "keys");
  resources->places.put("KeyPool", name, "keys", variable);
  if (resources->places.find("KeyPool", name, "") == "KeyPool " + name) {
    resources->places.put("KeyPool", name, "", variable);
  }
  return {};
}

std::string misspelt(std::string_view variable) {
  std::vector<std::string_view> names;
  for (const Row& row : kRows) names.push_back(row.variable);
  const auto near =
      variable.substr(0, 8) == "CULVERT_" ? nearest(variable, names) : std::string_view();
  if (near.empty()) return {};
  return std::string(variable) + ": unknown variable, ignored; did you mean " + std::string(near) +
         "?";
}

}  // namespace

bool is_relay_variable(std::string_view name) {
  return is_row(name) || name.substr(0, 8) == "CULVERT_" ||
         alias_between(name, kTargetStart, kTargetEnd) || alias_between(name, "", kKeysEnd);
}

Result<void> apply_environment(const Variables& variables,
                               Resources* resources,
                               std::vector<std::string>* warnings) {
  CULVERT_CHECK(apply_relay_rows(variables, resources));
  for (const auto& [variable, value] : variables) {
    if (value.empty() || is_row(variable)) continue;
    if (const auto alias = alias_between(variable, kTargetStart, kTargetEnd)) {
      CULVERT_CHECK(apply_target(*alias, variable, value, resources));
    } else if (auto warning = misspelt(variable); !warning.empty()) {
      warnings->push_back(std::move(warning));
    }
  }
  // Where a token is missing and no document speaks of the relay, this is where it would be.
  const std::string& relay = resources->relay_name;
  if (resources->places.find("Relay", relay, "auth_tokens") == "Relay " + relay) {
    resources->places.put("Relay", relay, "auth_tokens", "AUTH_TOKEN");
  }
  // After all targets, because a target makes the alias that the keys are for.
  for (const auto& [variable, value] : variables) {
    const auto alias = alias_between(variable, "", kKeysEnd);
    if (!alias || value.empty() || is_row(variable)) continue;
    if (find_preset(*alias) != nullptr || resources->upstreams.count(*alias) != 0) {
      CULVERT_CHECK(apply_keys(*alias, variable, value, resources));
    } else {
      warnings->push_back(variable + ": ignored, because there is no upstream " +
                          in_quotes(*alias));
    }
  }
  return {};
}

}  // namespace culvert
