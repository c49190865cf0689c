// One case for each hook. Answers are those of RFC 6979 A.2.5 and RFC 7748 6.1, digests of
// "sample", or what mbedTLS's own code gives for the same message in parts.
#define MBEDTLS_ALLOW_PRIVATE_ACCESS

#include "relay/channel/libcrypto/check.h"

#include "relay/channel/libcrypto/hooks.h"

#include <mbedtls/chachapoly.h>
#include <mbedtls/ecdh.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/gcm.h>
#include <mbedtls/sha256.h>
#include <mbedtls/sha512.h>
#include <psa/crypto.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

namespace culvert::libcrypto {
namespace {

template <size_t Size>
constexpr auto hex(const char (&text)[Size]) {
  std::array<uint8_t, Size / 2> bytes{};
  for (size_t at = 0; at + 1 < Size; ++at) {
    const int digit = text[at] <= '9' ? text[at] - '0' : text[at] - 'a' + 10;
    bytes[at / 2] = static_cast<uint8_t>(bytes[at / 2] * 16 + digit);
  }
  return bytes;
}

constexpr auto kSecret = hex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
constexpr auto kPublic =
    hex("0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
        "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299");
constexpr auto kR = hex("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716");
constexpr auto kS = hex("f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8");
constexpr auto kSha256 = hex("af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf");
constexpr auto kSha384 =
    hex("9a9083505bc92276aec4be312696ef7bf3bf603f4bbd381196a029f340585312"
        "313bca4a9b5b890efee42c77b1ee25fe");
constexpr auto kXSecret = hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
constexpr auto kXPublic = hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
constexpr auto kXPeer = hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
constexpr auto kXShared = hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
constexpr uint8_t kText[] = {'s', 'a', 'm', 'p', 'l', 'e'};

template <class T, void (*Init)(T*), void (*Free)(T*)>
class Scoped {
 public:
  Scoped() { Init(&value_); }
  Scoped(const Scoped&) = delete;
  Scoped& operator=(const Scoped&) = delete;
  ~Scoped() { Free(&value_); }
  T* get() { return &value_; }
  T* operator->() { return &value_; }

 private:
  T value_;
};
using Mpi = Scoped<mbedtls_mpi, mbedtls_mpi_init, mbedtls_mpi_free>;
using Group = Scoped<mbedtls_ecp_group, mbedtls_ecp_group_init, mbedtls_ecp_group_free>;
using EcpPoint = Scoped<mbedtls_ecp_point, mbedtls_ecp_point_init, mbedtls_ecp_point_free>;
using Gcm = Scoped<mbedtls_gcm_context, mbedtls_gcm_init, mbedtls_gcm_free>;
using ChachaPoly =
    Scoped<mbedtls_chachapoly_context, mbedtls_chachapoly_init, mbedtls_chachapoly_free>;

bool read(Mpi& number, std::span<const uint8_t> bytes) {
  return mbedtls_mpi_read_binary(number.get(), bytes.data(), bytes.size()) == 0;
}

bool holds(Mpi& number, std::span<const uint8_t> bytes) {
  Mpi expected;
  return read(expected, bytes) && mbedtls_mpi_cmp_mpi(number.get(), expected.get()) == 0;
}

// Gives the secret of P-256 as random bytes, which a private key is made of.
int secret_as_random(void* /*unused*/, unsigned char* out, size_t size) {
  if (size != kSecret.size()) return MBEDTLS_ERR_ECP_RANDOM_FAILED;
  std::copy(kSecret.begin(), kSecret.end(), out);
  return 0;
}

bool sha256_is_right() {
  std::array<uint8_t, 32> digest{};
  return mbedtls_sha256(kText, sizeof kText, digest.data(), 0) == 0 && digest == kSha256;
}

bool sha512_is_right() {
  std::array<uint8_t, 64> digest{};
  return mbedtls_sha512(kText, sizeof kText, digest.data(), 1) == 0 &&
         std::equal(kSha384.begin(), kSha384.end(), digest.begin());
}

bool load_p256(Group& group, EcpPoint& point) {
  return mbedtls_ecp_group_load(group.get(), MBEDTLS_ECP_DP_SECP256R1) == 0 &&
         mbedtls_ecp_point_read_binary(group.get(), point.get(), kPublic.data(), kPublic.size()) ==
             0;
}

int verify(Group& group, EcpPoint& point, Mpi& r, Mpi& s, std::span<const uint8_t> digest) {
  return mbedtls_ecdsa_verify(group.get(), digest.data(), digest.size(), point.get(), r.get(),
                              s.get());
}

bool verify_is_right() {
  Group group;
  EcpPoint point;
  Mpi r;
  Mpi s;
  auto forged = kSha256;
  forged[0] ^= 1;
  return load_p256(group, point) && read(r, kR) && read(s, kS) &&
         verify(group, point, r, s, kSha256) == 0 &&
         verify(group, point, r, s, forged) == MBEDTLS_ERR_ECP_VERIFY_FAILED;
}

bool sign_is_right() {
  Group group;
  EcpPoint point;
  Mpi secret;
  Mpi r;
  Mpi s;
  return load_p256(group, point) && read(secret, kSecret) &&
         mbedtls_ecdsa_sign(group.get(), r.get(), s.get(), secret.get(), kSha256.data(),
                            kSha256.size(), secret_as_random, nullptr) == 0 &&
         verify(group, point, r, s, kSha256) == 0;
}

bool ecdh_public_is_right() {
  Group group;
  EcpPoint point;
  EcpPoint made;
  Mpi secret;
  return load_p256(group, point) &&
         mbedtls_ecdh_gen_public(group.get(), secret.get(), made.get(), secret_as_random,
                                 nullptr) == 0 &&
         holds(secret, kSecret) && mbedtls_ecp_point_cmp(point.get(), made.get()) == 0;
}

// Once the generator is the generator: shows that libcrypto has P-384, too.
bool p384_shared_is_right() {
  Group group;
  Mpi one;
  Mpi shared;
  return mbedtls_ecp_group_load(group.get(), MBEDTLS_ECP_DP_SECP384R1) == 0 &&
         mbedtls_mpi_lset(one.get(), 1) == 0 &&
         mbedtls_ecdh_compute_shared(group.get(), shared.get(), &group->G, one.get(),
                                     secret_as_random, nullptr) == 0 &&
         mbedtls_mpi_cmp_mpi(shared.get(), &group->G.X) == 0;
}

class PsaKey {
 public:
  PsaKey(psa_ecc_family_t family, std::span<const uint8_t> secret) {
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(family));
    psa_set_key_algorithm(&attributes, PSA_ALG_ECDH);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_DERIVE);
    // Stays without an id where it fails, and nothing can be done with that.
    static_cast<void>(psa_import_key(&attributes, secret.data(), secret.size(), &id_));
  }
  PsaKey(const PsaKey&) = delete;
  PsaKey& operator=(const PsaKey&) = delete;
  ~PsaKey() { psa_destroy_key(id_); }

