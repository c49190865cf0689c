// MBEDTLS_ECDSA_SIGN_ALT and MBEDTLS_ECDSA_VERIFY_ALT. The nonce of a signature is libcrypto's
// (BN_generate_dsa_nonce: its generator's bytes, hashed with the key and the digest); the caller's
// f_rng is not asked, and MBEDTLS_ECDSA_DETERMINISTIC has to be off.
// A key lives for one call: copying the group into it costs 1.6 us of 30, and nothing of it stays
// with the thread.
#define MBEDTLS_ALLOW_PRIVATE_ACCESS

#include "relay/channel/libcrypto/hooks.h"
#include "relay/channel/libcrypto/mpi.h"

#include <mbedtls/ecdsa.h>

#include <algorithm>

#if defined(MBEDTLS_ECDSA_DETERMINISTIC)
#error "signatures of libcrypto are never deterministic"
#endif

namespace culvert::libcrypto {
namespace {

using FieldBytes = std::array<uint8_t, kFieldBytes>;

EcKey key_on(const Curve& curve) {
  EcKey key(EC_KEY_new());
  if (key == nullptr || EC_KEY_set_group(key.get(), curve.group) != 1) return nullptr;
  return key;
}

EcKey private_key(const Curve& curve, const mbedtls_mpi& secret, int* code) {
  SecretBytes<kFieldBytes> bytes;
  *code = mbedtls_mpi_write_binary(&secret, bytes.data(), curve.bytes);
  if (*code != 0) return nullptr;
  *code = MBEDTLS_ERR_ECP_ALLOC_FAILED;
  EcKey key = key_on(curve);
  const Number number(BN_bin2bn(bytes.data(), static_cast<int>(curve.bytes), nullptr));
  if (key == nullptr || number == nullptr) return nullptr;
  // Takes a copy of fixed width, marked for constant time.
  if (EC_KEY_set_private_key(key.get(), number.get()) != 1) return nullptr;
  *code = 0;
  return key;
}

EcKey public_key(const Curve& curve,
                 const mbedtls_ecp_group& group,
                 const mbedtls_ecp_point& point,
                 int* code) {
  PointBytes bytes;
  *code = write_point(curve, group, point, &bytes);
  if (*code != 0) return nullptr;
  *code = MBEDTLS_ERR_ECP_ALLOC_FAILED;
  EcKey key = key_on(curve);
  if (key == nullptr) return nullptr;
  if (EC_KEY_oct2key(key.get(), bytes.data(), curve.point_bytes(), nullptr) != 1) return nullptr;
  *code = 0;
  return key;
}

int read_number(const BIGNUM* number, const Curve& curve, mbedtls_mpi* to) {
  FieldBytes bytes;
  if (BN_bn2binpad(number, bytes.data(), static_cast<int>(curve.bytes)) < 0) {
    return MBEDTLS_ERR_ECP_ALLOC_FAILED;
  }
  return mbedtls_mpi_read_binary(to, bytes.data(), curve.bytes);
}

Number number_of(const Curve& curve, const mbedtls_mpi& value) {
  FieldBytes bytes;
  if (mbedtls_mpi_write_binary(&value, bytes.data(), curve.bytes) != 0) return nullptr;
  return Number(BN_bin2bn(bytes.data(), static_cast<int>(curve.bytes), nullptr));
}

Signature signature_of(const Curve& curve, const mbedtls_mpi& r, const mbedtls_mpi& s) {
  Signature signature(ECDSA_SIG_new());
  Number first = number_of(curve, r);
  Number second = number_of(curve, s);
  if (signature == nullptr || first == nullptr || second == nullptr) return nullptr;
  ECDSA_SIG_set0(signature.get(), first.release(), second.release());  // cannot fail with both
  return signature;
}

// The leftmost bits of the digest, as many as the order has (FIPS 186-4, 6.4); both orders are
// whole bytes.
int digest_bytes(const Curve& curve, size_t size) {
  return static_cast<int>(std::min(size, curve.bytes));
}

int sign(const Curve& curve,
         const mbedtls_mpi& secret,
         std::span<const uint8_t> digest,
         mbedtls_mpi* r,
         mbedtls_mpi* s) {
  const QuietErrors quiet;
  int code = 0;
  const EcKey key = private_key(curve, secret, &code);
  if (key == nullptr) return code;
  const Signature signature(
      ECDSA_do_sign(digest.data(), digest_bytes(curve, digest.size()), key.get()));
  // With a good key only memory is left to fail, or the generator.
  if (signature == nullptr) return MBEDTLS_ERR_ECP_ALLOC_FAILED;
  code = read_number(ECDSA_SIG_get0_r(signature.get()), curve, r);
  return code != 0 ? code : read_number(ECDSA_SIG_get0_s(signature.get()), curve, s);
}

int verify(const Curve& curve,
           const EcKey& key,
           std::span<const uint8_t> digest,
           const mbedtls_mpi& r,
           const mbedtls_mpi& s) {
  const Signature signature = signature_of(curve, r, s);
  if (signature == nullptr) return MBEDTLS_ERR_ECP_ALLOC_FAILED;
  const int verdict = ECDSA_do_verify(digest.data(), digest_bytes(curve, digest.size()),
                                      signature.get(), key.get());
  if (verdict == 1) return 0;
  return verdict == 0 ? MBEDTLS_ERR_ECP_VERIFY_FAILED : MBEDTLS_ERR_ECP_ALLOC_FAILED;
}

}  // namespace
}  // namespace culvert::libcrypto

using namespace culvert::libcrypto;  // NOLINT(google-build-using-namespace): the hooks' own names

extern "C" int mbedtls_ecdsa_sign(mbedtls_ecp_group* grp,
                                  mbedtls_mpi* r,
                                  mbedtls_mpi* s,
                                  const mbedtls_mpi* d,
                                  const unsigned char* buf,
                                  size_t blen,
                                  int (* /*f_rng*/)(void*, unsigned char*, size_t),
                                  void* /*p_rng*/) {
  called(Hook::kEcdsaSign);
  const Curve* curve = curve_of(grp->id);
  if (curve == nullptr || grp->N.p == nullptr) return MBEDTLS_ERR_ECP_BAD_INPUT_DATA;
  if (curve->group == nullptr) return MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE;
  if (!in_range(*d, grp->N)) return MBEDTLS_ERR_ECP_INVALID_KEY;
  return sign(*curve, *d, {buf, blen}, r, s);
}

extern "C" int mbedtls_ecdsa_verify(mbedtls_ecp_group* grp,
                                    const unsigned char* buf,
                                    size_t blen,
                                    const mbedtls_ecp_point* Q,
                                    const mbedtls_mpi* r,
                                    const mbedtls_mpi* s) {
  called(Hook::kEcdsaVerify);
  const Curve* curve = curve_of(grp->id);
  if (curve == nullptr || grp->N.p == nullptr) return MBEDTLS_ERR_ECP_BAD_INPUT_DATA;
  if (curve->group == nullptr) return MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE;
  if (!in_range(*r, grp->N) || !in_range(*s, grp->N)) return MBEDTLS_ERR_ECP_VERIFY_FAILED;
  // mbedTLS's own check gives what callers know of a bad point; libcrypto's comes on top.
  int code = mbedtls_ecp_check_pubkey(grp, Q);
  if (code != 0) return code;
  const QuietErrors quiet;
  const EcKey key = public_key(*curve, *grp, *Q, &code);
  return key == nullptr ? code : verify(*curve, key, {buf, blen}, *r, *s);
}
