// Digests against FIPS 180-4's examples, whole and in every pair of parts.
#include "relay/channel/libcrypto/hooks.h"
#include "tests/unit/channel/libcrypto/bytes.h"

#include <gtest/gtest.h>
#include <mbedtls/md.h>
#include <mbedtls/sha256.h>
#include <mbedtls/sha512.h>

#include <string>

namespace culvert::libcrypto {
namespace {

using test::Bytes;
using test::bytes_of;
using test::hex;

constexpr std::string_view kText = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

struct Digests {
  mbedtls_md_type_t type;
  const char* of_text;
  const char* of_nothing;
};
const Digests kDigests[] = {
    {MBEDTLS_MD_SHA256, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {MBEDTLS_MD_SHA384,
     "3391fdddfc8dc7393707a65b1b4709397cf8b1d162af05abfe8f450de5f36bc6"
     "b0455a8520bc4e6f5fe95b1fe3c8452b",
     "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da"
     "274edebfe76f65fbd51ad2f14898b95b"},
    {MBEDTLS_MD_SHA512,
     "204a8fc6dda82f0a0ced7beb8e08a41657c16ef468b228a8279be331a703c335"
     "96fd15c13b1b07f9aa1d3bea57789ca031ad85c7a71dd70354ec631238ca3445",
     "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
     "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"},
};

class Md {
 public:
  explicit Md(mbedtls_md_type_t type) {
    mbedtls_md_init(&context_);
    EXPECT_EQ(mbedtls_md_setup(&context_, mbedtls_md_info_from_type(type), 0), 0);
    EXPECT_EQ(mbedtls_md_starts(&context_), 0);
  }
  Md(const Md&) = delete;
  Md& operator=(const Md&) = delete;
  ~Md() { mbedtls_md_free(&context_); }

  void update(std::string_view text) {
    EXPECT_EQ(
        mbedtls_md_update(&context_, reinterpret_cast<const uint8_t*>(text.data()), text.size()),
        0);
  }
  Bytes finish() {
    Bytes digest(mbedtls_md_get_size(mbedtls_md_info_from_ctx(&context_)));
    EXPECT_EQ(mbedtls_md_finish(&context_, digest.data()), 0);
    return digest;
  }
  mbedtls_md_context_t* get() { return &context_; }

 private:
  mbedtls_md_context_t context_{};
};

TEST(Sha2, GivesThePublishedDigestsHoweverTheTextIsCut) {
  for (const Digests& expected : kDigests) {
    for (size_t cut = 0; cut <= kText.size(); ++cut) {
      Md md(expected.type);
      md.update(kText.substr(0, cut));
      md.update(kText.substr(cut));
      ASSERT_EQ(md.finish(), hex(expected.of_text)) << cut;
    }
    EXPECT_EQ(Md(expected.type).finish(), hex(expected.of_nothing));
  }
}

TEST(Sha2, CopiesAStateThatGoesOnByItself) {
  for (const Digests& expected : kDigests) {
    Md first(expected.type);
    first.update(kText.substr(0, 20));
    Md second(expected.type);
    ASSERT_EQ(mbedtls_md_clone(second.get(), first.get()), 0);
    first.update("something else");
    second.update(kText.substr(20));
    EXPECT_EQ(second.finish(), hex(expected.of_text));
    EXPECT_NE(first.finish(), hex(expected.of_text));
  }
}

TEST(Sha2, RefusesAVariantThatThereIsNot) {
  mbedtls_sha256_context small;
  mbedtls_sha256_init(&small);
  EXPECT_EQ(mbedtls_sha256_starts(&small, 2), MBEDTLS_ERR_SHA256_BAD_INPUT_DATA);
  mbedtls_sha512_context large;
  mbedtls_sha512_init(&large);
  EXPECT_EQ(mbedtls_sha512_starts(&large, 2), MBEDTLS_ERR_SHA512_BAD_INPUT_DATA);
  mbedtls_sha256_free(nullptr);
  mbedtls_sha512_free(nullptr);
}

TEST(Sha2, LeavesNothingOfTheTextInAFinishedState) {
  mbedtls_sha256_context context;
  mbedtls_sha256_init(&context);
  Bytes digest(32);
  ASSERT_EQ(mbedtls_sha256_starts(&context, 0), 0);
  ASSERT_EQ(mbedtls_sha256_update(&context, bytes_of("secret").data(), 6), 0);
  ASSERT_EQ(mbedtls_sha256_finish(&context, digest.data()), 0);
  for (const uint32_t word : context.words) EXPECT_EQ(word, 0u);
}

}  // namespace
}  // namespace culvert::libcrypto
