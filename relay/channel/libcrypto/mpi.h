// What crosses between mbedTLS's numbers and libcrypto's crosses as octets of the curve's length,
// in buffers that overwrite themselves. Results are 0 or mbedTLS's errors.
#pragma once

#include "relay/channel/libcrypto/curves.h"

#include <mbedtls/bignum.h>
#include <mbedtls/ecp.h>

#include <array>

namespace culvert::libcrypto {

// Whether 1 <= value < the group's order.
inline bool in_range(const mbedtls_mpi& value, const mbedtls_mpi& order) {
  return mbedtls_mpi_cmp_int(&value, 1) >= 0 && mbedtls_mpi_cmp_mpi(&value, &order) < 0;
}

using PointBytes = std::array<uint8_t, kPointBytes>;

// 04 | x | y of a point that mbedtls_ecp_check_pubkey has accepted.
inline int write_point(const Curve& curve,
                       const mbedtls_ecp_group& group,
                       const mbedtls_ecp_point& point,
                       PointBytes* bytes) {
  size_t written = 0;
  return mbedtls_ecp_point_write_binary(&group, &point, MBEDTLS_ECP_PF_UNCOMPRESSED, &written,
                                        bytes->data(), curve.point_bytes());
}

}  // namespace culvert::libcrypto
