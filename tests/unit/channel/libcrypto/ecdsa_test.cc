// ECDSA: published signatures, signatures of libcrypto judged by mbedTLS's own arithmetic, and
// everything that must not verify or sign.
#define MBEDTLS_ALLOW_PRIVATE_ACCESS

#include "relay/channel/libcrypto/hooks.h"
#include "tests/unit/channel/libcrypto/bytes.h"

#include <gtest/gtest.h>
#include <mbedtls/ecdsa.h>

namespace culvert::libcrypto {
namespace {

using test::Bytes;
using test::EcpPoint;
using test::Group;
using test::hex;
using test::Mpi;

// RFC 6979 A.2.5 and A.2.6, "sample"
struct Vector {
  mbedtls_ecp_group_id group;
  size_t bytes;
  const char* secret;
  const char* point;
  const char* digest;
  const char* r;
  const char* s;
};
const Vector kVectors[] = {
    {MBEDTLS_ECP_DP_SECP256R1, 32,
     "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
     "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
     "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
     "af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf",
     "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
     "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
    {MBEDTLS_ECP_DP_SECP384R1, 48,
     "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d8"
     "96d5724e4c70a825f872c9ea60d2edf5",
     "04ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64"
     "def8f0ea9055866064a254515480bc138015d9b72d7d57244ea8ef9ac0c62189"
     "6708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720",
     "9a9083505bc92276aec4be312696ef7bf3bf603f4bbd381196a029f340585312"
     "313bca4a9b5b890efee42c77b1ee25fe",
     "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c"
     "81a648152e44acf96e36dd1e80fabe46",
     "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94f"
     "a329c145786e679e7b82c71a38628ac8"},
};

class Ecdsa : public testing::TestWithParam<Vector> {
 protected:
  Ecdsa() : group_(GetParam().group), digest_(hex(GetParam().digest)) {
    const Bytes point = hex(GetParam().point);
    EXPECT_EQ(
        mbedtls_ecp_point_read_binary(&group_.value, &point_.value, point.data(), point.size()), 0);
  }
  int verify(const Bytes& digest, const Mpi& r, const Mpi& s) {
    return mbedtls_ecdsa_verify(&group_.value, digest.data(), digest.size(), &point_.value,
                                &r.value, &s.value);
  }
  int sign(const Mpi& secret, const Bytes& digest, Mpi* r, Mpi* s) {
    return mbedtls_ecdsa_sign(&group_.value, &r->value, &s->value, &secret.value, digest.data(),
                              digest.size(), fill_random, nullptr);
  }
  // SEC 1, 4.1.4, by mbedTLS's own multiplication.
  bool verifies_natively(const Mpi& r, const Mpi& s) {
    const mbedtls_mpi* order = &group_.value.N;
    Mpi e(digest_);
    Mpi inverse;
    Mpi u1;
    Mpi u2;
    EcpPoint sum;
    EXPECT_EQ(mbedtls_mpi_inv_mod(&inverse.value, &s.value, order), 0);
    EXPECT_EQ(mbedtls_mpi_mul_mpi(&u1.value, &e.value, &inverse.value), 0);
    EXPECT_EQ(mbedtls_mpi_mod_mpi(&u1.value, &u1.value, order), 0);
    EXPECT_EQ(mbedtls_mpi_mul_mpi(&u2.value, &r.value, &inverse.value), 0);
    EXPECT_EQ(mbedtls_mpi_mod_mpi(&u2.value, &u2.value, order), 0);
    EXPECT_EQ(mbedtls_ecp_muladd(&group_.value, &sum.value, &u1.value, &group_.value.G, &u2.value,
                                 &point_.value),
              0);
    EXPECT_EQ(mbedtls_mpi_mod_mpi(&sum.value.X, &sum.value.X, order), 0);
    return mbedtls_mpi_cmp_mpi(&sum.value.X, &r.value) == 0;
  }

  Group group_;
  EcpPoint point_;
  Bytes digest_;
};

TEST_P(Ecdsa, AcceptsThePublishedSignature) {
  hooks_called = 0;
  EXPECT_EQ(verify(digest_, Mpi(hex(GetParam().r)), Mpi(hex(GetParam().s))), 0);
  EXPECT_TRUE(was_called(Hook::kEcdsaVerify));
}

TEST_P(Ecdsa, SignsWhatMbedTlsAccepts) {
  const Mpi secret(hex(GetParam().secret));
  Bytes before;
  for (int round = 0; round < 8; ++round) {
    Mpi r;
    Mpi s;
    ASSERT_EQ(sign(secret, digest_, &r, &s), 0);
    EXPECT_TRUE(verifies_natively(r, s));
    EXPECT_EQ(verify(digest_, r, s), 0);
    const Bytes now = r.bytes(GetParam().bytes);
    EXPECT_NE(now, before);  // a nonce of its own each time
    before = now;
  }
}

TEST_P(Ecdsa, ReadsTheLeftmostBitsOfLongerDigestsAndShorterOnesWhole) {
  const Mpi secret(hex(GetParam().secret));
  Mpi r;
  Mpi s;
  Bytes longer = digest_;
  longer.insert(longer.end(), 16, 0xff);
  ASSERT_EQ(sign(secret, longer, &r, &s), 0);
  EXPECT_EQ(verify(digest_, r, s), 0);
  for (const size_t size : {20, 1, 0}) {
    const Bytes shorter(digest_.begin(), digest_.begin() + static_cast<long>(size));
    ASSERT_EQ(sign(secret, shorter, &r, &s), 0);
    EXPECT_EQ(verify(shorter, r, s), 0);
    EXPECT_EQ(verify(digest_, r, s), MBEDTLS_ERR_ECP_VERIFY_FAILED);
  }
}

TEST_P(Ecdsa, RefusesAnyOtherSignature) {
  const Bytes r = hex(GetParam().r);
  const Bytes s = hex(GetParam().s);
  for (size_t at = 0; at < r.size(); at += 5) {
    Bytes changed = r;
    changed[at] ^= 1;
    EXPECT_EQ(verify(digest_, Mpi(changed), Mpi(s)), MBEDTLS_ERR_ECP_VERIFY_FAILED);
    changed = s;
    changed[at] ^= 1;
    EXPECT_EQ(verify(digest_, Mpi(r), Mpi(changed)), MBEDTLS_ERR_ECP_VERIFY_FAILED);
    changed = digest_;
    changed[at] ^= 1;
    EXPECT_EQ(verify(changed, Mpi(r), Mpi(s)), MBEDTLS_ERR_ECP_VERIFY_FAILED);
  }
  EXPECT_EQ(verify(digest_, Mpi(s), Mpi(r)), MBEDTLS_ERR_ECP_VERIFY_FAILED);
}

TEST_P(Ecdsa, RefusesNumbersOutOfRange) {
  const Mpi r(hex(GetParam().r));
  const Mpi s(hex(GetParam().s));
  Mpi order;
  ASSERT_EQ(mbedtls_mpi_copy(&order.value, &group_.value.N), 0);
  Mpi above;
  ASSERT_EQ(mbedtls_mpi_add_mpi(&above.value, &r.value, &order.value), 0);
  Mpi huge(1);
  ASSERT_EQ(mbedtls_mpi_shift_l(&huge.value, 4000), 0);
  Mpi negative;
  ASSERT_EQ(mbedtls_mpi_sub_mpi(&negative.value, &r.value, &order.value), 0);
  const Mpi zero(0);
  for (const Mpi* wrong :
       std::initializer_list<const Mpi*>{&zero, &order, &above, &huge, &negative}) {
    EXPECT_EQ(verify(digest_, *wrong, s), MBEDTLS_ERR_ECP_VERIFY_FAILED);
    EXPECT_EQ(verify(digest_, r, *wrong), MBEDTLS_ERR_ECP_VERIFY_FAILED);
    Mpi made_r;
    Mpi made_s;
    EXPECT_EQ(sign(*wrong, digest_, &made_r, &made_s), MBEDTLS_ERR_ECP_INVALID_KEY);
  }
}

TEST_P(Ecdsa, RefusesPointsThatAreNoKeys) {
  const Mpi r(hex(GetParam().r));
  const Mpi s(hex(GetParam().s));
  ASSERT_EQ(mbedtls_mpi_add_int(&point_.value.Y, &point_.value.Y, 1), 0);  // off the curve
  EXPECT_EQ(verify(digest_, r, s), MBEDTLS_ERR_ECP_INVALID_KEY);
  ASSERT_EQ(mbedtls_mpi_add_mpi(&point_.value.X, &point_.value.X, &group_.value.P), 0);
  EXPECT_EQ(verify(digest_, r, s), MBEDTLS_ERR_ECP_INVALID_KEY);
  ASSERT_EQ(mbedtls_ecp_set_zero(&point_.value), 0);  // infinity
  EXPECT_EQ(verify(digest_, r, s), MBEDTLS_ERR_ECP_INVALID_KEY);
}

INSTANTIATE_TEST_SUITE_P(Curves, Ecdsa, testing::ValuesIn(kVectors), [](const auto& one) {
  return "P" + std::to_string(8 * one.param.bytes);
});

TEST(EcdsaGroups, RefusesCurvesThatHaveNoSignatures) {
  const Bytes digest(32, 1);
  const Mpi one(1);
  Mpi r;
  Mpi s;
  Group montgomery(MBEDTLS_ECP_DP_CURVE25519);
  mbedtls_ecp_group none;
  mbedtls_ecp_group_init(&none);
  for (mbedtls_ecp_group* group : {&montgomery.value, &none}) {
    EXPECT_EQ(mbedtls_ecdsa_sign(group, &r.value, &s.value, &one.value, digest.data(), 32,
                                 fill_random, nullptr),
              MBEDTLS_ERR_ECP_BAD_INPUT_DATA);
    EXPECT_EQ(mbedtls_ecdsa_verify(group, digest.data(), 32, &group->G, &one.value, &one.value),
              MBEDTLS_ERR_ECP_BAD_INPUT_DATA);
  }
}

}  // namespace
}  // namespace culvert::libcrypto
