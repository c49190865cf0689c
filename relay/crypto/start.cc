// psa_crypto_init, with words for its only failure.
#include "relay/crypto/start.h"

#include <psa/crypto.h>

namespace culvert {

Result<void> start_crypto() {
  if (psa_crypto_init() == PSA_SUCCESS) return {};
  return Error::ours(Code::kInternal, Stage::kTls, "the cryptographic library did not start");
}

}  // namespace culvert
