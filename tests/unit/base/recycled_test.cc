// Memory that goes round: each object has its own, and what was kept is used again.
#include "relay/base/recycled.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <set>
#include <thread>
#include <vector>

namespace culvert {
namespace {

struct Base {
  virtual ~Base() = default;
};

struct Part final : Base, Recycled<Part> {
  explicit Part(int value) : text(100, value) {}
  std::vector<int> text;
  std::array<char, 2000> more{};
};

TEST(Recycled, GivesEachObjectMemoryOfItsOwn) {
  for (int round = 0; round < 3; ++round) {
    std::vector<std::unique_ptr<Base>> parts;
    std::set<void*> places;
    for (int i = 0; i < 100; ++i) {
      parts.push_back(std::make_unique<Part>(i));
      places.insert(parts.back().get());
    }
    EXPECT_EQ(places.size(), parts.size());
    for (int i = 0; i < 100; ++i) {
      EXPECT_EQ(static_cast<Part&>(*parts[static_cast<size_t>(i)]).text.back(), i);
    }
  }
}

#if !defined(__SANITIZE_ADDRESS__)
TEST(Recycled, UsesTheLastMemoryFirst) {
  auto first = std::make_unique<Part>(1);
  auto second = std::make_unique<Part>(2);
  const void* const place = first.get();
  first.reset();
  first = std::make_unique<Part>(3);
  EXPECT_EQ(first.get(), place);
}
#endif

TEST(Recycled, TakesWhatAnotherThreadMade) {
  std::unique_ptr<Part> part;
  std::thread([&part] { part = std::make_unique<Part>(1); }).join();
  EXPECT_EQ(part->text.back(), 1);
  part.reset();
  std::thread([] { std::make_unique<Part>(2).reset(); }).join();
  EXPECT_EQ(std::make_unique<Part>(3)->text.back(), 3);
}

}  // namespace
}  // namespace culvert
