// Which addresses a client may name through the generic proxy. Asked with the address that will be
// connected to, after resolution, so that no name leads inside.
#pragma once

#include "relay/base/address.h"
#include "relay/base/result.h"
#include "relay/config/snapshot.h"

#include <string>

namespace culvert {

class Destinations {
 public:
  explicit Destinations(const Settings& settings)
      : networks_(settings.allow_networks), hosts_(settings.allow_hosts) {}

  // Public addresses, and what CULVERT_GENERIC_ALLOW opens: a network opens its addresses, a host
  // pattern opens the names it matches with whatever they resolve to. Error: kForbidden.
  Result<void> check(const std::string& host, const Address& address) const;

 private:
  std::vector<Network> networks_;
  std::vector<HostPattern> hosts_;
};

}  // namespace culvert
