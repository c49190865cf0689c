// EVP's key exchange, which is the only way to X25519 in libcrypto 3. It looks its algorithms up
// for each operation, behind read locks of the process: no contention was seen on two cores.
#include "relay/channel/libcrypto/x25519.h"

#include "relay/channel/libcrypto/openssl.h"

#include <mbedtls/ecp.h>
#include <openssl/core_names.h>
#include <openssl/params.h>

namespace culvert::libcrypto {
namespace {

constexpr std::array<uint8_t, kX25519Bytes> kBasePoint = {9};

OSSL_PARAM octets(const char* name, const uint8_t* bytes) {
  // Only read, though the interface does not say so.
  return OSSL_PARAM_construct_octet_string(name, const_cast<uint8_t*>(bytes), kX25519Bytes);
}

// A private key comes with the base point as its public half: the exchange reads the private half
// alone, and libcrypto would otherwise work the public one out, which costs more than the exchange
// itself (75 us of 140). The check at start would find a libcrypto that minds.
PublicKey key_of(const uint8_t* secret, const uint8_t* point) {
  std::array<OSSL_PARAM, 3> parts = {octets(OSSL_PKEY_PARAM_PUB_KEY, point), OSSL_PARAM_END,
                                     OSSL_PARAM_END};
  if (secret != nullptr) parts[1] = octets(OSSL_PKEY_PARAM_PRIV_KEY, secret);
  const int selection = secret != nullptr ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
  const PublicKeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "X25519", nullptr));
  EVP_PKEY* key = nullptr;
  if (context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, selection, parts.data()) != 1) {
    return nullptr;
  }
  return PublicKey(key);
}

}  // namespace

// The product with the base point: as fast as libcrypto's own way to a public key, and one path
// less to hold.
int x25519_public(const uint8_t* secret, uint8_t* point) {
  return x25519_shared(secret, kBasePoint.data(), point);
}

int x25519_shared(const uint8_t* secret, const uint8_t* peer, uint8_t* shared) {
  const QuietErrors quiet;
  const PublicKey own = key_of(secret, kBasePoint.data());
  const PublicKey theirs = key_of(nullptr, peer);
  if (own == nullptr || theirs == nullptr) return MBEDTLS_ERR_ECP_ALLOC_FAILED;
  const PublicKeyContext exchange(EVP_PKEY_CTX_new_from_pkey(nullptr, own.get(), nullptr));
  // Without the check of the peer's key: every 32 bytes are one.
  if (exchange == nullptr || EVP_PKEY_derive_init(exchange.get()) != 1 ||
      EVP_PKEY_derive_set_peer_ex(exchange.get(), theirs.get(), 0) != 1) {
    return MBEDTLS_ERR_ECP_ALLOC_FAILED;
  }
  size_t size = kX25519Bytes;
  if (EVP_PKEY_derive(exchange.get(), shared, &size) == 1 && size == kX25519Bytes) return 0;
  OPENSSL_cleanse(shared, kX25519Bytes);
  return MBEDTLS_ERR_ECP_BAD_INPUT_DATA;
}

}  // namespace culvert::libcrypto
