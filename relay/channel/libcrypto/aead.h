// Whole messages under AES-GCM and ChaCha20-Poly1305, as TLS records are: one call each on an EVP
// context that was keyed once. A context belongs to one thread at a time.
#pragma once

#include "relay/channel/libcrypto/openssl.h"

#include <cstddef>
#include <cstdint>

namespace culvert::libcrypto {

inline constexpr size_t kNonceBytes = 12;
inline constexpr size_t kTagBytes = 16;

// Fetched once per process; null where libcrypto, as it is configured (OPENSSL_CONF, providers),
// does not have it. The check at start tells before any record does.
const EVP_CIPHER* aes_gcm(unsigned key_bits);
const EVP_CIPHER* chacha_poly();

// Null: out of memory. The key's length is the cipher's.
CipherContext keyed(const EVP_CIPHER* cipher, const uint8_t* key);

struct Message {
  const uint8_t* nonce;  // kNonceBytes
  const uint8_t* bound;  // what is authenticated and not encrypted
  size_t bound_size;
  const uint8_t* input;
  uint8_t* output;
  size_t size;  // of both
};

// EVP counts in int, and takes the same buffer twice or two that do not touch.
bool fits(const Message& message);

// False: libcrypto failed, and the output is of no use.
bool seal(EVP_CIPHER_CTX* context, const Message& message, uint8_t* tag, size_t tag_size);
// False: the message is not authentic; the output is overwritten.
bool open(EVP_CIPHER_CTX* context, const Message& message, const uint8_t* tag, size_t tag_size);

}  // namespace culvert::libcrypto
