// Key shares and their agreement as TLS 1.3 asks PSA for them: published results, what PSA
// generates, and peers' keys that are none.
#include "relay/channel/libcrypto/hooks.h"
#include "tests/unit/channel/libcrypto/bytes.h"

#include <gtest/gtest.h>
#include <psa/crypto.h>

namespace culvert::libcrypto {
namespace {

using test::Bytes;
using test::hex;

struct Kind {
  const char* name;
  psa_ecc_family_t family;
  size_t bits;
  size_t point_bytes;
};
constexpr Kind kP256{"P256", PSA_ECC_FAMILY_SECP_R1, 256, 65};
constexpr Kind kP384{"P384", PSA_ECC_FAMILY_SECP_R1, 384, 97};
constexpr Kind kX25519{"X25519", PSA_ECC_FAMILY_MONTGOMERY, 255, 32};

class Key {
 public:
  explicit Key(const Kind& kind) {
    psa_key_attributes_t attributes = attributes_of(kind);
    psa_set_key_bits(&attributes, kind.bits);
    EXPECT_EQ(psa_generate_key(&attributes, &id_), PSA_SUCCESS);
  }
  Key(const Kind& kind, const Bytes& secret) {
    const psa_key_attributes_t attributes = attributes_of(kind);
    EXPECT_EQ(psa_import_key(&attributes, secret.data(), secret.size(), &id_), PSA_SUCCESS);
  }
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;
  ~Key() { psa_destroy_key(id_); }

  psa_status_t share(Bytes* point, size_t room) const {
    point->resize(room);
    size_t size = 0;
    const psa_status_t status = psa_export_public_key(id_, point->data(), room, &size);
    point->resize(size);
    return status;
  }
  psa_status_t agree(const Bytes& peer, Bytes* secret, size_t room = 48) const {
    secret->assign(room, 0);
    size_t size = 0;
    const psa_status_t status = psa_raw_key_agreement(PSA_ALG_ECDH, id_, peer.data(), peer.size(),
                                                      secret->data(), room, &size);
    secret->resize(size);
    return status;
  }

 private:
  static psa_key_attributes_t attributes_of(const Kind& kind) {
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(kind.family));
    psa_set_key_algorithm(&attributes, PSA_ALG_ECDH);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_DERIVE);
    return attributes;
  }
  psa_key_id_t id_ = PSA_KEY_ID_NULL;
};

class KeyShare : public testing::TestWithParam<Kind> {};

TEST_P(KeyShare, BothSidesAgree) {
  for (int round = 0; round < 8; ++round) {
    const Key ours(GetParam());
    const Key theirs(GetParam());
    Bytes our_share;
    Bytes their_share;
    Bytes here;
    Bytes there;
    ASSERT_EQ(ours.share(&our_share, GetParam().point_bytes), PSA_SUCCESS);
    ASSERT_EQ(theirs.share(&their_share, 200), PSA_SUCCESS);
    ASSERT_EQ(our_share.size(), GetParam().point_bytes);
    ASSERT_NE(our_share, their_share);
    ASSERT_EQ(ours.agree(their_share, &here), PSA_SUCCESS);
    ASSERT_EQ(theirs.agree(our_share, &there), PSA_SUCCESS);
    EXPECT_EQ(here, there);
    EXPECT_EQ(here.size(), (GetParam().bits + 7) / 8);
  }
}

TEST_P(KeyShare, WantsRoomForItsResult) {
  const Key key(GetParam());
  Bytes point;
  Bytes secret;
  EXPECT_EQ(key.share(&point, GetParam().point_bytes - 1), PSA_ERROR_BUFFER_TOO_SMALL);
  ASSERT_EQ(key.share(&point, GetParam().point_bytes), PSA_SUCCESS);
  EXPECT_EQ(key.agree(point, &secret, (GetParam().bits + 7) / 8 - 1), PSA_ERROR_BUFFER_TOO_SMALL);
}

