// The order is from the cheap to the particular.
#include "relay/gate/destinations.h"

#include <algorithm>

namespace culvert {

Result<void> Destinations::check(const std::string& host, const Address& address) const {
  if (is_public(address)) return {};
  for (const Network& network : networks_) {
    if (network.contains(address)) return {};
  }
  const bool literal = Address::parse(host).has_value();
  const bool opened = !literal && std::any_of(hosts_.begin(), hosts_.end(),
                                              [&](const auto& one) { return one.matches(host); });
  if (opened) return {};
  // The address itself is not told: it would show the inside of the relay's network.
  return Error::client(Code::kForbidden, Stage::kRoute,
                       "the destination " + host + " is not allowed");
}

}  // namespace culvert
