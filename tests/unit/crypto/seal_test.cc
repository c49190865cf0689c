// What was sealed comes back, and nothing else does.
#include "relay/crypto/seal.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

TEST(Seal, ComesBack) {
  const Secret key = make_seal_key();
  for (const std::string& plain : {std::string(), std::string("a"), std::string(100'000, 'x')}) {
    const std::string sealed = seal(key, plain, "slot");
    EXPECT_EQ(sealed.size(), plain.size() + kSealOverhead);
    const auto opened = unseal(key, sealed, "slot");
    ASSERT_TRUE(opened);
    EXPECT_EQ(*opened, plain);
  }
}

TEST(Seal, IsDifferentEachTimeAndShowsNothing) {
  const Secret key = make_seal_key();
  const std::string plain = "sk-something-secret-0123456789";
  EXPECT_NE(seal(key, plain, ""), seal(key, plain, ""));
  EXPECT_EQ(seal(key, plain, "").find("secret"), std::string::npos);
}

TEST(Seal, EveryChangedByteIsNoticed) {
  const Secret key = make_seal_key();
  const std::string sealed = seal(key, "forty-two", "here");
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(unseal(key, changed, "here")) << i;
  }
}

TEST(Seal, EveryCutIsNoticed) {
  const Secret key = make_seal_key();
  const std::string sealed = seal(key, "forty-two", "here");
  for (size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_FALSE(unseal(key, sealed.substr(0, size), "here")) << size;
  }
}

TEST(Seal, AnotherKeyOrPlaceDoesNotOpen) {
  const Secret key = make_seal_key();
  const std::string sealed = seal(key, "forty-two", "here");
  EXPECT_FALSE(unseal(make_seal_key(), sealed, "here"));
  EXPECT_FALSE(unseal(key, sealed, "there"));
  EXPECT_FALSE(unseal(Secret("too short"), sealed, "here"));
}

}  // namespace
}  // namespace culvert
