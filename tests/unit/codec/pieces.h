// Inputs in pieces, for tests and fuzzers: each piece is a copy of its own on the heap, so that a
// sanitizer sees any reading past it.
#pragma once

#include <cstddef>
#include <memory>
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

}  // namespace culvert::test
