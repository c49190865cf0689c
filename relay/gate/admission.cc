// The order of the tests matters: what exists is told to nobody who may not know it.
#include "relay/gate/admission.h"

namespace culvert {

Result<Payer> admit(const AdmissionQuestion& question, const Credentials& credentials) {
  if (!question.known) {
    return Error::client(Code::kNotFound, Stage::kRoute,
                         "there is no such alias or route on this relay");
  }
  if (credentials.wrong_token && !credentials.authenticated) {
    return Error::client(Code::kUnauthorized, Stage::kAuth, "the relay token is not valid");
  }
  if (question.token_needed && !credentials.authenticated) {
    return Error::client(Code::kUnauthorized, Stage::kAuth, "a relay token is needed");
  }
  if (credentials.too_many_keys) {
    return Error::client(Code::kBadRequest, Stage::kAuth, "the list of keys is too long");
  }
  if (question.generic) return Payer::kNone;  // its headers pass as they are
  if (!credentials.own_keys.empty()) return Payer::kOwn;
  if (!question.has_pool) return Payer::kNone;
  if (credentials.authenticated) return Payer::kPool;
  return Error::client(Code::kUnauthorized, Stage::kAuth,
                       "this upstream's keys are the relay's: a relay token or a key is needed");
}

}  // namespace culvert
