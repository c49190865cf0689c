// Runs of bytes that are found many at a time end where a look at each byte would end them.
#include "relay/codec/characters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace culvert {
namespace {

// Each byte at each place of texts of every size around the sixteen that are looked at at once.
template <class Expect>
void at_each_place(Expect expect) {
  for (int byte = 0; byte < 256; ++byte) {
    for (const size_t size : {1U, 15U, 16U, 17U, 31U, 32U, 33U}) {
      std::string text(size, 'x');
      for (size_t at = 0; at < size; ++at) {
        text[at] = static_cast<char>(byte);
        expect(text, at);
        text[at] = 'x';
      }
    }
  }
}

TEST(Characters, ARunOfTextEndsAtTheFirstControlByte) {
  at_each_place([](const std::string& text, size_t at) {
    const size_t run = text_run(text);
    if (!is_text_byte(text[at])) {
      EXPECT_EQ(run, at);
    } else if (text[at] == '\t') {
      EXPECT_LE(run, at);  // of a tab, none need be counted
    } else {
      EXPECT_EQ(run, text.size());
    }
  });
  EXPECT_EQ(text_run(""), 0U);
}

TEST(Characters, ARunOfLettersHasNothingElse) {
  at_each_place([](const std::string& text, size_t at) {
    const char c = text[at];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
    EXPECT_LE(letter_run(text), letter ? 16U : at);
    EXPECT_LE(letter_run(text), text.size());
#ifdef __SSE2__
    if (text.size() >= 16) {
      EXPECT_EQ(letter_run(text), std::min<size_t>(letter ? 16 : at, 16));
    }
#endif
  });
}

}  // namespace
}  // namespace culvert
