// Randomness: the seeded one repeats itself, the system's does not, also on several threads.
#include "relay/base/random.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace culvert {
namespace {

TEST(SeededRandom, RepeatsItself) {
  SeededRandom a(42);
  SeededRandom b(42);
  SeededRandom c(43);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const uint64_t number = a.next();
    EXPECT_EQ(number, b.next());
    differs = differs || number != c.next();
  }
  EXPECT_TRUE(differs);
}

TEST(SeededRandom, TakesZeroAsASeed) {
  SeededRandom random(0);
  EXPECT_NE(random.next(), random.next());
}

TEST(Random, StaysBelowItsBound) {
  SeededRandom random(1);
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    const uint64_t number = random.below(7);
    ASSERT_LT(number, 7U);
    seen.insert(number);
  }
  EXPECT_EQ(seen.size(), 7U);
  EXPECT_EQ(random.below(1), 0U);
}

TEST(SystemRandom, GivesEachThreadItsOwnNumbers) {
  constexpr size_t kThreads = 4;
  std::array<std::vector<uint64_t>, kThreads> numbers;
  std::vector<std::thread> threads;
  for (auto& of_one : numbers) {
    threads.emplace_back([&of_one] {
      for (int i = 0; i < 100; ++i) of_one.push_back(Random::system().next());
    });
  }
  for (auto& thread : threads) thread.join();
  std::set<uint64_t> all;
  for (const auto& of_one : numbers) all.insert(of_one.begin(), of_one.end());
  EXPECT_EQ(all.size(), kThreads * 100);
}

TEST(RandomId, IsThirtyTwoHexadecimalDigits) {
  SeededRandom random(5);
  const std::string id = random_id(random);
  EXPECT_EQ(id.size(), 32U);
  EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_NE(id, random_id(random));
}

}  // namespace
}  // namespace culvert
