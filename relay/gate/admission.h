// May they, and who pays: the rules of surface.md, "Authentication of a client", as one function.
#pragma once

#include "relay/base/result.h"
#include "relay/gate/credentials.h"

namespace culvert {

enum class Payer : uint8_t {
  kNone,  // no credential goes up
  kOwn,   // the caller's own key
  kPool,  // the relay's keys
};

struct AdmissionQuestion {
  bool known = false;         // an upstream was found
  bool generic = false;       // the generic proxy
  bool token_needed = false;  // by preset_auth or the route
  bool has_pool = false;
};

// Errors: kNotFound where nothing was found (a wrong path token looks the same), kUnauthorized.
Result<Payer> admit(const AdmissionQuestion& question, const Credentials& credentials);

}  // namespace culvert
