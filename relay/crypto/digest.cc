// mbedTLS's digests.
#include "relay/crypto/digest.h"

#include <mbedtls/sha1.h>
#include <mbedtls/sha256.h>

namespace culvert {

Digest sha256(std::string_view bytes) {
  Digest digest{};
  // Cannot fail in this library's software implementation.
  static_cast<void>(mbedtls_sha256(reinterpret_cast<const unsigned char*>(bytes.data()),
                                   bytes.size(), digest.data(), 0));
  return digest;
}

Sha1Digest sha1(std::string_view bytes) {
  Sha1Digest digest{};
  // Cannot fail either.
  static_cast<void>(mbedtls_sha1(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                                 digest.data()));
  return digest;
}

}  // namespace culvert
