// The fleet as the rest of the service sees it: the roster of who belongs, the attendance of who is
// there, what they should run. Owned by main. Safe on any thread; blocking.
#pragma once

#include "control/fleet/attendance.h"
#include "control/fleet/fleet.h"
#include "control/fleet/join_token.h"
#include "control/fleet/roster.h"
#include "control/fleet/switchboard.h"
#include "control/fleet/targets.h"

#include <string>
#include <vector>

namespace culvert::control {

class Registry final : public Fleet {
 public:
  struct Parts {
    Roster& roster;
    JoinTokens& tokens;
    Attendance& attendance;
    Targets& targets;
    Switchboard& switchboard;
    const Clock& clock;
  };
  // `fingerprint`: of the authority's certificate, for join tokens.
  Registry(Parts parts, std::string fingerprint)
      : parts_(parts), fingerprint_(std::move(fingerprint)) {}

  Result<std::vector<v1::RelayStatus>> relays(const std::string& name) override;
  Result<v1::RelayStatus> drain(const std::string& name, bool drain) override;
  Result<void> remove(const std::string& name) override;
  Result<v1::CreateJoinTokenReply> create_join_token(const v1::CreateJoinTokenRequest& request,
                                                     const std::string& by) override;
  std::vector<std::pair<std::string, v1::KeyCondition>> key_conditions() override;

 private:
  v1::RelayStatus status(const std::string& name, const v1::StoredRelay& relay);
  ContentHash desired(const std::string& name, const Target& target) const;

  Parts parts_;
  std::string fingerprint_;
};

Place place_of(const v1::StoredRelay& relay);

}  // namespace culvert::control
