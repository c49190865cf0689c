// Feeds a parser the same bytes whole, byte by byte and cut in two at each point, and expects the
// same each time.
#pragma once

#include "tests/unit/codec/pieces.h"

#include <gtest/gtest.h>

#include <string_view>

namespace culvert::test {

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
