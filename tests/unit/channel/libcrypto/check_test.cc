// The check at start, and the two manners of the whole room: OpenSSL's error queue stays as it was,
// and an allocation that fails is told as such and costs nothing but that call. Each operation runs
// with its first allocation failing, then its second, until it passes untouched.
#define MBEDTLS_ALLOW_PRIVATE_ACCESS

#include "relay/channel/libcrypto/check.h"

#include "relay/channel/libcrypto/hooks.h"
#include "tests/unit/channel/libcrypto/allocations.h"
#include "tests/unit/channel/libcrypto/bytes.h"

#include <gtest/gtest.h>
#include <mbedtls/chachapoly.h>
#include <mbedtls/ecdh.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/gcm.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <psa/crypto.h>

#include <functional>

namespace culvert::libcrypto {
namespace {

using test::Bytes;
using test::EcpPoint;
using test::Group;
using test::Mpi;

TEST(Check, FindsEachHookLive) {
  const auto broken = broken_hook();
  EXPECT_FALSE(broken.has_value()) << broken->name;
}

// One operation with all that it needs beside OpenSSL's memory. Returns mbedTLS's or PSA's code.
struct Operation {
  const char* name;
  std::function<int()> run;
  int out_of_memory;
};

class Operations {
 public:
  Operations() {
    mbedtls_ecdh_gen_public(&p256_.value, &secret_.value, &point_.value, fill_random, nullptr);
    mbedtls_ecdh_gen_public(&p384_.value, &secret384_.value, &point384_.value, fill_random,
                            nullptr);
    mbedtls_ecdh_gen_public(&x25519_.value, &x_secret_.value, &x_point_.value, fill_random,
                            nullptr);
    mbedtls_ecdsa_sign(&p256_.value, &r_.value, &s_.value, &secret_.value, digest_.data(), 32,
                       fill_random, nullptr);
    p256_key_ = key(PSA_ECC_FAMILY_SECP_R1, 256);
    x25519_key_ = key(PSA_ECC_FAMILY_MONTGOMERY, 255);
    size_t size = 0;
    mbedtls_ecp_point_write_binary(&p256_.value, &point_.value, MBEDTLS_ECP_PF_UNCOMPRESSED, &size,
                                   peer_.data(), peer_.size());
    mbedtls_gcm_init(&gcm_);
    mbedtls_chachapoly_init(&chacha_);
  }
  Operations(const Operations&) = delete;
  Operations& operator=(const Operations&) = delete;
  ~Operations() {
    mbedtls_gcm_free(&gcm_);
    mbedtls_chachapoly_free(&chacha_);
    psa_destroy_key(p256_key_);
    psa_destroy_key(x25519_key_);
  }

  std::vector<Operation> all() {
    return {
        {"sign", [this] { return sign(); }, MBEDTLS_ERR_ECP_ALLOC_FAILED},
        {"verify", [this] { return verify(digest_); }, MBEDTLS_ERR_ECP_ALLOC_FAILED},
        {"generate P-256", [this] { return generate(p256_); }, MBEDTLS_ERR_ECP_ALLOC_FAILED},
        {"generate X25519", [this] { return generate(x25519_); }, MBEDTLS_ERR_ECP_ALLOC_FAILED},
        {"share P-256", [this] { return share(p256_, point_, secret_); },
         MBEDTLS_ERR_ECP_ALLOC_FAILED},
        {"share P-384", [this] { return share(p384_, point384_, secret384_); },
         MBEDTLS_ERR_ECP_ALLOC_FAILED},
        {"share X25519", [this] { return share(x25519_, x_point_, x_secret_); },
         MBEDTLS_ERR_ECP_ALLOC_FAILED},
        {"export P-256", [this] { return exported(p256_key_); }, PSA_ERROR_INSUFFICIENT_MEMORY},
        {"export X25519", [this] { return exported(x25519_key_); }, PSA_ERROR_INSUFFICIENT_MEMORY},
        {"agree P-256", [this] { return agree(peer_); }, PSA_ERROR_INSUFFICIENT_MEMORY},
        {"key GCM", [this] { return key_gcm(); }, MBEDTLS_ERR_CIPHER_ALLOC_FAILED},
        {"key ChaCha20", [this] { return mbedtls_chachapoly_setkey(&chacha_, digest_.data()); },
         MBEDTLS_ERR_CIPHER_ALLOC_FAILED},
    };
  }

  int verify(const Bytes& digest) {
    return mbedtls_ecdsa_verify(&p256_.value, digest.data(), 32, &point_.value, &r_.value,
                                &s_.value);
  }
  int agree(const Bytes& peer) {
    Bytes shared(32);
    size_t size = 0;
    return psa_raw_key_agreement(PSA_ALG_ECDH, p256_key_, peer.data(), peer.size(), shared.data(),
                                 shared.size(), &size);
  }
  int key_gcm() { return mbedtls_gcm_setkey(&gcm_, MBEDTLS_CIPHER_ID_AES, digest_.data(), 128); }
  int open_garbage() {
    Bytes text(32);
    return mbedtls_gcm_auth_decrypt(&gcm_, 32, digest_.data(), 12, nullptr, 0, digest_.data(), 16,
                                    digest_.data(), text.data());
  }

