// The table, and a comparison that no spelling slips through. Prefixes are searched in order: most
// names of a request are on an allow-list or on none, and never come here.
#include "relay/base/denied_headers.h"

#include "relay/base/field_name.h"
#include "relay/base/text.h"

#include <algorithm>
#include <array>
#include <string>

namespace culvert {
namespace {

constexpr char folded(char c) { return c == '_' ? '-' : lower(c); }

bool starts_with(std::string_view name, std::string_view prefix) {
  return name.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), name.begin(),
                    [](char expected, char c) { return folded(c) == expected; });
}

template <size_t N>
bool is_one_of(std::string_view name, const FieldTable<N>& names) {
  if (names.contains(name)) return true;
  if (name.find('_') == std::string_view::npos) return false;
  std::string hyphens(name);
  std::replace(hyphens.begin(), hyphens.end(), '_', '-');
  return names.contains(hyphens);
}

constexpr FieldTable kHopByHop{std::to_array<std::string_view>({
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "trailers",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
})};

constexpr std::string_view kPrefixes[] = {
    "x-forwarded-",
    "cf-",
    "cdn-",
    "cloudfront-",
    "fastly-",
    "fly-",
    "x-vercel-",
    "x-nf-",
    "x-amzn-",
    "x-appengine-",
    "x-azure-",
    "x-envoy-",
    "x-original-",
    "sec-ch-",
    "sec-fetch-",
    "proxy-",
    "x-culvert-",
    // The same, as less common gateways call it.
    "x-b3-",
    "ali-cdn-",
    "x-originating-",
    "x-remote-",
    "wl-proxy-",
};

constexpr FieldTable kNames{std::to_array<std::string_view>({
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "x-request-id",
    "x-correlation-id",
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "dnt",
    "priority",
    "early-data",
    // The same, as less common gateways call it.
    "x-forwarded",
    "client-ip",
    "x-proxyuser-ip",
    "x-cloud-trace-context",
    "x-amz-cf-id",
    "from",
})};

constexpr FieldTable kNeedNaming{
    std::to_array<std::string_view>({"cookie", "origin", "referer"})};

constexpr FieldTable kWrittenByRelay{std::to_array<std::string_view>({
    "host", "content-length", "transfer-encoding", "user-agent", "accept-encoding", "expect",
})};

}  // namespace

bool is_denied_header(std::string_view name) {
  if (name.empty()) return false;
  const char first = folded(name.front());
  return is_one_of(name, kNames) || is_hop_by_hop(name) ||
         std::any_of(std::begin(kPrefixes), std::end(kPrefixes), [&](std::string_view prefix) {
           return prefix.front() == first && starts_with(name, prefix);
         });
}

bool is_hop_by_hop(std::string_view name) { return is_one_of(name, kHopByHop); }

bool needs_naming(std::string_view name) { return is_one_of(name, kNeedNaming); }

bool is_written_by_relay(std::string_view name) { return is_one_of(name, kWrittenByRelay); }

}  // namespace culvert