  bool has_public(std::span<const uint8_t> expected) const {
    return gives(expected, [this](uint8_t* to, size_t room, size_t* size) {
      return psa_export_public_key(id_, to, room, size);
    });
  }
  bool agrees(std::span<const uint8_t> peer, std::span<const uint8_t> expected) const {
    return gives(expected, [&](uint8_t* to, size_t room, size_t* size) {
      return psa_raw_key_agreement(PSA_ALG_ECDH, id_, peer.data(), peer.size(), to, room, size);
    });
  }

 private:
  template <class Operation>
  static bool gives(std::span<const uint8_t> expected, Operation operation) {
    std::array<uint8_t, 65> bytes{};
    size_t size = 0;
    return operation(bytes.data(), bytes.size(), &size) == PSA_SUCCESS &&
           std::equal(expected.begin(), expected.end(), bytes.begin(), bytes.begin() + size);
  }

  psa_key_id_t id_ = PSA_KEY_ID_NULL;
};

bool p256_share_is_right() { return PsaKey(PSA_ECC_FAMILY_SECP_R1, kSecret).has_public(kPublic); }

bool x25519_share_is_right() {
  return PsaKey(PSA_ECC_FAMILY_MONTGOMERY, kXSecret).has_public(kXPublic);
}

bool x25519_shared_is_right() {
  return PsaKey(PSA_ECC_FAMILY_MONTGOMERY, kXSecret).agrees(kXPeer, kXShared);
}

// With the generator as the peer's key the product is the own public key.
bool p256_agreement_is_right() {
  Group group;
  std::array<uint8_t, kPublic.size()> generator{};
  size_t size = 0;
  return mbedtls_ecp_group_load(group.get(), MBEDTLS_ECP_DP_SECP256R1) == 0 &&
         mbedtls_ecp_point_write_binary(group.get(), &group->G, MBEDTLS_ECP_PF_UNCOMPRESSED, &size,
                                        generator.data(), generator.size()) == 0 &&
         PsaKey(PSA_ECC_FAMILY_SECP_R1, kSecret)
             .agrees(generator, std::span(kPublic).subspan(1, 32));
}

constexpr size_t kTextBytes = 32;
constexpr size_t kTag = 16;
using Sealed = std::array<uint8_t, kTextBytes + kTag>;

// The digests' bytes serve as key, nonce and text. In parts mbedTLS's own code does it.
bool seal_gcm_in_parts(Gcm& gcm, Sealed& sealed) {
  size_t size = 0;
  return mbedtls_gcm_starts(gcm.get(), MBEDTLS_GCM_ENCRYPT, kSha384.data(), 12) == 0 &&
         mbedtls_gcm_update_ad(gcm.get(), kText, sizeof kText) == 0 &&
         mbedtls_gcm_update(gcm.get(), kSha256.data(), kTextBytes, sealed.data(), kTextBytes,
                            &size) == 0 &&
         mbedtls_gcm_finish(gcm.get(), nullptr, 0, &size, sealed.data() + kTextBytes, kTag) == 0;
}

