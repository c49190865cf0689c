// EC_POINT_mul around octet strings. Constant time in the scalar: P-256 is nistz256's windows with
// masked loads, P-384 the Montgomery ladder that libcrypto takes wherever there is one scalar. What
// remains is what libcrypto does with keys of its own: a number's leading zero words are dropped.
#include "relay/channel/libcrypto/curves.h"

#include <openssl/obj_mac.h>

namespace culvert::libcrypto {
namespace {

// Never freed: threads may still use them while the process ends.
const Curve& p256() {
  static const Curve curve{EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1), 32};
  return curve;
}
const Curve& p384() {
  static const Curve curve{EC_GROUP_new_by_curve_name(NID_secp384r1), 48};
  return curve;
}

Number scalar_of(std::span<const uint8_t> bytes) {
  Number scalar(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  if (scalar != nullptr) BN_set_flags(scalar.get(), BN_FLG_CONSTTIME);
  return scalar;
}

// Else it was memory that was missing.
bool is_no_point(unsigned long error) {
  return ERR_GET_LIB(error) == ERR_LIB_EC && (ERR_GET_REASON(error) == EC_R_POINT_IS_NOT_ON_CURVE ||
                                              ERR_GET_REASON(error) == EC_R_INVALID_ENCODING);
}

}  // namespace

const Curve* curve_of(mbedtls_ecp_group_id id) {
  const QuietErrors quiet;
  if (id == MBEDTLS_ECP_DP_SECP256R1) return &p256();
  if (id == MBEDTLS_ECP_DP_SECP384R1) return &p384();
  return nullptr;
}

// With a group and numbers that are good, nothing but memory makes libcrypto's arithmetic fail.
int public_point(const Curve& curve, std::span<const uint8_t> scalar, uint8_t* point) {
  if (curve.group == nullptr) return MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE;
  const QuietErrors quiet;
  const Number factor = scalar_of(scalar);
  const Point product(EC_POINT_new(curve.group));
  if (factor == nullptr || product == nullptr ||
      EC_POINT_mul(curve.group, product.get(), factor.get(), nullptr, nullptr, nullptr) != 1) {
    return MBEDTLS_ERR_ECP_ALLOC_FAILED;
  }
  if (EC_POINT_is_at_infinity(curve.group, product.get()) == 1) return MBEDTLS_ERR_ECP_INVALID_KEY;
  const size_t written =
      EC_POINT_point2oct(curve.group, product.get(), POINT_CONVERSION_UNCOMPRESSED, point,
                         curve.point_bytes(), nullptr);
  return written == curve.point_bytes() ? 0 : MBEDTLS_ERR_ECP_ALLOC_FAILED;
}

int shared_secret(const Curve& curve,
                  std::span<const uint8_t> scalar,
                  std::span<const uint8_t> point,
                  uint8_t* x) {
  if (curve.group == nullptr) return MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE;
  // libcrypto would also read compressed and hybrid forms, which TLS forbids (RFC 8446 4.2.8.2).
  if (point.size() != curve.point_bytes() || point[0] != POINT_CONVERSION_UNCOMPRESSED) {
    return MBEDTLS_ERR_ECP_INVALID_KEY;
  }
  const QuietErrors quiet;
  const bool clean = ERR_peek_error() == 0;  // then the first entry is the cause of the others
  const Number factor = scalar_of(scalar);
  const Point peer(EC_POINT_new(curve.group));
  const Point product(EC_POINT_new(curve.group));
  const Number coordinate(BN_new());
  if (factor == nullptr || peer == nullptr || product == nullptr || coordinate == nullptr) {
    return MBEDTLS_ERR_ECP_ALLOC_FAILED;
  }
  if (EC_POINT_oct2point(curve.group, peer.get(), point.data(), point.size(), nullptr) != 1) {
    return is_no_point(clean ? ERR_peek_error() : ERR_peek_last_error())
               ? MBEDTLS_ERR_ECP_INVALID_KEY
               : MBEDTLS_ERR_ECP_ALLOC_FAILED;
  }
  if (EC_POINT_mul(curve.group, product.get(), nullptr, peer.get(), factor.get(), nullptr) != 1) {
    return MBEDTLS_ERR_ECP_ALLOC_FAILED;
  }
  if (EC_POINT_is_at_infinity(curve.group, product.get()) == 1) {
    return MBEDTLS_ERR_ECP_BAD_INPUT_DATA;
  }
  const bool done = EC_POINT_get_affine_coordinates(curve.group, product.get(), coordinate.get(),
                                                    nullptr, nullptr) == 1 &&
                    BN_bn2binpad(coordinate.get(), x, static_cast<int>(curve.bytes)) >= 0;
  return done ? 0 : MBEDTLS_ERR_ECP_ALLOC_FAILED;
}

}  // namespace culvert::libcrypto
