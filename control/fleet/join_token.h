// Join tokens: `cvj_` + 43 characters 0-9A-Za-z (256 random bits) + `.` + 64 lower-case hexadecimal
// digits, the SHA-256 of the DER form of the authority's certificate, by which the relay knows the
// service before it trusts it. The store has `fleet/join/<hexadecimal SHA-256 of the 43>`, and
// loses it to the first relay that joins.
#pragma once

#include "control/store/store.h"
#include "culvert/v1/fleet.pb.h"
#include "relay/base/clock.h"
#include "relay/base/result.h"
#include "relay/base/secret.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace culvert::control {

struct JoinToken {
  Secret secret;            // the 43 characters
  std::string fingerprint;  // of the authority

  std::string text() const;
};
JoinToken make_join_token(std::string_view fingerprint);
std::optional<JoinToken> parse_join_token(std::string_view text);

// Those that nobody used yet. Safe on any thread.
class JoinTokens {
 public:
  JoinTokens(Store& store, const Clock& clock) : store_(store), clock_(clock) {}

  // Expired ones go on the way. Errors: kRateLimited where there are too many.
  Result<void> add(const Secret& secret, const v1::StoredJoinToken& token);

  struct Found {
    std::string key;
    uint64_t revision = 0;
    v1::StoredJoinToken token;
  };
  // Errors: kForbidden where it is wrong, used or expired.
  Result<Found> find(const Secret& secret) const;

 private:
  Store& store_;
  const Clock& clock_;
};

}  // namespace culvert::control