TEST_P(KeyShare, RefusesBytesThatAreNoPoint) {
  const Key key(GetParam());
  Bytes point;
  Bytes secret;
  ASSERT_EQ(key.share(&point, GetParam().point_bytes), PSA_SUCCESS);
  EXPECT_EQ(key.agree({}, &secret), PSA_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(key.agree({0}, &secret), PSA_ERROR_INVALID_ARGUMENT);
  Bytes shorter(point.begin(), point.end() - 1);
  EXPECT_EQ(key.agree(shorter, &secret), PSA_ERROR_INVALID_ARGUMENT);
  Bytes longer = point;
  longer.push_back(0);
  EXPECT_EQ(key.agree(longer, &secret), PSA_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(key.agree(Bytes(point.size()), &secret), PSA_ERROR_INVALID_ARGUMENT);
  if (point.size() == 32) return;  // the others are about x and y
  Bytes off = point;
  off.back() ^= 1;
  EXPECT_EQ(key.agree(off, &secret), PSA_ERROR_INVALID_ARGUMENT);
  Bytes out_of_range(point.size(), 0xff);
  out_of_range[0] = 4;
  EXPECT_EQ(key.agree(out_of_range, &secret), PSA_ERROR_INVALID_ARGUMENT);
  Bytes hybrid = point;
  hybrid[0] = static_cast<uint8_t>(6 + (point.back() & 1));
  EXPECT_EQ(key.agree(hybrid, &secret), PSA_ERROR_INVALID_ARGUMENT);
  Bytes compressed(point.begin(), point.begin() + static_cast<long>(point.size() / 2) + 1);
  compressed[0] = static_cast<uint8_t>(2 + (point.back() & 1));
  EXPECT_EQ(key.agree(compressed, &secret), PSA_ERROR_INVALID_ARGUMENT);
}

INSTANTIATE_TEST_SUITE_P(Groups,
                         KeyShare,
                         testing::Values(kP256, kP384, kX25519),
                         [](const auto& one) { return one.param.name; });

// RFC 5903 section 8.1
TEST(KeyShares, ArePublishedOnesOnP256) {
  const Key ours(kP256, hex("c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433"));
  Bytes point;
  Bytes secret;
  hooks_called = 0;
  ASSERT_EQ(ours.share(&point, 65), PSA_SUCCESS);
  EXPECT_EQ(point,
            hex("04dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c37725811805271a0461c"
                "db8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3"));
  ASSERT_EQ(
      ours.agree(hex("04d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf6356fbf3"
                     "ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab"),
                 &secret),
      PSA_SUCCESS);
  EXPECT_EQ(secret, hex("d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de"));
  EXPECT_TRUE(was_called(Hook::kKeyShare));
  EXPECT_TRUE(was_called(Hook::kKeyAgreement));
}

// RFC 7748 section 6.1
TEST(KeyShares, ArePublishedOnesOfX25519) {
  const Key ours(kX25519, hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"));
  Bytes point;
  Bytes secret;
  hooks_called = 0;
  ASSERT_EQ(ours.share(&point, 32), PSA_SUCCESS);
  EXPECT_EQ(point, hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"));
  ASSERT_EQ(
      ours.agree(hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"), &secret),
      PSA_SUCCESS);
  EXPECT_EQ(secret, hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"));
  EXPECT_TRUE(was_called(Hook::kKeyShare));
  EXPECT_TRUE(was_called(Hook::kEcdhShared));
}

TEST(KeyShares, OfX25519RefuseLowOrder) {
  const Key key(kX25519);
  Bytes secret;
  for (const char* low : {
           "0000000000000000000000000000000000000000000000000000000000000000",
           "0100000000000000000000000000000000000000000000000000000000000000",
           "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
           "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
           "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
       }) {
    EXPECT_EQ(key.agree(hex(low), &secret), PSA_ERROR_INVALID_ARGUMENT) << low;
  }
}

TEST(KeyShares, RefuseSecretsOutOfRange) {
  psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
  psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1));
  psa_set_key_algorithm(&attributes, PSA_ALG_ECDH);
  psa_key_id_t id = PSA_KEY_ID_NULL;
  for (const Bytes& secret : {Bytes(32), Bytes(32, 0xff), Bytes(31, 1)}) {
    EXPECT_EQ(psa_import_key(&attributes, secret.data(), secret.size(), &id),
              PSA_ERROR_INVALID_ARGUMENT);
  }
}

}  // namespace
}  // namespace culvert::libcrypto
