// The first of two characters, against the plain way of looking for it.
#include "relay/codec/find_either.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace culvert {
namespace {

TEST(FindEither, TheFirstOfTheTwoWhereverItStands) {
  for (size_t size = 0; size < 70; ++size) {
    for (size_t from = 0; from < 9; ++from) {  // wherever the text begins in memory
      const std::string none(from + size, 'x');
      EXPECT_EQ(find_either(std::string_view(none).substr(from), '\n', '\r'), size);
      for (size_t at = 0; at < size; ++at) {
        std::string text = none;
        text[from + at] = '\r';
        EXPECT_EQ(find_either(std::string_view(text).substr(from), '\n', '\r'), at);
        text.back() = '\n';
        EXPECT_EQ(find_either(std::string_view(text).substr(from), '\n', '\r'), at);
      }
    }
  }
}

TEST(FindEither, EveryByteIsToldFromEveryOther) {
  for (int a = 0; a < 256; ++a) {
    for (const int b : {0, 1, 0x22, 0x7F, 0x80, 0xFF}) {
      std::string text;
      for (int byte = 0; byte < 256; ++byte) {
        if (byte != a && byte != b) text += static_cast<char>(byte);
      }
      const size_t size = text.size();
      EXPECT_EQ(find_either(text, static_cast<char>(a), static_cast<char>(b)), size);
      text += static_cast<char>(b);
      EXPECT_EQ(find_either(text, static_cast<char>(a), static_cast<char>(b)), size);
    }
  }
}

// What machines without SSE2 do.
TEST(FindEither, StepsOfEightStopBeforeTheFirst) {
  for (size_t size = 0; size < 40; ++size) {
    for (size_t at = 0; at <= size; ++at) {
      std::string text(size, 'x');
      if (at < size) text[at] = '"';
      const char* const begin = text.data();
      const auto steps = static_cast<size_t>(
          step_by_eight(begin, begin + size, '"', '\\') - begin);
      EXPECT_EQ(steps, std::min(at, size) / 8 * 8) << size << " " << at;
    }
  }
}

}  // namespace
}  // namespace culvert
