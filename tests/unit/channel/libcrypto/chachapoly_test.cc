// ChaCha20-Poly1305: RFC 8439's example, libcrypto against mbedTLS's own code at every length that
// means something, and what must not be authentic.
#include "relay/channel/libcrypto/hooks.h"
#include "relay/channel/libcrypto/native_chachapoly.h"
#include "tests/unit/channel/libcrypto/bytes.h"

#include <gtest/gtest.h>
#include <mbedtls/chachapoly.h>

#include <memory>

namespace culvert::libcrypto {
namespace {

using test::Bytes;
using test::bytes_of;
using test::hex;

// RFC 8439 section 2.8.2
const Bytes kKey = hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
const Bytes kNonce = hex("070000004041424344454647");
const Bytes kBound = hex("50515253c0c1c2c3c4c5c6c7");
const Bytes kText = bytes_of(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
    "sunscreen would be it.");
const Bytes kTag = hex("1ae10b594f09e26a7e902ecbd0600691");
const Bytes kSealedBegins = hex("d31a8d34648e60db7b86afbc53ef7ec2");

struct Context {
  Context() { mbedtls_chachapoly_init(&value); }
  explicit Context(const Bytes& key) : Context() {
    EXPECT_EQ(mbedtls_chachapoly_setkey(&value, key.data()), 0);
  }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { mbedtls_chachapoly_free(&value); }

