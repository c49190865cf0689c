// MBEDTLS_ECDH_GEN_PUBLIC_ALT (TLS 1.2) and MBEDTLS_ECDH_COMPUTE_SHARED_ALT. Private keys are made
// by mbedTLS with the caller's generator, which costs little; libcrypto does the multiplication,
// but for public keys on P-384: mbedTLS has a table of its generator there, libcrypto 3.0 has none
// and takes more than twice as long (0.5 ms against 1.2).
#define MBEDTLS_ALLOW_PRIVATE_ACCESS

#include "relay/channel/libcrypto/hooks.h"
#include "relay/channel/libcrypto/mpi.h"
#include "relay/channel/libcrypto/x25519.h"

#include <mbedtls/ecdh.h>

#if defined(MBEDTLS_ECP_DP_SECP192R1_ENABLED) || defined(MBEDTLS_ECP_DP_SECP224R1_ENABLED) || \
    defined(MBEDTLS_ECP_DP_SECP521R1_ENABLED) || defined(MBEDTLS_ECP_DP_SECP192K1_ENABLED) || \
    defined(MBEDTLS_ECP_DP_SECP224K1_ENABLED) || defined(MBEDTLS_ECP_DP_SECP256K1_ENABLED) || \
    defined(MBEDTLS_ECP_DP_BP256R1_ENABLED) || defined(MBEDTLS_ECP_DP_BP384R1_ENABLED) ||     \
    defined(MBEDTLS_ECP_DP_BP512R1_ENABLED) || defined(MBEDTLS_ECP_DP_CURVE448_ENABLED)
#error "only P-256, P-384 and Curve25519 are served; any other would fail at run time"
#endif

namespace culvert::libcrypto {
namespace {

int public_of(const Curve& curve,
              const mbedtls_ecp_group& group,
              const mbedtls_mpi& secret,
              mbedtls_ecp_point* point) {
  SecretBytes<kFieldBytes> scalar;
  PointBytes bytes;
  int code = mbedtls_mpi_write_binary(&secret, scalar.data(), curve.bytes);
  if (code == 0) code = public_point(curve, {scalar.data(), curve.bytes}, bytes.data());
  return code != 0
             ? code
             : mbedtls_ecp_point_read_binary(&group, point, bytes.data(), curve.point_bytes());
}

int public_of_x25519(const mbedtls_ecp_group& group,
                     const mbedtls_mpi& secret,
                     mbedtls_ecp_point* point) {
  SecretBytes<kX25519Bytes> scalar;
  std::array<uint8_t, kX25519Bytes> bytes;
  int code = mbedtls_mpi_write_binary_le(&secret, scalar.data(), kX25519Bytes);
  if (code == 0) code = x25519_public(scalar.data(), bytes.data());
  return code != 0 ? code
                   : mbedtls_ecp_point_read_binary(&group, point, bytes.data(), bytes.size());
}

int shared_of(const Curve& curve,
              const mbedtls_ecp_group& group,
              const mbedtls_ecp_point& point,
              const mbedtls_mpi& secret,
              mbedtls_mpi* shared) {
  SecretBytes<kFieldBytes> scalar;
  SecretBytes<kFieldBytes> x;
  PointBytes bytes;
  int code = mbedtls_mpi_write_binary(&secret, scalar.data(), curve.bytes);
  if (code == 0) code = write_point(curve, group, point, &bytes);
  if (code == 0) {
    code = shared_secret(curve, {scalar.data(), curve.bytes}, {bytes.data(), curve.point_bytes()},
                         x.data());
  }
  return code != 0 ? code : mbedtls_mpi_read_binary(shared, x.data(), curve.bytes);
}

int shared_of_x25519(const mbedtls_ecp_point& point,
                     const mbedtls_mpi& secret,
                     mbedtls_mpi* shared) {
  SecretBytes<kX25519Bytes> scalar;
  SecretBytes<kX25519Bytes> result;
  std::array<uint8_t, kX25519Bytes> peer;
  int code = mbedtls_mpi_write_binary_le(&secret, scalar.data(), kX25519Bytes);
  if (code == 0) code = mbedtls_mpi_write_binary_le(&point.X, peer.data(), peer.size());
  if (code == 0) code = x25519_shared(scalar.data(), peer.data(), result.data());
  return code != 0 ? code : mbedtls_mpi_read_binary_le(shared, result.data(), kX25519Bytes);
}

}  // namespace
}  // namespace culvert::libcrypto

using namespace culvert::libcrypto;  // NOLINT(google-build-using-namespace): the hooks' own names

extern "C" int mbedtls_ecdh_gen_public(mbedtls_ecp_group* grp,
                                       mbedtls_mpi* d,
                                       mbedtls_ecp_point* Q,
                                       int (*f_rng)(void*, unsigned char*, size_t),
                                       void* p_rng) {
  called(Hook::kEcdhPublic);
  const Curve* curve = curve_of(grp->id);
  if (curve == nullptr && grp->id != MBEDTLS_ECP_DP_CURVE25519) {
    return MBEDTLS_ERR_ECP_BAD_INPUT_DATA;
  }
  const int code = mbedtls_ecp_gen_privkey(grp, d, f_rng, p_rng);
  if (code != 0) return code;
  if (grp->id == MBEDTLS_ECP_DP_SECP384R1) {
    return mbedtls_ecp_mul(grp, Q, d, &grp->G, f_rng, p_rng);
  }
  return curve != nullptr ? public_of(*curve, *grp, *d, Q) : public_of_x25519(*grp, *d, Q);
}

// The scalar's and the point's range, the curve's equation and points of low order are mbedTLS's
// own checks, as before its own multiplication.
extern "C" int mbedtls_ecdh_compute_shared(mbedtls_ecp_group* grp,
                                           mbedtls_mpi* z,
                                           const mbedtls_ecp_point* Q,
                                           const mbedtls_mpi* d,
                                           int (* /*f_rng*/)(void*, unsigned char*, size_t),
                                           void* /*p_rng*/) {
  called(Hook::kEcdhShared);
  const Curve* curve = curve_of(grp->id);
  if (curve == nullptr && grp->id != MBEDTLS_ECP_DP_CURVE25519) {
    return MBEDTLS_ERR_ECP_BAD_INPUT_DATA;
  }
  int code = mbedtls_ecp_check_privkey(grp, d);
  if (code == 0) code = mbedtls_ecp_check_pubkey(grp, Q);
  if (code != 0) return code;
  return curve != nullptr ? shared_of(*curve, *grp, *Q, *d, z) : shared_of_x25519(*Q, *d, z);
}
