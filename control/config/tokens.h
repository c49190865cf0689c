// The life of a token: made, shown once, used, revoked. Operators' tokens speak to this service and
// are checked against the store at each call, so that a revocation bites at once, on every replica;
// clients' tokens are compiled for the relays. Safe on any thread; blocking.
#pragma once

#include "control/config/live_configuration.h"
#include "culvert/v1/admin.pb.h"
#include "relay/base/clock.h"

#include <string>
#include <string_view>
#include <vector>

namespace culvert::control {

class Tokens {
 public:
  // All three outlive it.
  Tokens(Store& store, LiveConfiguration& live, const Clock& clock)
      : store_(store), live_(live), clock_(clock) {}

  // Errors: kInvalidConfig in words for the operator; kOverloaded where there are too many.
  Result<v1::CreateTokenReply> create(const v1::CreateTokenRequest& request, const std::string& by);
  // Again does nothing. Errors: kNotFound; kPrecondition for the last token of an admin.
  Result<v1::Token> revoke(const std::string& id);
  Result<std::vector<v1::Token>> list(bool with_revoked);  // by id

  // Whose token it is. Errors: kUnauthorized for what is wrong, revoked, expired or a client's,
  // without a word about which; the store's.
  Result<v1::Token> admit(std::string_view text);

 private:
  Result<bool> write(const v1::StoredToken& token, uint64_t revision);
  Result<void> check_not_last_admin(const v1::Token& token);
  void note_use(const v1::StoredToken& stored, uint64_t revision);

  Store& store_;
  LiveConfiguration& live_;
  const Clock& clock_;
};

// Whether it is neither revoked nor expired.
bool is_good(const v1::Token& token, WallTime now);

}  // namespace culvert::control
