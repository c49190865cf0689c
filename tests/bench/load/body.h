// Finds the end of a body in HTTP/1.1: by its length, by its chunks, or by the end of the
// connection.
#pragma once

#include "tests/bench/load/head.h"

#include <cstdint>
#include <string_view>

namespace culvert::bench {

class BodyReader {
 public:
  enum class Found { kMore, kWhole, kBroken };

  // `until_end`: a body without a length goes on until the connection ends (of answers); else
  // there is none (of requests).
  void begin(const Head& head, bool until_end);

  // Takes the body's next piece from the front of `in`; call until `in` is empty or kWhole.
  // A body of no bytes is whole at once: ask whole() behind begin().
  Found take(std::string_view& in, std::string_view& piece);

  bool whole() const { return part_ == Part::kWhole; }
  bool until_end() const { return part_ == Part::kUntilEnd; }

 private:
  enum class Part { kWhole, kLength, kUntilEnd, kSize, kSizeEnd, kData, kDataEnd, kTrailer };

  Found take_framing(char byte);
  Found take_size(char byte);

  Part part_ = Part::kWhole;
  uint64_t left_ = 0;         // of the body, or of the chunk
  uint64_t line_length_ = 0;  // of the trailer's line
};

}  // namespace culvert::bench
