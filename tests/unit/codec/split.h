// Feeds a parser the same bytes whole, byte by byte and cut in two at each point, and expects the
// same each time. Pieces are copies of their own, so that a sanitizer sees any reading past them.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace culvert::test {

// Bytes on the heap with nothing after them.
class Piece {
 public:
  explicit Piece(std::string_view bytes) : size_(bytes.size()), bytes_(new char[bytes.size() + 1]) {
    bytes.copy(bytes_.get() + 1, bytes.size());
  }
  std::string_view view() const { return {bytes_.get() + 1, size_}; }

 private:
  size_t size_;
  std::unique_ptr<char[]> bytes_;
};

using Pieces = std::vector<Piece>;

inline Pieces bytewise(std::string_view input) {
  Pieces pieces;
  for (const char& c : input) pieces.emplace_back(std::string_view(&c, 1));
  return pieces;
}

inline Pieces cut_at(std::string_view input, size_t at) {
  Pieces pieces;
  pieces.emplace_back(input.substr(0, at));
  pieces.emplace_back(input.substr(at));
  return pieces;
}

// run: Pieces → something comparable and printable. Returns what the whole input gave.
template <class Run>
auto at_every_split(std::string_view input, Run run) {
  Pieces whole;
  whole.emplace_back(input);
  const auto expected = run(whole);
  EXPECT_EQ(expected, run(bytewise(input))) << "byte by byte";
  // Long inputs are cut at a spread of points instead of at each: the time is squared otherwise.
  const size_t step = input.size() < 2000 ? 1 : input.size() / 500;
  for (size_t at = 1; at < input.size(); at += step) {
    EXPECT_EQ(expected, run(cut_at(input, at))) << "cut at " << at;
  }
  return expected;
}

}  // namespace culvert::test
