// P-256 and P-384 by libcrypto: a scalar times the generator, or times another point. Safe on any
// thread: the groups are made once and only read, all else lives on the caller's stack.
// Numbers are big endian and as long as the curve's field, points are 04 | x | y (SEC 1, 2.3.3).
// Results are 0 or mbedTLS's MBEDTLS_ERR_ECP_*.
#pragma once

#include "relay/channel/libcrypto/openssl.h"

#include <mbedtls/ecp.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace culvert::libcrypto {

inline constexpr size_t kFieldBytes = 48;  // of the largest curve
inline constexpr size_t kPointBytes = 1 + 2 * kFieldBytes;

struct Curve {
  const EC_GROUP* group;  // null: libcrypto did not make it, which the check at start tells
  size_t bytes;
  size_t point_bytes() const { return 1 + 2 * bytes; }
};

// Null: not one of these two.
const Curve* curve_of(mbedtls_ecp_group_id id);

int public_point(const Curve& curve, std::span<const uint8_t> scalar, uint8_t* point);

// The x coordinate of the product. The peer's point is held against the curve's equation.
int shared_secret(const Curve& curve,
                  std::span<const uint8_t> scalar,
                  std::span<const uint8_t> point,
                  uint8_t* x);

}  // namespace culvert::libcrypto
