// A walk over the answer's fields; what is dropped is named here and nowhere else.
#include "relay/gate/downstream_headers.h"

#include "relay/base/denied_headers.h"
#include "relay/base/field_name.h"
#include "relay/base/text.h"
#include "relay/gate/connection_fields.h"

#include <array>
#include <string_view>

namespace culvert {
namespace {

constexpr std::string_view kRequestId = "X-Request-Id";

// The last two, and all of the prefix, are what the relay says of itself: an upstream, which may be
// another relay, must not say it for it.
constexpr FieldTable kDropped{std::to_array<std::string_view>({
    "content-length",
    "alt-svc",
    "x-proxy-error",
    "x-proxy-stage",
})};
constexpr std::string_view kRelaysOwn = "x-culvert-";

bool is_dropped(std::string_view name, bool generic) {
  return is_hop_by_hop(name) || kDropped.contains(name) ||
         starts_with_ignoring_case(name, kRelaysOwn) ||
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
