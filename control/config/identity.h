// Who the service is: its authority, which signs relays' certificates, and its own certificate.
// Keys rest in the store, which seals them.
#pragma once

#include "control/store/store.h"
#include "relay/base/clock.h"
#include "relay/crypto/certificates.h"

#include <string>
#include <vector>

namespace culvert::control {

struct Identity {
  Authority authority;
  std::string certificate;  // PEM, for TLS servers, signed by the authority
  Secret key;
  std::vector<std::string> hosts;  // that this certificate names
};

// Authority (ten years) and certificate, and what has to be written for them to rest in a store.
// `hosts`: names and addresses under which the service is called.
struct NewIdentity {
  Identity identity;
  std::vector<Write> writes;
};
Result<NewIdentity> make_identity(const std::vector<std::string>& hosts, WallTime now);

// Renews the server's certificate where less than a third of its life is left; a service that runs
// without a restart for longer than two thirds of it (18 months) has to be restarted in time.
// Errors: kInvalidConfig where the store has no identity, or an expired authority.
Result<Identity> load_identity(Store& store, WallTime now);

}  // namespace culvert::control
