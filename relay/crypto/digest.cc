// mbedTLS's SHA-256.
#include "relay/crypto/digest.h"

#include <mbedtls/sha256.h>

namespace culvert {

Digest sha256(std::string_view bytes) {
  Digest digest{};
  // Cannot fail in this library's software implementation.
  static_cast<void>(mbedtls_sha256(reinterpret_cast<const unsigned char*>(bytes.data()),
                                   bytes.size(), digest.data(), 0));
  return digest;
}

}  // namespace culvert