 private:
  static psa_key_id_t key(psa_ecc_family_t family, size_t bits) {
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(family));
    psa_set_key_bits(&attributes, bits);
    psa_set_key_algorithm(&attributes, PSA_ALG_ECDH);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_DERIVE);
    psa_key_id_t id = PSA_KEY_ID_NULL;
    EXPECT_EQ(psa_generate_key(&attributes, &id), PSA_SUCCESS);
    return id;
  }
  int sign() {
    Mpi r;
    Mpi s;
    return mbedtls_ecdsa_sign(&p256_.value, &r.value, &s.value, &secret_.value, digest_.data(), 32,
                              fill_random, nullptr);
  }
  static int generate(Group& group) {
    Mpi secret;
    EcpPoint point;
    return mbedtls_ecdh_gen_public(&group.value, &secret.value, &point.value, fill_random, nullptr);
  }
  static int share(Group& group, const EcpPoint& point, const Mpi& secret) {
    Mpi shared;
    return mbedtls_ecdh_compute_shared(&group.value, &shared.value, &point.value, &secret.value,
                                       fill_random, nullptr);
  }
  static int exported(psa_key_id_t id) {
    Bytes point(65);
    size_t size = 0;
    return psa_export_public_key(id, point.data(), point.size(), &size);
  }

  Group p256_{MBEDTLS_ECP_DP_SECP256R1};
  Group p384_{MBEDTLS_ECP_DP_SECP384R1};
  Group x25519_{MBEDTLS_ECP_DP_CURVE25519};
  Mpi secret_, secret384_, x_secret_, r_, s_;
  EcpPoint point_, point384_, x_point_;
  Bytes digest_ = Bytes(32, 0x5a);
  Bytes peer_ = Bytes(65);
  psa_key_id_t p256_key_ = PSA_KEY_ID_NULL;
  psa_key_id_t x25519_key_ = PSA_KEY_ID_NULL;
  mbedtls_gcm_context gcm_;
  mbedtls_chachapoly_context chacha_;
};

std::vector<unsigned long> errors_of_the_thread() {
  std::vector<unsigned long> all;
  while (const unsigned long error = ERR_get_error()) all.push_back(error);
  return all;
}

TEST(Memory, ThatIsMissingIsToldAsSuch) {
  Operations operations;
  for (const Operation& operation : operations.all()) {
    ASSERT_EQ(operation.run(), 0) << operation.name;
    // Contexts that stay keyed hold what they held before.
    const int64_t before = test::live_allocations();
    bool failed = true;
    int64_t at = 0;
    while (failed) {
      test::fail_allocations_from(++at);
      const int code = operation.run();
      failed = test::allocation_failed();
      test::fail_allocations_from(0);
      if (failed) {
        EXPECT_EQ(code, operation.out_of_memory) << operation.name << ", allocation " << at;
        EXPECT_LE(test::live_allocations(), before) << operation.name << ", allocation " << at;
      }
      ASSERT_LT(at, 1000) << operation.name;
    }
    EXPECT_GT(at, 1) << operation.name << " allocates nothing";
    EXPECT_EQ(operation.run(), 0) << operation.name;
    EXPECT_EQ(test::live_allocations(), before) << operation.name;
    EXPECT_TRUE(errors_of_the_thread().empty()) << operation.name;
  }
}

TEST(Memory, IsNotAskedForByRecords) {
  Operations operations;
  ASSERT_EQ(operations.key_gcm(), 0);
  test::fail_allocations_from(1);
  const int code = operations.open_garbage();
  const bool asked = test::allocation_failed();
  test::fail_allocations_from(0);
  EXPECT_EQ(code, MBEDTLS_ERR_GCM_AUTH_FAILED);
  EXPECT_FALSE(asked);
}

TEST(Memory, DoesNotGrow) {
  Operations operations;
  const auto round = [&] {
    for (const Operation& operation : operations.all()) ASSERT_EQ(operation.run(), 0);
    ASSERT_FALSE(broken_hook().has_value());
  };
  round();
  const int64_t before = test::live_allocations();
  for (int count = 0; count < 20; ++count) round();
  EXPECT_EQ(test::live_allocations(), before);
}

TEST(Errors, OfOthersOnTheSameThreadStayAsTheyAre) {
  Operations operations;
  ASSERT_EQ(operations.key_gcm(), 0);
  const auto fail_and_succeed = [&] {
    EXPECT_EQ(operations.open_garbage(), MBEDTLS_ERR_GCM_AUTH_FAILED);
    EXPECT_EQ(operations.verify(Bytes(32, 1)), MBEDTLS_ERR_ECP_VERIFY_FAILED);
    EXPECT_EQ(operations.agree(Bytes(65, 4)), PSA_ERROR_INVALID_ARGUMENT);
    for (const Operation& operation : operations.all()) {
      test::fail_allocations_from(2);
      EXPECT_NE(operation.run(), 0);
      test::fail_allocations_from(0);
      EXPECT_EQ(operation.run(), 0);
    }
  };
  errors_of_the_thread();
  fail_and_succeed();
  EXPECT_TRUE(errors_of_the_thread().empty());

  ERR_raise(ERR_LIB_USER, 11);
  ERR_raise(ERR_LIB_USER, 22);
  ERR_set_mark();  // of somebody who will pop to it
  ERR_raise(ERR_LIB_USER, 33);
  fail_and_succeed();
  EXPECT_EQ(ERR_GET_REASON(ERR_peek_last_error()), 33);
  EXPECT_EQ(ERR_pop_to_mark(), 1);
  const auto left = errors_of_the_thread();
  ASSERT_EQ(left.size(), 2u);
  EXPECT_EQ(ERR_GET_REASON(left[0]), 11);
  EXPECT_EQ(ERR_GET_REASON(left[1]), 22);
}

}  // namespace
}  // namespace culvert::libcrypto
