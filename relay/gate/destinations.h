// Which addresses a client's own words may lead to: the generic proxy and CONNECT (surface:
// CULVERT_GENERIC_ALLOW). Asked with the address that is connected to, after resolution, so that no
// name can lead inside. Upstreams of the configuration are the operator's own choice and never come
// here.
#pragma once

#include "relay/base/address.h"
#include "relay/base/result.h"
#include "relay/config/snapshot.h"

#include <string_view>
#include <vector>

namespace culvert {

class Destinations {
 public:
  explicit Destinations(const Settings& settings);

  // host: as it was asked for, a name or an address. Public addresses and those of an allowed
  // network may be reached; others only by a name that an allowed host pattern matches, never by
  // the bare address. Error: a client's kForbidden.
  Result<void> check(std::string_view host, const Address& address) const;

 private:
  std::vector<Network> networks_;
  std::vector<HostPattern> hosts_;
};

}  // namespace culvert