  int seal(const Bytes& bound, const Bytes& text, Bytes* sealed, Bytes* tag) {
    sealed->resize(text.size());
    tag->resize(16);
    return mbedtls_chachapoly_encrypt_and_tag(&value, text.size(), kNonce.data(), bound.data(),
                                              bound.size(), text.data(), sealed->data(),
                                              tag->data());
  }
  int open(const Bytes& bound, const Bytes& sealed, const Bytes& tag, Bytes* text) {
    text->resize(sealed.size());
    return mbedtls_chachapoly_auth_decrypt(&value, sealed.size(), kNonce.data(), bound.data(),
                                           bound.size(), tag.data(), sealed.data(), text->data());
  }
  mbedtls_chachapoly_context value;
};

TEST(ChachaPoly, GivesThePublishedText) {
  Context cipher(kKey);
  Bytes sealed;
  Bytes tag;
  Bytes text;
  hooks_called = 0;
  ASSERT_EQ(cipher.seal(kBound, kText, &sealed, &tag), 0);
  EXPECT_TRUE(was_called(Hook::kChachaPoly));
  EXPECT_EQ(tag, kTag);
  EXPECT_EQ(Bytes(sealed.begin(), sealed.begin() + 16), kSealedBegins);
  ASSERT_EQ(cipher.open(kBound, sealed, tag, &text), 0);
  EXPECT_EQ(text, kText);
}

TEST(ChachaPoly, IsTheSameAsMbedTlsAtEachLength) {
  Context cipher(kKey);
  const std::unique_ptr<culvert_native_chachapoly, decltype(&culvert_native_chachapoly_delete)> own(
      culvert_native_chachapoly_new(), culvert_native_chachapoly_delete);
  ASSERT_EQ(culvert_native_chachapoly_setkey(own.get(), kKey.data()), 0);
  for (const size_t size : {0, 1, 15, 16, 17, 63, 64, 65, 255, 256, 1024, 16401}) {
    for (const size_t bound : {0, 1, 5, 13, 16, 300}) {
      const Bytes text(size, 7);
      const Bytes aad(bound, 9);
      Bytes sealed;
      Bytes tag;
      ASSERT_EQ(cipher.seal(aad, text, &sealed, &tag), 0);
      Bytes expected(size);
      Bytes expected_tag(16);
      ASSERT_EQ(culvert_native_chachapoly_encrypt_and_tag(own.get(), size, kNonce.data(),
                                                          aad.data(), bound, text.data(),
                                                          expected.data(), expected_tag.data()),
                0);
      ASSERT_EQ(sealed, expected) << size << ' ' << bound;
      ASSERT_EQ(tag, expected_tag) << size << ' ' << bound;
    }
  }
}

TEST(ChachaPoly, WorksInPlace) {
  Context cipher(kKey);
  Bytes buffer = kText;
  Bytes tag(16);
  ASSERT_EQ(
      mbedtls_chachapoly_encrypt_and_tag(&cipher.value, buffer.size(), kNonce.data(), kBound.data(),
                                         kBound.size(), buffer.data(), buffer.data(), tag.data()),
      0);
  EXPECT_EQ(tag, kTag);
  ASSERT_EQ(
      mbedtls_chachapoly_auth_decrypt(&cipher.value, buffer.size(), kNonce.data(), kBound.data(),
                                      kBound.size(), tag.data(), buffer.data(), buffer.data()),
      0);
  EXPECT_EQ(buffer, kText);
}

TEST(ChachaPoly, RefusesAnyChangedBitAndGivesNoText) {
  Context cipher(kKey);
  Bytes sealed;
  Bytes tag;
  Bytes text;
  ASSERT_EQ(cipher.seal(kBound, kText, &sealed, &tag), 0);
  for (size_t at = 0; at < sealed.size(); ++at) {
    Bytes changed = sealed;
    changed[at] ^= 0x80;
    EXPECT_EQ(cipher.open(kBound, changed, tag, &text), MBEDTLS_ERR_CHACHAPOLY_AUTH_FAILED);
    EXPECT_EQ(text, Bytes(sealed.size()));
  }
  for (size_t at = 0; at < tag.size(); ++at) {
    Bytes changed = tag;
    changed[at] ^= 1;
    EXPECT_EQ(cipher.open(kBound, sealed, changed, &text), MBEDTLS_ERR_CHACHAPOLY_AUTH_FAILED);
  }
  EXPECT_EQ(cipher.open({}, sealed, tag, &text), MBEDTLS_ERR_CHACHAPOLY_AUTH_FAILED);
  EXPECT_EQ(cipher.open(kBound, sealed, tag, &text), 0);
}

TEST(ChachaPoly, DoesPartsOfMessagesBothWays) {
  Context cipher(kKey);
  Bytes sealed;
  Bytes tag;
  ASSERT_EQ(cipher.seal(kBound, kText, &sealed, &tag), 0);
  for (const auto mode : {MBEDTLS_CHACHAPOLY_ENCRYPT, MBEDTLS_CHACHAPOLY_DECRYPT}) {
    const Bytes& input = mode == MBEDTLS_CHACHAPOLY_ENCRYPT ? kText : sealed;
    Bytes output(input.size());
    Bytes made(16);
    ASSERT_EQ(mbedtls_chachapoly_starts(&cipher.value, kNonce.data(), mode), 0);
    ASSERT_EQ(mbedtls_chachapoly_update_aad(&cipher.value, kBound.data(), kBound.size()), 0);
    ASSERT_EQ(mbedtls_chachapoly_update(&cipher.value, 21, input.data(), output.data()), 0);
    ASSERT_EQ(mbedtls_chachapoly_update(&cipher.value, input.size() - 21, input.data() + 21,
                                        output.data() + 21),
              0);
    ASSERT_EQ(mbedtls_chachapoly_finish(&cipher.value, made.data()), 0);
    EXPECT_EQ(made, tag);
    EXPECT_EQ(output, mode == MBEDTLS_CHACHAPOLY_ENCRYPT ? sealed : kText);
  }
}

TEST(ChachaPoly, KeepsTheOrderOfCallsThatMbedTlsAsksFor) {
  Context unkeyed;
  Bytes made(16);
  EXPECT_EQ(mbedtls_chachapoly_finish(&unkeyed.value, made.data()),
            MBEDTLS_ERR_CHACHAPOLY_BAD_STATE);
  EXPECT_EQ(mbedtls_chachapoly_update_aad(&unkeyed.value, kBound.data(), 1),
            MBEDTLS_ERR_CHACHAPOLY_BAD_STATE);
  Bytes sealed;
  Bytes tag;
  EXPECT_EQ(unkeyed.seal(kBound, kText, &sealed, &tag), 0);  // by a key of zeros, as there
  EXPECT_NE(tag, kTag);
  mbedtls_chachapoly_free(nullptr);
}

}  // namespace
}  // namespace culvert::libcrypto
