// A name opens what it resolves to; an address is only opened by a network.
#include "relay/gate/destinations.h"

#include <algorithm>
#include <string>

namespace culvert {

Destinations::Destinations(const Settings& settings)
    : networks_(settings.allow_networks), hosts_(settings.allow_hosts) {}

Result<void> Destinations::check(std::string_view host, const Address& address) const {
  if (is_public(address)) return {};
  if (std::any_of(networks_.begin(), networks_.end(),
                  [&](const Network& network) { return network.contains(address); })) {
    return {};
  }
  const bool bare = Address::parse(host).has_value();
  if (!bare && std::any_of(hosts_.begin(), hosts_.end(),
                           [&](const HostPattern& pattern) { return pattern.matches(host); })) {
    return {};
  }
  return Error::client(Code::kForbidden, Stage::kRoute,
                       "this destination is not allowed: its address is not a public one");
}

}  // namespace culvert
