// Data is passed in pieces; what stands between chunks is read byte by byte.
#include "tests/bench/load/body.h"

#include <algorithm>
#include <utility>

namespace culvert::bench {

void BodyReader::begin(const Head& head, bool until_end) {
  left_ = line_length_ = 0;
  if (head.chunked) {
    part_ = Part::kSize;
  } else if (head.has_length) {
    left_ = head.length;
    part_ = left_ == 0 ? Part::kWhole : Part::kLength;
  } else {
    part_ = until_end ? Part::kUntilEnd : Part::kWhole;
  }
}

BodyReader::Found BodyReader::take(std::string_view& in, std::string_view& piece) {
  piece = {};
  while (!in.empty()) {
    if (part_ == Part::kWhole) return Found::kWhole;
    if (part_ == Part::kUntilEnd) {
      piece = std::exchange(in, {});
      return Found::kMore;
    }
    if (part_ == Part::kLength || part_ == Part::kData) {
      piece = in.substr(0, static_cast<size_t>(std::min<uint64_t>(left_, in.size())));
      in.remove_prefix(piece.size());
      left_ -= piece.size();
      if (left_ > 0) return Found::kMore;
      part_ = part_ == Part::kLength ? Part::kWhole : Part::kDataEnd;
      return whole() ? Found::kWhole : Found::kMore;
    }
    const Found found = take_framing(in.front());
    in.remove_prefix(1);
    if (found != Found::kMore) return found;
  }
  return whole() ? Found::kWhole : Found::kMore;
}

BodyReader::Found BodyReader::take_framing(char byte) {
  switch (part_) {
    case Part::kSize:
      return take_size(byte);
    case Part::kSizeEnd:  // extensions, too
      if (byte == '\n') part_ = left_ > 0 ? Part::kData : Part::kTrailer;
      return Found::kMore;
    case Part::kDataEnd:
      if (byte == '\n') part_ = Part::kSize;
      return byte == '\n' || byte == '\r' ? Found::kMore : Found::kBroken;
    default:  // the trailer ends with an empty line
      if (byte == '\n' && line_length_ == 0) part_ = Part::kWhole;
      if (byte == '\n') line_length_ = 0;
      if (byte != '\n' && byte != '\r') ++line_length_;
      return whole() ? Found::kWhole : Found::kMore;
  }
}

BodyReader::Found BodyReader::take_size(char byte) {
  const char lower = static_cast<char>(byte | 0x20);
  uint64_t digit = 0;
  if (byte >= '0' && byte <= '9') {
    digit = static_cast<uint64_t>(byte - '0');
  } else if (lower >= 'a' && lower <= 'f') {
    digit = static_cast<uint64_t>(lower - 'a') + 10;
  } else if (byte == '\r' || byte == ';') {
    part_ = Part::kSizeEnd;
    return Found::kMore;
  } else {
    return Found::kBroken;
  }
  if (left_ >> 59 != 0) return Found::kBroken;
  left_ = left_ * 16 + digit;
  return Found::kMore;
}

}  // namespace culvert::bench
