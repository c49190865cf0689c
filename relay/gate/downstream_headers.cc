// A walk over the answer's fields; what is dropped is named here and nowhere else.
#include "relay/gate/downstream_headers.h"

#include "relay/base/denied_headers.h"
#include "relay/base/text.h"
#include "relay/gate/connection_fields.h"

namespace culvert {
namespace {

constexpr std::string_view kRequestId = "X-Request-Id";

// What the relay says of itself: an upstream, which may be another relay, must not say it for it.
bool is_relays_own(std::string_view name) {
  return starts_with_ignoring_case(name, "x-culvert-") ||
         equal_ignoring_case(name, "x-proxy-error") || equal_ignoring_case(name, "x-proxy-stage");
}

bool is_dropped(std::string_view name, bool generic) {
  return is_hop_by_hop(name) || equal_ignoring_case(name, "content-length") ||
         equal_ignoring_case(name, "alt-svc") || is_relays_own(name) ||
         (!generic && equal_ignoring_case(name, "set-cookie"));
}

}  // namespace

Headers downstream_headers(const Headers& upstream, bool generic, std::string_view request_id) {
  const ConnectionFields of_connection(upstream);
  Headers down;
  down.reserve(upstream.size() + 1, upstream.bytes() + kRequestId.size() + request_id.size());
  for (const Header& field : upstream) {
    if (of_connection.contains(field.name) || is_dropped(field.name, generic)) continue;
    down.add(field.name, field.value);
  }
  if (!request_id.empty() && !down.find(kRequestId)) down.add(kRequestId, request_id);
  return down;
}

}  // namespace culvert
