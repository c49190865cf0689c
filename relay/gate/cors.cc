// The lists are what the vendors' SDKs send and read in browsers.
#include "relay/gate/cors.h"

#include "relay/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace culvert {
namespace {

constexpr std::string_view kMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
constexpr std::string_view kRequestHeaders =
    "Accept, Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Range, X-Api-Key, "
    "X-Culvert-Token, X-Goog-Api-Client, X-Goog-Api-Key, X-Goog-User-Project, X-Requested-With, "
    "X-Stainless-Arch, X-Stainless-Async, X-Stainless-Helper-Method, X-Stainless-Lang, "
    "X-Stainless-OS, X-Stainless-Package-Version, X-Stainless-Retry-Count, X-Stainless-Runtime, "
    "X-Stainless-Runtime-Version, X-Stainless-Timeout, anthropic-beta, "
    "anthropic-dangerous-direct-browser-access, anthropic-version, openai-beta, "
    "openai-organization, openai-project";
constexpr std::string_view kExposed =
    "Content-Length, Content-Type, Request-Id, Retry-After, Retry-After-Ms, X-Proxy-Error, "
    "X-Proxy-Stage, X-Request-Id, X-RateLimit-Limit-Requests, X-RateLimit-Limit-Tokens, "
    "X-RateLimit-Remaining-Requests, X-RateLimit-Remaining-Tokens, X-RateLimit-Reset-Requests, "
    "X-RateLimit-Reset-Tokens, X-Should-Retry, openai-organization, openai-processing-ms, "
    "openai-version";

}  // namespace

std::string Cors::allowed_origin(const Headers& request) const {
  const std::string* origin = request.find("origin");
  if (origin == nullptr || settings_.origins.empty()) return {};
  for (const std::string& allowed : settings_.origins) {
    if (allowed == "*") return "*";
    if (equal_ignoring_case(allowed, *origin)) return *origin;
  }
  return {};
}

std::optional<Headers> Cors::preflight(std::string_view method, const Headers& request) const {
  if (method != "OPTIONS" || settings_.origins.empty() ||
      request.find("access-control-request-method") == nullptr) {
    return std::nullopt;
  }
  Headers answer;
  answer.add("Vary", "Origin, Access-Control-Request-Headers");
  const std::string origin = allowed_origin(request);
  if (origin.empty()) return answer;  // without the permission the browser refuses
  answer.add("Access-Control-Allow-Origin", origin);
  answer.add("Access-Control-Allow-Methods", kMethods);
  std::string headers(kRequestHeaders);
  for (const std::string& name : settings_.headers) headers += ", " + name;
  answer.add("Access-Control-Allow-Headers", headers);
  answer.add("Access-Control-Max-Age",
             fmt::to_string(static_cast<int64_t>(seconds(settings_.max_age))));
  return answer;
}

void Cors::decorate(const Headers& request, Headers* answer) const {
  const std::string origin = allowed_origin(request);
  if (origin.empty()) return;
  answer->set("Access-Control-Allow-Origin", origin);
  answer->set("Access-Control-Expose-Headers", kExposed);
  answer->erase("Access-Control-Allow-Credentials");
  if (origin != "*") answer->add("Vary", "Origin");
}

}  // namespace culvert
