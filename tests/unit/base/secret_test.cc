// Secrets: masked when printed, and gone from memory when moved, replaced or ended.
#include "relay/base/secret.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <new>
#include <string>

namespace culvert {
namespace {

bool holds(const void* memory, size_t size, std::string_view text) {
  const std::string_view bytes(static_cast<const char*>(memory), size);
  return bytes.find(text) != std::string_view::npos;
}

TEST(Mask, ShowsFourAndFourOfWhatIsLongEnough) {
  EXPECT_EQ(mask("sk-abcdefghijklmnop"), "sk-a…mnop");
  EXPECT_EQ(mask("0123456789abcdef"), "0123…cdef");
}

TEST(Mask, ShowsNothingOfWhatIsShort) {
  EXPECT_EQ(mask("0123456789abcde"), "…");
  EXPECT_EQ(mask(""), "…");
}

TEST(Wipe, LeavesZeros) {
  std::array<char, 6> bytes{'s', 'e', 'c', 'r', 'e', 't'};
  wipe(bytes.data(), bytes.size());
  EXPECT_EQ(bytes, (std::array<char, 6>{}));
  wipe(nullptr, 0);
}

TEST(Secret, IsItsValueAndItsMask) {
  const Secret secret("sk-abcdefghijklmnop");
  EXPECT_EQ(secret.reveal(), "sk-abcdefghijklmnop");
  EXPECT_EQ(secret.masked(), "sk-a…mnop");
  EXPECT_FALSE(secret.empty());
  EXPECT_TRUE(Secret().empty());
  EXPECT_EQ(secret, Secret("sk-abcdefghijklmnop"));
  EXPECT_FALSE(secret == Secret("other"));
}

TEST(Secret, LeavesNothingBehindWhenItIsMoved) {
  for (const std::string text : {"short-secret", "a secret that is too long for a string's own"}) {
    alignas(Secret) std::array<char, sizeof(Secret)> memory{};
    auto* from = new (memory.data()) Secret(text);
    const Secret to(std::move(*from));
    EXPECT_EQ(to.reveal(), text);
    EXPECT_TRUE(from->empty());
    EXPECT_FALSE(holds(memory.data(), memory.size(), text.substr(0, 8)));
    from->~Secret();
  }
}

TEST(Secret, LeavesNothingBehindWhenItIsAssigned) {
  for (const std::string text : {"short-secret", "a secret that is too long for a string's own"}) {
    alignas(Secret) std::array<char, sizeof(Secret)> memory{};
    auto* from = new (memory.data()) Secret(text);
    Secret to;
    to = std::move(*from);
    EXPECT_EQ(to.reveal(), text);
    EXPECT_TRUE(from->empty());
    EXPECT_FALSE(holds(memory.data(), memory.size(), text.substr(0, 8)));
    from->~Secret();
  }
}

TEST(Secret, LeavesNothingBehindWhenItEnds) {
  alignas(Secret) std::array<char, sizeof(Secret)> memory{};
  auto* secret = new (memory.data()) Secret("short-secret");
  EXPECT_TRUE(holds(memory.data(), memory.size(), "short-secret"));
  secret->~Secret();
  EXPECT_FALSE(holds(memory.data(), memory.size(), "short"));
}

TEST(Secret, IsReplacedByAssignment) {
  Secret secret("the first of them");
  const Secret other("the second");
  secret = other;
  EXPECT_EQ(secret.reveal(), "the second");
  Secret third("the third");
  secret = std::move(third);
  EXPECT_EQ(secret.reveal(), "the third");
  Secret& self = secret;
  secret = self;
  EXPECT_EQ(secret.reveal(), "the third");
}

TEST(EqualInConstantTime, IsEquality) {
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_TRUE(equal_in_constant_time("token", "token"));
  EXPECT_FALSE(equal_in_constant_time("token", "tokem"));
  EXPECT_FALSE(equal_in_constant_time("token", "Token"));
  EXPECT_FALSE(equal_in_constant_time("token", "toke"));
  EXPECT_FALSE(equal_in_constant_time("", "t"));
  EXPECT_FALSE(equal_in_constant_time(std::string("a\0b", 3), std::string("a\0c", 3)));
}

}  // namespace
}  // namespace culvert
