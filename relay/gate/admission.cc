// The table of rules, in the order in which they hold: what exists is told to nobody who may not
// know it.
#include "relay/gate/admission.h"

namespace culvert {
namespace {

Error unauthorized(std::string detail) {
  return Error::client(Code::kUnauthorized, Stage::kAuth, std::move(detail));
}

}  // namespace

Result<Payer> admit(const AdmissionQuestion& question, const Credentials& credentials) {
  if (!question.known || (question.generic && !credentials.authenticated)) {
    return Error::client(Code::kNotFound, Stage::kRoute,
                         "there is no such alias or route on this relay");
  }
  if (credentials.fault) return *credentials.fault;
  if (credentials.wrong_token) return unauthorized("the relay token is not valid");
  if (question.generic) return Payer::kNone;
  if (question.token_needed && !credentials.authenticated) {
    return unauthorized("a relay token is needed, also beside a key of one's own");
  }
  if (!credentials.own_keys.empty()) return Payer::kOwn;
  if (!question.has_pool) return Payer::kNone;
  if (credentials.authenticated) return Payer::kPool;
  return unauthorized(
      "the keys of this upstream are the relay's: a relay token or a key is needed");
}

}  // namespace culvert
