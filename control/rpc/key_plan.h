// Which keys are to be tested by which relays, of what an operator asked. Pure.
#pragma once

#include "control/config/configuration.h"
#include "control/fleet/key_tests.h"
#include "culvert/v1/admin.pb.h"
#include "relay/base/result.h"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace culvert::control {

struct KeyPlan {
  struct Shown {
    std::string upstream;
    std::string masked;
  };
  std::vector<KeyTests::Errand> errands;                      // one for a relay
  std::map<std::pair<std::string, std::string>, Shown> keys;  // by pool and id
  v1::VerifyPlan summary;
  std::string subject;  // for the audit log
  std::string detail;   // keys masked
};

// `relays`: of the whole fleet; `able`: those that are there and know the command. Errors:
// kBadRequest for wishes that do not go together or bounds that are passed; kNotFound for what is
// not there; kPrecondition where no relay could be asked.
Result<KeyPlan> plan_key_tests(const v1::VerifyKeysRequest& request,
                               const ConfigState& state,
                               const std::vector<v1::RelayStatus>& relays,
                               const std::set<std::string>& able);

// As the operator is told. A relay that answers what was not asked of it is not listened to before.
v1::KeyTest key_test_of(const KeyPlan& plan, const KeyTests::Answer& answer);

}  // namespace culvert::control
