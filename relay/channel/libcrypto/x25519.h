// X25519 (RFC 7748) by libcrypto. Safe on any thread. Keys are 32 bytes, little endian; results are
// 0 or mbedTLS's MBEDTLS_ERR_ECP_*.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace culvert::libcrypto {

inline constexpr size_t kX25519Bytes = 32;

int x25519_public(const uint8_t* secret, uint8_t* point);

// Error where the result is zero, which a peer of low order brings about (RFC 7748 section 6.1).
int x25519_shared(const uint8_t* secret, const uint8_t* peer, uint8_t* shared);

}  // namespace culvert::libcrypto
