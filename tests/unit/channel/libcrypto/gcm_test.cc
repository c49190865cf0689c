// GCM: the vectors of McGrew and Viega, libcrypto against mbedTLS's own code at every length that
// means something, and what must not be authentic, in place or not.
#include "relay/channel/libcrypto/hooks.h"
#include "relay/channel/libcrypto/native_gcm.h"
#include "tests/unit/channel/libcrypto/bytes.h"

#include <gtest/gtest.h>
#include <mbedtls/cipher.h>
#include <mbedtls/gcm.h>

#include <memory>

namespace culvert::libcrypto {
namespace {

using test::Bytes;
using test::hex;

struct Context {
  Context() { mbedtls_gcm_init(&value); }
  explicit Context(const Bytes& key) : Context() { EXPECT_EQ(set_key(key), 0); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { mbedtls_gcm_free(&value); }

  int set_key(const Bytes& key) {
    return mbedtls_gcm_setkey(&value, MBEDTLS_CIPHER_ID_AES, key.data(),
                              static_cast<unsigned>(8 * key.size()));
  }
  int seal(const Bytes& nonce, const Bytes& bound, const Bytes& text, Bytes* sealed, Bytes* tag) {
    sealed->resize(text.size());
    return mbedtls_gcm_crypt_and_tag(&value, MBEDTLS_GCM_ENCRYPT, text.size(), nonce.data(),
                                     nonce.size(), bound.data(), bound.size(), text.data(),
                                     sealed->data(), tag->size(), tag->data());
  }
  int open(
      const Bytes& nonce, const Bytes& bound, const Bytes& sealed, const Bytes& tag, Bytes* text) {
    text->resize(sealed.size());
    return mbedtls_gcm_auth_decrypt(&value, sealed.size(), nonce.data(), nonce.size(), bound.data(),
                                    bound.size(), tag.data(), tag.size(), sealed.data(),
                                    text->data());
  }
  mbedtls_gcm_context value;
};

using Native = std::unique_ptr<culvert_native_gcm, decltype(&culvert_native_gcm_delete)>;

Native native(const Bytes& key) {
  Native made(culvert_native_gcm_new(), culvert_native_gcm_delete);
  EXPECT_EQ(culvert_native_gcm_setkey(made.get(), MBEDTLS_CIPHER_ID_AES, key.data(),
                                      static_cast<unsigned>(8 * key.size())),
            0);
  return made;
}

Bytes ramp(size_t size, int from) {
  Bytes bytes(size);
  for (size_t at = 0; at < size; ++at)
    bytes[at] = static_cast<uint8_t>(from + static_cast<int>(at));
  return bytes;
}

const Bytes kKey = hex("feffe9928665731c6d6a8f9467308308");
const Bytes kNonce = hex("cafebabefacedbaddecaf888");
const Bytes kBound = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
const Bytes kText =
    hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");

TEST(Gcm, GivesThePublishedTexts) {
  struct Vector {
    Bytes key;
    const char* sealed;
    const char* tag;
  };
  const Vector vectors[] = {
      {kKey,
       "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
       "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
       "5bc94fbc3221a5db94fae95ae7121a47"},
      {hex("feffe9928665731c6d6a8f9467308308feffe9928665731c"),
       "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c"
       "7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710",
       "2519498e80f1478f37ba55bd6d27618c"},
      {hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"),
       "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
       "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
       "76fc6ece0f4e1768cddf8853bb2d551b"},
  };
  for (const Vector& vector : vectors) {
    Context gcm(vector.key);
    Bytes sealed;
    Bytes text;
    Bytes tag(16);
    hooks_called = 0;
    ASSERT_EQ(gcm.seal(kNonce, kBound, kText, &sealed, &tag), 0);
    EXPECT_TRUE(was_called(Hook::kGcm));
    EXPECT_EQ(sealed, hex(vector.sealed));
    EXPECT_EQ(tag, hex(vector.tag));
    ASSERT_EQ(gcm.open(kNonce, kBound, sealed, tag, &text), 0);
    EXPECT_EQ(text, kText);
  }
}

TEST(Gcm, IsTheSameAsMbedTlsAtEachLength) {
  Context gcm(kKey);
  const Native own = native(kKey);
  for (const size_t size : {0, 1, 15, 16, 17, 63, 64, 65, 255, 256, 1024, 16401}) {
    for (const size_t bound : {0, 1, 5, 13, 16, 300}) {
      const Bytes text = ramp(size, 7);
      const Bytes aad = ramp(bound, 99);
      Bytes sealed;
      Bytes tag(16);
      ASSERT_EQ(gcm.seal(kNonce, aad, text, &sealed, &tag), 0);
      Bytes expected(size);
      Bytes expected_tag(16);
      ASSERT_EQ(culvert_native_gcm_crypt_and_tag(
                    own.get(), MBEDTLS_GCM_ENCRYPT, size, kNonce.data(), kNonce.size(), aad.data(),
                    bound, text.data(), expected.data(), 16, expected_tag.data()),
                0);
      ASSERT_EQ(sealed, expected) << size << ' ' << bound;
      ASSERT_EQ(tag, expected_tag) << size << ' ' << bound;
    }
  }
}

TEST(Gcm, WorksInPlace) {
  Context gcm(kKey);
  Bytes tag(16);
  Bytes sealed;
  ASSERT_EQ(gcm.seal(kNonce, kBound, kText, &sealed, &tag), 0);
  Bytes buffer = kText;
  Bytes again(16);
  ASSERT_EQ(mbedtls_gcm_crypt_and_tag(&gcm.value, MBEDTLS_GCM_ENCRYPT, buffer.size(), kNonce.data(),
                                      kNonce.size(), kBound.data(), kBound.size(), buffer.data(),
                                      buffer.data(), 16, again.data()),
            0);
  EXPECT_EQ(buffer, sealed);
  EXPECT_EQ(again, tag);
  ASSERT_EQ(mbedtls_gcm_auth_decrypt(&gcm.value, buffer.size(), kNonce.data(), kNonce.size(),
                                     kBound.data(), kBound.size(), tag.data(), 16, buffer.data(),
                                     buffer.data()),
            0);
  EXPECT_EQ(buffer, kText);
}

// mbedTLS allows the output to begin before the input, and refuses the other way.
TEST(Gcm, JudgesOverlapsAsMbedTlsDoes) {
  Context gcm(kKey);
  Bytes sealed;
  Bytes tag(16);
  ASSERT_EQ(gcm.seal(kNonce, kBound, kText, &sealed, &tag), 0);
  Bytes buffer(8);
  buffer.insert(buffer.end(), kText.begin(), kText.end());
  Bytes again(16);
  ASSERT_EQ(mbedtls_gcm_crypt_and_tag(&gcm.value, MBEDTLS_GCM_ENCRYPT, kText.size(), kNonce.data(),
                                      kNonce.size(), kBound.data(), kBound.size(),
                                      buffer.data() + 8, buffer.data(), 16, again.data()),
            0);
  EXPECT_EQ(Bytes(buffer.begin(), buffer.end() - 8), sealed);
  EXPECT_EQ(again, tag);
  EXPECT_EQ(mbedtls_gcm_crypt_and_tag(&gcm.value, MBEDTLS_GCM_ENCRYPT, kText.size(), kNonce.data(),
                                      kNonce.size(), kBound.data(), kBound.size(), buffer.data(),
                                      buffer.data() + 8, 16, again.data()),
            MBEDTLS_ERR_GCM_BAD_INPUT);
}

TEST(Gcm, RefusesAnyChangedBitAndGivesNoText) {
  Context gcm(kKey);
  Bytes sealed;
  Bytes tag(16);
  Bytes text;
  ASSERT_EQ(gcm.seal(kNonce, kBound, kText, &sealed, &tag), 0);
  const auto refused = [&](Bytes nonce, Bytes bound, Bytes body, Bytes mark) {
    const int code = gcm.open(nonce, bound, body, mark, &text);
    EXPECT_EQ(text, Bytes(body.size()));
    return code == MBEDTLS_ERR_GCM_AUTH_FAILED;
  };
  const auto flipped = [](Bytes bytes, size_t at) {
    bytes[at] ^= 0x10;
    return bytes;
  };
  for (size_t at = 0; at < sealed.size(); ++at) {
    EXPECT_TRUE(refused(kNonce, kBound, flipped(sealed, at), tag)) << at;
  }
  for (size_t at = 0; at < tag.size(); ++at) {
    EXPECT_TRUE(refused(kNonce, kBound, sealed, flipped(tag, at))) << at;
  }
  EXPECT_TRUE(refused(flipped(kNonce, 3), kBound, sealed, tag));
  EXPECT_TRUE(refused(kNonce, flipped(kBound, 3), sealed, tag));
  EXPECT_TRUE(refused(kNonce, {}, sealed, tag));
  ASSERT_EQ(gcm.open(kNonce, kBound, sealed, tag, &text), 0);  // and goes on
  EXPECT_EQ(text, kText);
}

TEST(Gcm, TakesTagsOfFourToSixteenBytes) {
  Context gcm(kKey);
  Bytes whole(16);
  Bytes sealed;
  Bytes text;
  ASSERT_EQ(gcm.seal(kNonce, kBound, kText, &sealed, &whole), 0);
  for (size_t size = 4; size <= 16; ++size) {
    Bytes tag(size);
    ASSERT_EQ(gcm.seal(kNonce, kBound, kText, &sealed, &tag), 0);
    EXPECT_EQ(tag, Bytes(whole.begin(), whole.begin() + static_cast<long>(size)));
    EXPECT_EQ(gcm.open(kNonce, kBound, sealed, tag, &text), 0);
    tag.back() ^= 1;
    EXPECT_EQ(gcm.open(kNonce, kBound, sealed, tag, &text), MBEDTLS_ERR_GCM_AUTH_FAILED);
  }
  Bytes shorter(3);
  EXPECT_EQ(gcm.seal(kNonce, kBound, kText, &sealed, &shorter), MBEDTLS_ERR_GCM_BAD_INPUT);
  Bytes longer(17);
  EXPECT_EQ(gcm.seal(kNonce, kBound, kText, &sealed, &longer), MBEDTLS_ERR_GCM_BAD_INPUT);
  EXPECT_EQ(gcm.open(kNonce, kBound, sealed, {}, &text), MBEDTLS_ERR_GCM_BAD_INPUT);
}

// McGrew and Viega's cases 5 and 6.
TEST(Gcm, LeavesOtherNoncesToMbedTls) {
  Context gcm(kKey);
  Bytes sealed;
  Bytes text;
  Bytes tag(16);
  hooks_called = 0;
  ASSERT_EQ(gcm.seal(hex("cafebabefacedbad"), kBound, kText, &sealed, &tag), 0);
  EXPECT_EQ(tag, hex("3612d2e79e3b0785561be14aaca2fccb"));
  EXPECT_EQ(gcm.open(hex("cafebabefacedbad"), kBound, sealed, tag, &text), 0);
  EXPECT_EQ(text, kText);
  EXPECT_EQ(gcm.seal({}, kBound, kText, &sealed, &tag), MBEDTLS_ERR_GCM_BAD_INPUT);
  EXPECT_FALSE(was_called(Hook::kGcm));
}

TEST(Gcm, DoesPartsOfMessagesBothWays) {
  Context gcm(kKey);
  Bytes sealed;
  Bytes tag(16);
  ASSERT_EQ(gcm.seal(kNonce, kBound, kText, &sealed, &tag), 0);
  for (const int mode : {MBEDTLS_GCM_ENCRYPT, MBEDTLS_GCM_DECRYPT}) {
    const Bytes& input = mode == MBEDTLS_GCM_ENCRYPT ? kText : sealed;
    Bytes output(input.size());
    Bytes made(16);
    size_t size = 0;
    ASSERT_EQ(mbedtls_gcm_starts(&gcm.value, mode, kNonce.data(), kNonce.size()), 0);
    ASSERT_EQ(mbedtls_gcm_update_ad(&gcm.value, kBound.data(), kBound.size()), 0);
    ASSERT_EQ(mbedtls_gcm_update(&gcm.value, input.data(), 21, output.data(), 21, &size), 0);
    // A whole message between the parts of another one.
    Bytes elsewhere;
    Bytes other(16);
    ASSERT_EQ(gcm.seal(ramp(12, 1), {}, ramp(100, 2), &elsewhere, &other), 0);
    ASSERT_EQ(mbedtls_gcm_update(&gcm.value, input.data() + 21, input.size() - 21,
                                 output.data() + 21, input.size() - 21, &size),
              0);
    ASSERT_EQ(mbedtls_gcm_finish(&gcm.value, nullptr, 0, &size, made.data(), 16), 0);
    EXPECT_EQ(made, tag);
    EXPECT_EQ(output, mode == MBEDTLS_GCM_ENCRYPT ? sealed : kText);
  }
}

TEST(Gcm, TakesANewKeyAndForgetsTheOldOne) {
  Context gcm(kKey);
  Bytes sealed;
  Bytes tag(16);
  Bytes text;
  ASSERT_EQ(gcm.seal(kNonce, kBound, kText, &sealed, &tag), 0);
  ASSERT_EQ(mbedtls_gcm_starts(&gcm.value, MBEDTLS_GCM_ENCRYPT, kNonce.data(), 12), 0);
  ASSERT_EQ(gcm.set_key(ramp(32, 3)), 0);
  EXPECT_EQ(gcm.open(kNonce, kBound, sealed, tag, &text), MBEDTLS_ERR_GCM_AUTH_FAILED);
  ASSERT_EQ(gcm.set_key(kKey), 0);
  EXPECT_EQ(gcm.open(kNonce, kBound, sealed, tag, &text), 0);
  mbedtls_gcm_free(&gcm.value);
  for (const unsigned char byte : gcm.value.key) EXPECT_EQ(byte, 0);
}

TEST(Gcm, SaysWhatIsWrongWithAContextThatHasNoKey) {
  Context gcm;
  Bytes sealed;
  Bytes text;
  Bytes tag(16);
  size_t size = 0;
  EXPECT_NE(gcm.seal(kNonce, kBound, kText, &sealed, &tag), 0);
  EXPECT_NE(gcm.open(kNonce, kBound, kText, tag, &text), 0);
  EXPECT_NE(mbedtls_gcm_starts(&gcm.value, MBEDTLS_GCM_ENCRYPT, kNonce.data(), 12), 0);
  EXPECT_NE(mbedtls_gcm_update(&gcm.value, kText.data(), 8, text.data(), 8, &size), 0);
  EXPECT_EQ(gcm.set_key(Bytes(15)), MBEDTLS_ERR_GCM_BAD_INPUT);
  EXPECT_NE(gcm.seal(kNonce, kBound, kText, &sealed, &tag), 0);
  mbedtls_gcm_free(nullptr);
}

}  // namespace
}  // namespace culvert::libcrypto
