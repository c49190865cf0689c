// Memory comes back empty, and neither more nor larger pieces of it are kept than may be.
#include "relay/base/kept_text.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace culvert {
namespace {

TEST(KeptText, ComesBackEmpty) {
  std::string text = kept_text(700);
  EXPECT_GE(text.capacity(), 700U);
  text = std::string(900, 'x');
  keep_text(std::move(text));
  EXPECT_EQ(kept_text(1), "");
}

TEST(KeptText, HasRoomForMoreThanWasKept) {
  keep_text(kept_text(1));
  EXPECT_GE(kept_text(3000).capacity(), 3000U);
}

TEST(KeptText, TakesWhateverItIsGiven) {
  std::vector<std::string> many;
  for (int i = 0; i < 100; ++i) many.push_back(kept_text(1));
  for (std::string& text : many) keep_text(std::move(text));
  keep_text(std::string("short"));
  keep_text(std::string(1 << 20, 'x'));
  EXPECT_LT(kept_text(1).capacity(), size_t{1} << 20U);
}

}  // namespace
}  // namespace culvert
