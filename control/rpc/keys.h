// Keys of pools as operators see and steer them; adding and disabling are sugar over apply. Safe on
// any thread; blocking.
#pragma once

#include "control/config/revisions.h"
#include "control/fleet/fleet.h"

#include <string>

namespace culvert::control {

class Keys {
 public:
  Keys(Revisions& revisions, const LiveConfiguration& live, Fleet& fleet)
      : revisions_(revisions), live_(live), fleet_(fleet) {}

  // Joined with what relays say of them. Errors: kNotFound for a pool that is not there.
  Result<v1::ListKeysReply> list(const v1::ListKeysRequest& request);
  // Errors: kNotFound; the rest as findings.
  Result<v1::ApplyReply> add(const v1::AddKeyRequest& request, const std::string& by);
  // Errors: kNotFound; kPrecondition where several keys match.
  Result<v1::ApplyReply> set(const v1::SetKeyRequest& request, const std::string& by);

 private:
  Revisions& revisions_;
  const LiveConfiguration& live_;
  Fleet& fleet_;
};

}  // namespace culvert::control
