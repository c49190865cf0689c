// Names are listed instead of "*", because "*" does not cover Authorization.
#include "relay/gate/cors.h"

#include "relay/base/text.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace culvert {
namespace {

constexpr std::string_view kMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

// What the vendors' SDKs and plain pages send from a browser, and the relay's own fields.
constexpr std::array<std::string_view, 24> kRequestHeaders = {
    "accept",
    "anthropic-beta",
    "anthropic-dangerous-direct-browser-access",
    "anthropic-version",
    "api-key",
    "authorization",
    "content-encoding",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "last-event-id",
    "openai-beta",
    "openai-organization",
    "openai-project",
    "range",
    "user-agent",
    "x-api-key",
    "x-culvert-replay",
    "x-culvert-token",
    "x-goog-api-client",
    "x-goog-api-key",
    "x-goog-user-project",
    "x-requested-with",
};
constexpr std::array<std::string_view, 2> kRequestPrefixes = {"x-stainless-", "x-goog-upload-"};

bool is_token_text(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

// Fields that the relay answers for, whatever an upstream said about its own origins.
bool is_cors_field(std::string_view name) {
  return starts_with_ignoring_case(name, "access-control-");
}

void add_vary(std::string_view name, Headers* answer) {
  for (const Header& field : *answer) {
    if (!equal_ignoring_case(field.name, "vary")) continue;
    for (const std::string_view known : split_list(field.value)) {
      if (known == "*" || equal_ignoring_case(known, name)) return;
    }
  }
  answer->add("Vary", name);
}

// The names of the answer that a page may read beside the safelisted ones.
std::string exposed(const Headers& answer) {
  std::vector<std::string> names;
  for (const Header& field : answer) {
    if (!equal_ignoring_case(field.name, "set-cookie")) names.push_back(lower(field.name));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::string out;
  for (const std::string& name : names) (out += out.empty() ? "" : ", ") += name;
  return out;
}

}  // namespace

Cors::Cors(CorsSettings settings) : settings_(std::move(settings)) {
  any_ =
      std::find(settings_.origins.begin(), settings_.origins.end(), "*") != settings_.origins.end();
  for (const std::string_view name : kRequestHeaders) {
    (headers_ += headers_.empty() ? "" : ", ") += name;
  }
  for (const std::string& name : settings_.headers) (headers_ += ", ") += lower(name);
}

std::optional<Headers> Cors::preflight(std::string_view method, const Headers& request) const {
  if (settings_.origins.empty() || method != "OPTIONS" || !request.find("origin") ||
      !request.find("access-control-request-method")) {
    return std::nullopt;
  }
  Headers answer;
  const bool allowed = allow_origin(request, &answer);
  add_vary("Access-Control-Request-Headers", &answer);
  if (!allowed) return answer;
  std::string names = headers_;
  const std::string asked = request.joined("access-control-request-headers");
  for (const std::string_view name : split_list(asked)) {
    const bool known = std::any_of(
        kRequestPrefixes.begin(), kRequestPrefixes.end(),
        [&](std::string_view prefix) { return starts_with_ignoring_case(name, prefix); });
    if (known && is_token_text(name)) (names += ", ") += lower(name);
  }
  answer.add("Access-Control-Allow-Methods", kMethods);
  answer.add("Access-Control-Allow-Headers", names);
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(settings_.max_age).count();
  answer.add("Access-Control-Max-Age", std::to_string(age));
  return answer;
}

void Cors::decorate(const Headers& request, Headers* answer) const {
  if (settings_.origins.empty()) return;
  Headers kept;
  for (const Header& field : *answer) {
    if (!is_cors_field(field.name)) kept.add(field.name, field.value);
  }
  *answer = std::move(kept);
  if (!allow_origin(request, answer)) return;
  const std::string names = exposed(*answer);
  if (!names.empty()) answer->add("Access-Control-Expose-Headers", names);
}

bool Cors::allow_origin(const Headers& request, Headers* answer) const {
  if (any_) {
    if (!request.find("origin")) return false;
    answer->add("Access-Control-Allow-Origin", "*");
    return true;
  }
  // The answer depends on the origin, also where there is none: caches must know.
  add_vary("Origin", answer);
  const auto origin = request.find("origin");
  if (!origin || std::find(settings_.origins.begin(), settings_.origins.end(), *origin) ==
                     settings_.origins.end()) {
    return false;
  }
  answer->add("Access-Control-Allow-Origin", *origin);
  return true;
}

}  // namespace culvert