int open_gcm(Gcm& gcm, const Sealed& sealed, uint8_t* text) {
  return mbedtls_gcm_auth_decrypt(gcm.get(), kTextBytes, kSha384.data(), 12, kText, sizeof kText,
                                  sealed.data() + kTextBytes, kTag, sealed.data(), text);
}

template <unsigned KeyBits>
bool gcm_is_right() {
  Gcm gcm;
  Sealed whole{};
  Sealed in_parts{};
  std::array<uint8_t, kTextBytes> text{};
  if (mbedtls_gcm_setkey(gcm.get(), MBEDTLS_CIPHER_ID_AES, kSecret.data(), KeyBits) != 0 ||
      mbedtls_gcm_crypt_and_tag(gcm.get(), MBEDTLS_GCM_ENCRYPT, kTextBytes, kSha384.data(), 12,
                                kText, sizeof kText, kSha256.data(), whole.data(), kTag,
                                whole.data() + kTextBytes) != 0 ||
      !seal_gcm_in_parts(gcm, in_parts) || whole != in_parts ||
      open_gcm(gcm, whole, text.data()) != 0 || text != kSha256) {
    return false;
  }
  whole[0] ^= 1;
  return open_gcm(gcm, whole, text.data()) == MBEDTLS_ERR_GCM_AUTH_FAILED;
}

bool seal_chachapoly_in_parts(ChachaPoly& cipher, Sealed& sealed) {
  return mbedtls_chachapoly_starts(cipher.get(), kSha384.data(), MBEDTLS_CHACHAPOLY_ENCRYPT) == 0 &&
         mbedtls_chachapoly_update_aad(cipher.get(), kText, sizeof kText) == 0 &&
         mbedtls_chachapoly_update(cipher.get(), kTextBytes, kSha256.data(), sealed.data()) == 0 &&
         mbedtls_chachapoly_finish(cipher.get(), sealed.data() + kTextBytes) == 0;
}

int open_chachapoly(ChachaPoly& cipher, const Sealed& sealed, uint8_t* text) {
  return mbedtls_chachapoly_auth_decrypt(cipher.get(), kTextBytes, kSha384.data(), kText,
                                         sizeof kText, sealed.data() + kTextBytes, sealed.data(),
                                         text);
}

bool chachapoly_is_right() {
  ChachaPoly cipher;
  Sealed whole{};
  Sealed in_parts{};
  std::array<uint8_t, kTextBytes> text{};
  if (mbedtls_chachapoly_setkey(cipher.get(), kSecret.data()) != 0 ||
      mbedtls_chachapoly_encrypt_and_tag(cipher.get(), kTextBytes, kSha384.data(), kText,
                                         sizeof kText, kSha256.data(), whole.data(),
                                         whole.data() + kTextBytes) != 0 ||
      !seal_chachapoly_in_parts(cipher, in_parts) || whole != in_parts ||
      open_chachapoly(cipher, whole, text.data()) != 0 || text != kSha256) {
    return false;
  }
  whole[0] ^= 1;
  return open_chachapoly(cipher, whole, text.data()) == MBEDTLS_ERR_CHACHAPOLY_AUTH_FAILED;
}

struct Case {
  const char* name;
  Hook hook;
  bool (*is_right)();
};
constexpr Case kCases[] = {
    {"SHA-256", Hook::kSha256, sha256_is_right},
    {"SHA-384", Hook::kSha512, sha512_is_right},
    {"ECDSA verification", Hook::kEcdsaVerify, verify_is_right},
    {"ECDSA signing", Hook::kEcdsaSign, sign_is_right},
    {"ECDH key generation", Hook::kEcdhPublic, ecdh_public_is_right},
    {"ECDH on P-384", Hook::kEcdhShared, p384_shared_is_right},
    {"a key share on P-256", Hook::kKeyShare, p256_share_is_right},
    {"a key share of X25519", Hook::kKeyShare, x25519_share_is_right},
    {"key agreement on P-256", Hook::kKeyAgreement, p256_agreement_is_right},
    {"key agreement by X25519", Hook::kEcdhShared, x25519_shared_is_right},
    {"AES-128-GCM", Hook::kGcm, gcm_is_right<128>},
    {"AES-192-GCM", Hook::kGcm, gcm_is_right<192>},
    {"AES-256-GCM", Hook::kGcm, gcm_is_right<256>},
    {"ChaCha20-Poly1305", Hook::kChachaPoly, chachapoly_is_right},
};

}  // namespace

std::optional<BrokenHook> broken_hook() {
  for (const Case& one : kCases) {
    hooks_called = 0;
    const bool right = one.is_right();
    const bool reached = was_called(one.hook);
    if (!right || !reached) return BrokenHook{one.name, reached};
  }
  return std::nullopt;
}

}  // namespace culvert::libcrypto
