// Key shares of TLS 1.3, which reach no _ALT hook: PSA multiplies the generator by itself. Its only
// way out is the driver of P-256 (MBEDTLS_PSA_P256M_DRIVER_ENABLED): these are that driver's entry
// points, and 3rdparty/p256-m is not compiled. It is offered each type of key for a public key, so
// X25519 is served here as well. "Not supported" hands a call back to mbedTLS's own code, which
// goes through the _ALT hooks where there is one.
#include "relay/channel/libcrypto/curves.h"
#include "relay/channel/libcrypto/hooks.h"
#include "relay/channel/libcrypto/x25519.h"

#include <psa/crypto.h>

// Declares the entry points, for C; from mbedTLS's source.
extern "C" {
#include <3rdparty/p256-m/p256-m_driver_entrypoints.h>
}

namespace culvert::libcrypto {
namespace {

psa_status_t status_of(int code) {
  switch (code) {
    case 0:
      return PSA_SUCCESS;
    case MBEDTLS_ERR_ECP_INVALID_KEY:
    case MBEDTLS_ERR_ECP_BAD_INPUT_DATA:
      return PSA_ERROR_INVALID_ARGUMENT;
    case MBEDTLS_ERR_ECP_ALLOC_FAILED:
      return PSA_ERROR_INSUFFICIENT_MEMORY;
    default:
      return PSA_ERROR_GENERIC_ERROR;
  }
}

const Curve& p256() { return *curve_of(MBEDTLS_ECP_DP_SECP256R1); }

psa_status_t export_p256(std::span<const uint8_t> secret, std::span<uint8_t> to, size_t* written) {
  const Curve& curve = p256();
  if (secret.size() != curve.bytes) return PSA_ERROR_INVALID_ARGUMENT;
  if (to.size() < curve.point_bytes()) return PSA_ERROR_BUFFER_TOO_SMALL;
  const psa_status_t status = status_of(public_point(curve, secret, to.data()));
  if (status == PSA_SUCCESS) *written = curve.point_bytes();
  return status;
}

psa_status_t export_x25519(std::span<const uint8_t> secret,
                           std::span<uint8_t> to,
                           size_t* written) {
  if (secret.size() != kX25519Bytes) return PSA_ERROR_INVALID_ARGUMENT;
  if (to.size() < kX25519Bytes) return PSA_ERROR_BUFFER_TOO_SMALL;
  const psa_status_t status = status_of(x25519_public(secret.data(), to.data()));
  if (status == PSA_SUCCESS) *written = kX25519Bytes;
  return status;
}

}  // namespace
}  // namespace culvert::libcrypto

using namespace culvert::libcrypto;  // NOLINT(google-build-using-namespace): the hooks' own names

extern "C" psa_status_t p256_transparent_export_public_key(const psa_key_attributes_t* attributes,
                                                           const uint8_t* key_buffer,
                                                           size_t key_buffer_size,
                                                           uint8_t* data,
                                                           size_t data_size,
                                                           size_t* data_length) {
  const psa_key_type_t type = psa_get_key_type(attributes);
  const size_t bits = psa_get_key_bits(attributes);
  if (type == PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_MONTGOMERY) && bits == 255) {
    called(Hook::kKeyShare);
    return export_x25519({key_buffer, key_buffer_size}, {data, data_size}, data_length);
  }
  if (type != PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1) || bits != 256) {
    return PSA_ERROR_NOT_SUPPORTED;
  }
  called(Hook::kKeyShare);
  return export_p256({key_buffer, key_buffer_size}, {data, data_size}, data_length);
}

// Called for P-256 alone; the other groups' agreements come through ecdh.cc.
extern "C" psa_status_t p256_transparent_key_agreement(const psa_key_attributes_t* attributes,
                                                       const uint8_t* key_buffer,
                                                       size_t key_buffer_size,
                                                       psa_algorithm_t /*alg*/,
                                                       const uint8_t* peer_key,
                                                       size_t peer_key_length,
                                                       uint8_t* shared_secret,
                                                       size_t shared_secret_size,
                                                       size_t* shared_secret_length) {
  const Curve& curve = p256();
  if (!PSA_KEY_TYPE_IS_ECC_KEY_PAIR(psa_get_key_type(attributes)) ||
      key_buffer_size != curve.bytes) {
    return PSA_ERROR_INVALID_ARGUMENT;
  }
  if (shared_secret_size < curve.bytes) return PSA_ERROR_BUFFER_TOO_SMALL;
  called(Hook::kKeyAgreement);
  const psa_status_t status = status_of(culvert::libcrypto::shared_secret(
      curve, {key_buffer, key_buffer_size}, {peer_key, peer_key_length}, shared_secret));
  if (status == PSA_SUCCESS) {
    *shared_secret_length = curve.bytes;
  } else {
    OPENSSL_cleanse(shared_secret, shared_secret_size);
  }
  return status;
}

// A private key is a random number in range: mbedTLS's own generator and check cost little.
extern "C" psa_status_t p256_transparent_generate_key(const psa_key_attributes_t* /*attributes*/,
                                                      uint8_t* /*key_buffer*/,
                                                      size_t /*key_buffer_size*/,
                                                      size_t* /*key_buffer_length*/) {
  return PSA_ERROR_NOT_SUPPORTED;
}

extern "C" psa_status_t p256_transparent_import_key(const psa_key_attributes_t* /*attributes*/,
                                                    const uint8_t* /*data*/,
                                                    size_t /*data_length*/,
                                                    uint8_t* /*key_buffer*/,
                                                    size_t /*key_buffer_size*/,
                                                    size_t* /*key_buffer_length*/,
                                                    size_t* /*bits*/) {
  return PSA_ERROR_NOT_SUPPORTED;
}

// Signatures go on to mbedtls_ecdsa_sign and _verify, which are ecdsa.cc's.
extern "C" psa_status_t p256_transparent_sign_hash(const psa_key_attributes_t* /*attributes*/,
                                                   const uint8_t* /*key_buffer*/,
                                                   size_t /*key_buffer_size*/,
                                                   psa_algorithm_t /*alg*/,
                                                   const uint8_t* /*hash*/,
                                                   size_t /*hash_length*/,
                                                   uint8_t* /*signature*/,
                                                   size_t /*signature_size*/,
                                                   size_t* /*signature_length*/) {
  return PSA_ERROR_NOT_SUPPORTED;
}

extern "C" psa_status_t p256_transparent_verify_hash(const psa_key_attributes_t* /*attributes*/,
                                                     const uint8_t* /*key_buffer*/,
                                                     size_t /*key_buffer_size*/,
                                                     psa_algorithm_t /*alg*/,
                                                     const uint8_t* /*hash*/,
                                                     size_t /*hash_length*/,
                                                     const uint8_t* /*signature*/,
                                                     size_t /*signature_length*/) {
  return PSA_ERROR_NOT_SUPPORTED;
}
