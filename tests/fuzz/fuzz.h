// What every fuzzer of bytes uses: the input as text, its three ways of being split, and a check
// that stays in every build.
#pragma once

#include "tests/unit/codec/pieces.h"

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <string>
#include <string_view>

namespace culvert::test {

inline void require(bool truth, std::string_view what) {
  if (truth) return;
  std::cerr << "broken: " << what << "\n";
  std::abort();
}

inline Pieces whole(std::string_view input) {
  Pieces pieces;
  pieces.emplace_back(input);
  return pieces;
}

// Runs the input whole, byte by byte and in two at a point that the input itself chooses; all must
// say the same.
template <class Run>
std::string same_at_splits(std::string_view input, Run run) {
  const std::string said = run(whole(input));
  const std::string bytes = run(bytewise(input));
  const size_t at = input.empty() ? 0 : std::hash<std::string_view>()(input) % input.size();
  const std::string halves = run(cut_at(input, at));
  if (said != bytes || said != halves) {
    std::cerr << "whole:\n"
              << said << "\nbytes:\n"
              << bytes << "\ncut at " << at << ":\n"
              << halves;
    require(false, "a split changed what was said");
  }
  return said;
}

inline std::string_view text(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace culvert::test
