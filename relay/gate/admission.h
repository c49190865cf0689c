// May this request pass, and whose key pays? One table of rules over facts that others found. Pure.
#pragma once

#include "relay/base/result.h"
#include "relay/gate/credentials.h"

namespace culvert {

enum class Payer : uint8_t {
  kNone,  // no credential of ours goes up; the generic proxy passes what the client wrote
  kOwn,   // the caller's own key
  kPool,  // the relay's keys
};

struct AdmissionQuestion {
  bool known = false;         // an upstream was found, or a host of the generic proxy
  bool generic = false;       // the generic proxy, which always needs a token
  bool token_needed = false;  // by preset_auth or the route
  bool has_pool = false;      // of that upstream
};

// Errors: kNotFound for what is not there, also for the generic proxy without a token, so that it
// cannot be told from an unknown alias; kUnauthorized; the credentials' own fault.
Result<Payer> admit(const AdmissionQuestion& question, const Credentials& credentials);

}  // namespace culvert
