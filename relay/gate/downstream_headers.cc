// Everything but what belongs to the connection or to the relay.
#include "relay/gate/downstream_headers.h"

#include "relay/base/denied_headers.h"
#include "relay/base/text.h"

#include <algorithm>
#include <string>
#include <vector>

namespace culvert {
namespace {

// An upstream must not speak for the relay: only the relay says which errors are its own.
bool relays_own(std::string_view name) {
  return starts_with_ignoring_case(name, "x-culvert-") ||
         equal_ignoring_case(name, "x-proxy-error") || equal_ignoring_case(name, "x-proxy-stage");
}

}  // namespace

Headers downstream_headers(const Headers& upstream, bool generic, std::string_view request_id) {
  std::vector<std::string> nominated;
  for (const std::string_view name : split_list(upstream.joined("connection"))) {
    nominated.push_back(lower(name));
  }
  Headers down;
  for (const Header& field : upstream) {
    const std::string name = lower(field.name);
    if (is_hop_by_hop(name) || name == "content-length" || relays_own(name)) continue;
    if (std::find(nominated.begin(), nominated.end(), name) != nominated.end()) continue;
    if (name == "set-cookie" && !generic) continue;
    down.add(field.name, field.value);
  }
  if (down.find("x-request-id") == nullptr) down.add("X-Request-Id", request_id);
  return down;
}

}  // namespace culvert
