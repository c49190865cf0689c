// libcrypto's objects as owned values, and the two manners that every call of this room keeps:
// OpenSSL's error queue is left as it was found, and secrets are overwritten before they go.
// OpenSSL allocates beside mbedTLS: a bound on mbedTLS's memory would miss it. Its generator makes
// signatures' nonces; it is the thread's, and seeds itself anew after a fork. It cleans up at the
// process's exit, before which main() has joined all threads.
// EC_KEY, ECDSA_do_* and SHA256_* are deprecated since 3.0 and present in all of 3: what replaces
// them fetches an algorithm and imports a key for each operation.
#pragma once

#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace culvert::libcrypto {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Number = std::unique_ptr<BIGNUM, Freed<BN_clear_free>>;
using Point = std::unique_ptr<EC_POINT, Freed<EC_POINT_clear_free>>;
using EcKey = std::unique_ptr<EC_KEY, Freed<EC_KEY_free>>;  // clears a private key
using Signature = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG_free>>;
using PublicKey = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using PublicKeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;
// Clears its key.
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Freed<EVP_CIPHER_CTX_free>>;

// What fails within it leaves no entry behind: libssl (gRPC, libcurl) has its connections on the
// same threads, and SSL_get_error takes any entry for a failure of its own.
class QuietErrors {
 public:
  QuietErrors() { ERR_set_mark(); }
  QuietErrors(const QuietErrors&) = delete;
  QuietErrors& operator=(const QuietErrors&) = delete;
  ~QuietErrors() { ERR_pop_to_mark(); }
};

template <size_t Size>
class SecretBytes {
 public:
  SecretBytes() = default;
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes() { OPENSSL_cleanse(bytes_.data(), Size); }
  uint8_t* data() { return bytes_.data(); }
  const uint8_t* data() const { return bytes_.data(); }

 private:
  std::array<uint8_t, Size> bytes_{};
};

}  // namespace culvert::libcrypto
