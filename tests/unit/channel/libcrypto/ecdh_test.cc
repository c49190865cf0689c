// Key agreement outside of TLS 1.3's key shares: libcrypto against mbedTLS's own multiplication on
// each curve, and peers' keys that are none.
#define MBEDTLS_ALLOW_PRIVATE_ACCESS

#include "relay/channel/libcrypto/hooks.h"
#include "relay/channel/libcrypto/x25519.h"
#include "tests/unit/channel/libcrypto/bytes.h"

#include <gtest/gtest.h>
#include <mbedtls/ecdh.h>

#include <algorithm>

namespace culvert::libcrypto {
namespace {

using test::Bytes;
using test::EcpPoint;
using test::Group;
using test::hex;
using test::Mpi;

class Ecdh : public testing::TestWithParam<mbedtls_ecp_group_id> {
 protected:
  Ecdh() : group_(GetParam()) {}
  void generate(Mpi* secret, EcpPoint* point) {
    ASSERT_EQ(
        mbedtls_ecdh_gen_public(&group_.value, &secret->value, &point->value, fill_random, nullptr),
        0);
  }
  int share(const EcpPoint& point, const Mpi& secret, Mpi* shared) {
    return mbedtls_ecdh_compute_shared(&group_.value, &shared->value, &point.value, &secret.value,
                                       fill_random, nullptr);
  }
  Group group_;
};

TEST_P(Ecdh, IsTheSameAsMbedTls) {
  for (int round = 0; round < 8; ++round) {
    Mpi ours;
    Mpi theirs;
    EcpPoint our_point;
    EcpPoint their_point;
    hooks_called = 0;
    generate(&ours, &our_point);
    generate(&theirs, &their_point);
    EcpPoint expected;
    ASSERT_EQ(mbedtls_ecp_mul(&group_.value, &expected.value, &ours.value, &group_.value.G,
                              fill_random, nullptr),
              0);
    EXPECT_EQ(mbedtls_ecp_point_cmp(&expected.value, &our_point.value), 0);

    Mpi shared;
    Mpi shared_there;
    ASSERT_EQ(share(their_point, ours, &shared), 0);
    ASSERT_EQ(share(our_point, theirs, &shared_there), 0);
    ASSERT_EQ(mbedtls_ecp_mul(&group_.value, &expected.value, &ours.value, &their_point.value,
                              fill_random, nullptr),
              0);
    EXPECT_EQ(mbedtls_mpi_cmp_mpi(&shared.value, &expected.value.X), 0);
    EXPECT_EQ(mbedtls_mpi_cmp_mpi(&shared.value, &shared_there.value), 0);
    EXPECT_TRUE(was_called(Hook::kEcdhPublic));
    EXPECT_TRUE(was_called(Hook::kEcdhShared));
  }
}

TEST_P(Ecdh, GeneratesFromTheCallersRandomBytes) {
  const auto fails = [](void*, unsigned char*, size_t) { return MBEDTLS_ERR_ECP_RANDOM_FAILED; };
  Mpi secret;
  EcpPoint point;
  EXPECT_EQ(mbedtls_ecdh_gen_public(&group_.value, &secret.value, &point.value, fails, nullptr),
            MBEDTLS_ERR_ECP_RANDOM_FAILED);
}

TEST_P(Ecdh, RefusesSecretsOutOfRange) {
  Mpi secret;
  EcpPoint point;
  generate(&secret, &point);
  Mpi shared;
  Mpi large;
  ASSERT_EQ(mbedtls_mpi_copy(&large.value, &group_.value.P), 0);
  ASSERT_EQ(mbedtls_mpi_shift_l(&large.value, 8), 0);
  const Mpi zero(0);
  const Mpi negative(-5);
  for (const Mpi* wrong : std::initializer_list<const Mpi*>{&zero, &large, &negative}) {
    EXPECT_EQ(share(point, *wrong, &shared), MBEDTLS_ERR_ECP_INVALID_KEY);
  }
}

INSTANTIATE_TEST_SUITE_P(Curves,
                         Ecdh,
                         testing::Values(MBEDTLS_ECP_DP_SECP256R1,
                                         MBEDTLS_ECP_DP_SECP384R1,
                                         MBEDTLS_ECP_DP_CURVE25519));

TEST(EcdhPeers, MustBePointsOfTheCurve) {
  for (const auto id : {MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_SECP384R1}) {
    Group group(id);
    Mpi secret;
    Mpi shared;
    EcpPoint point;
    ASSERT_EQ(
        mbedtls_ecdh_gen_public(&group.value, &secret.value, &point.value, fill_random, nullptr),
        0);
    const auto refused = [&] {
      return mbedtls_ecdh_compute_shared(&group.value, &shared.value, &point.value, &secret.value,
                                         fill_random, nullptr) == MBEDTLS_ERR_ECP_INVALID_KEY;
    };
    ASSERT_EQ(mbedtls_mpi_add_int(&point.value.Y, &point.value.Y, 1), 0);
    EXPECT_TRUE(refused());
    ASSERT_EQ(mbedtls_mpi_sub_int(&point.value.Y, &point.value.Y, 1), 0);
    ASSERT_EQ(mbedtls_mpi_add_mpi(&point.value.Y, &point.value.Y, &group.value.P), 0);
    EXPECT_TRUE(refused());
    ASSERT_EQ(mbedtls_ecp_set_zero(&point.value), 0);
    EXPECT_TRUE(refused());
  }
}

TEST(EcdhPeers, MustNotBeOfLowOrder) {
  Group group(MBEDTLS_ECP_DP_CURVE25519);
  Mpi secret;
  Mpi shared;
  EcpPoint point;
  ASSERT_EQ(
      mbedtls_ecdh_gen_public(&group.value, &secret.value, &point.value, fill_random, nullptr), 0);
  for (const char* low : {
           "0000000000000000000000000000000000000000000000000000000000000000",
           "0100000000000000000000000000000000000000000000000000000000000000",
           "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
           "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
           "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
       }) {
    const Bytes bytes = hex(low);
    ASSERT_EQ(mbedtls_ecp_point_read_binary(&group.value, &point.value, bytes.data(), 32), 0);
    EXPECT_EQ(mbedtls_ecdh_compute_shared(&group.value, &shared.value, &point.value, &secret.value,
                                          fill_random, nullptr),
              MBEDTLS_ERR_ECP_INVALID_KEY)
        << low;
    // libcrypto by itself refuses them as well, and gives nothing.
    const Bytes scalar = hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    Bytes result(32, 0xaa);
    EXPECT_EQ(x25519_shared(scalar.data(), bytes.data(), result.data()),
              MBEDTLS_ERR_ECP_BAD_INPUT_DATA)
        << low;
    EXPECT_EQ(result, Bytes(32));
  }
}

// RFC 7748 section 5.2, with its scalar unclamped and the highest bit of its point set.
TEST(X25519, GivesThePublishedResults) {
  Bytes shared(32);
  ASSERT_EQ(
      x25519_shared(hex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4").data(),
                    hex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c").data(),
                    shared.data()),
      0);
  EXPECT_EQ(shared, hex("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"));
  ASSERT_EQ(
      x25519_shared(hex("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d").data(),
                    hex("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493").data(),
                    shared.data()),
      0);
  EXPECT_EQ(shared, hex("95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"));
}

TEST(EcdhGroups, RefusesAGroupThatWasNotLoaded) {
  mbedtls_ecp_group none;
  mbedtls_ecp_group_init(&none);
  Mpi secret;
  Mpi shared;
  EcpPoint point;
  EXPECT_EQ(mbedtls_ecdh_gen_public(&none, &secret.value, &point.value, fill_random, nullptr),
            MBEDTLS_ERR_ECP_BAD_INPUT_DATA);
  EXPECT_EQ(mbedtls_ecdh_compute_shared(&none, &shared.value, &point.value, &secret.value,
                                        fill_random, nullptr),
            MBEDTLS_ERR_ECP_BAD_INPUT_DATA);
}

}  // namespace
}  // namespace culvert::libcrypto
