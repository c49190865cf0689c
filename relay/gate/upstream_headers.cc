// Order: what the relay makes, what is common, the credential, the rest by name, the framing.
#include "relay/gate/upstream_headers.h"

#include "relay/base/denied_headers.h"
#include "relay/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

namespace culvert {
namespace {

// From the client, to presets and routes (privacy: goes up). Prefixes end with '*'.
constexpr std::array<std::string_view, 17> kAllowed = {"accept",
                                                       "anthropic-beta",
                                                       "anthropic-dangerous-direct-browser-access",
                                                       "anthropic-version",
                                                       "content-encoding",
                                                       "content-type",
                                                       "idempotency-key",
                                                       "if-*",
                                                       "last-event-id",
                                                       "openai-beta",
                                                       "openai-organization",
                                                       "openai-project",
                                                       "range",
                                                       "x-goog-api-client",
                                                       "x-goog-upload-*",
                                                       "x-goog-user-project",
                                                       "x-goog-request-params"};

// Written by themselves, at their own place.
constexpr std::array<std::string_view, 6> kPlaced = {
    "accept", "accept-encoding", "content-type", "authorization", "x-api-key", "x-goog-api-key"};

bool is_placed(std::string_view name) {
  return std::find(kPlaced.begin(), kPlaced.end(), name) != kPlaced.end();
}

bool allowed(std::string_view name, const HeaderRules* rules) {
  return rules != nullptr &&
         std::find(rules->allow.begin(), rules->allow.end(), name) != rules->allow.end();
}

bool built_in(std::string_view name) {
  return std::any_of(kAllowed.begin(), kAllowed.end(), [&](std::string_view pattern) {
    if (!pattern.ends_with('*')) return pattern == name;
    return name.starts_with(pattern.substr(0, pattern.size() - 1));
  });
}

// Content-Type, X-Goog-Upload-Protocol: one spelling whatever the client's was.
std::string spelled(std::string_view name) {
  if (name.starts_with("anthropic-")) return std::string(name);  // as its documentation writes it
  std::string out(name);
  bool start = true;
  for (char& c : out) {
    if (start && c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    start = c == '-';
  }
  return out;
}

class Builder {
 public:
  explicit Builder(const UpstreamHeadersInput& input) : in_(input) {
    for (const std::string_view name : split_list(in_.client.joined("connection"))) {
      nominated_.push_back(lower(name));
    }
  }

  Headers build() {
    out_.add("Host", in_.authority);
    add_agent();
    copy("accept");
    add_accept_encoding();
    copy("content-type");
    add_credential();
    add_rest();
    add_framing();
    return std::move(out_);
  }

 private:
  bool generic() const { return in_.upstream == nullptr; }
  const HeaderRules* own_rules() const { return generic() ? nullptr : &in_.upstream->headers; }

  bool may_pass(const std::string& name) const {
    if (is_denied_header(name) || is_hop_by_hop(name) || is_written_by_relay(name)) return false;
    if (std::find(nominated_.begin(), nominated_.end(), name) != nominated_.end()) return false;
    if (allowed(name, own_rules()) || allowed(name, in_.route)) return true;
    if (needs_naming(name)) return false;
    return generic() || built_in(name);
  }

  // The client's field under our spelling; a value with a relay token in it goes nowhere.
  void copy(const std::string& name) {
    if (!may_pass(name) || is_set(name)) return;
    const std::string value = in_.client.joined(name);
    if (!value.empty() && !in_.tokens.mentions_token(value)) out_.add(spelled(name), value);
  }

  void add_agent() {
    std::string agent = generic() ? std::string() : in_.upstream->user_agent;
    if (agent.empty()) agent = in_.client.joined("user-agent");
    if (!agent.empty() && !in_.tokens.mentions_token(agent)) out_.add("User-Agent", agent);
  }

  // Streams and usage are read along the way where the dialect is known, so the body must be plain.
  void add_accept_encoding() {
    const std::string wanted = in_.client.joined("accept-encoding");
    if (wanted.empty()) return;
    const bool read = !generic() && in_.upstream->dialect != Dialect::kOpaque;
    out_.add("Accept-Encoding", read ? "identity" : wanted);
  }

  void add_credential() {
    if (generic()) {
      for (const char* name : {"authorization", "x-api-key", "x-goog-api-key"}) copy(name);
      return;
    }
    if (in_.payer == Payer::kPool) return add_pool_key(*in_.key);
    if (in_.payer == Payer::kOwn) add_own_key();
  }

  void add_pool_key(const Secret& key) {
    const Upstream& upstream = *in_.upstream;
    // Anthropic's OAuth tokens are bearer tokens; its API keys are not.
    if (upstream.dialect == Dialect::kAnthropic && key.reveal().starts_with("sk-ant-oat")) {
      out_.add("Authorization", "Bearer " + std::string(key.reveal()));
      return;
    }
    std::string value = upstream.key_scheme.empty() ? "" : upstream.key_scheme + ' ';
    out_.add(upstream.key_header, value + std::string(key.reveal()));
  }

  void add_own_key() {
    const std::string key(in_.key != nullptr ? in_.key->reveal()
                                             : std::string_view(in_.credentials.own_keys.front()));
    switch (in_.credentials.form) {
      case KeyForm::kBearer:
        out_.add("Authorization", "Bearer " + key);
        break;
      case KeyForm::kAuthorization:
        out_.add("Authorization", key);
        break;
      case KeyForm::kApiKey:
        out_.add("x-api-key", key);
        break;
      case KeyForm::kGoogApiKey:
        out_.add("x-goog-api-key", key);
        break;
      case KeyForm::kQuery:
      case KeyForm::kNone:
        break;
    }
  }

  bool is_set(const std::string& name) const {
    const auto sets = [&](const HeaderRules* rules) {
      return rules != nullptr &&
             std::any_of(rules->set.begin(), rules->set.end(),
                         [&](const auto& field) { return equal_ignoring_case(field.first, name); });
    };
    return sets(own_rules()) || sets(in_.route);
  }

  void add_rest() {
    std::vector<std::string> names;
    for (const Header& field : in_.client) names.push_back(lower(field.name));
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    for (const std::string& name : names) {
      if (!is_placed(name)) copy(name);
    }
    std::map<std::string, std::string, LessIgnoringCase> set;
    if (const auto* rules = own_rules()) set.insert(rules->set.begin(), rules->set.end());
    if (in_.route != nullptr) {
      for (const auto& [name, value] : in_.route->set) set[name] = value;  // the route's wins
    }
    for (const auto& [name, value] : set) out_.set(name, value);
  }

  void add_framing() {
    switch (in_.framing) {
      case BodyFraming::kChunked:
        out_.add("Transfer-Encoding", "chunked");
        break;
      case BodyFraming::kLength:
        out_.add("Content-Length", fmt::to_string(in_.content_length));
        break;
      default:
        if (in_.wants_length) out_.add("Content-Length", "0");
    }
  }

  const UpstreamHeadersInput& in_;
  std::vector<std::string> nominated_;
  Headers out_;
};

}  // namespace

Headers upstream_headers(const UpstreamHeadersInput& input) { return Builder(input).build(); }

}  // namespace culvert
