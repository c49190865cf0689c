// The form of the spool's files, bytes in, records out. Pure. A segment is a head and records, each
// in a frame: a mark, the record's length, a checksum over length and record. The mark lets a
// reader find the next record behind one that was damaged.
#pragma once

#include "relay/base/limits.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace culvert {

// 8 bytes of magic, 4 of version, 4 of the number of records, which stands there once the segment
// takes no more of them and is 0 until then. Numbers are little-endian.
inline constexpr size_t kSegmentHead = 16;
inline constexpr size_t kRecordFrame = 12;
inline constexpr size_t kFramedMost = kRecordFrame + limits::kUsageRecordBytes;

std::array<char, kSegmentHead> segment_head(uint32_t records);
// The number of records that a head tells; nullopt: this is no segment of ours.
std::optional<uint32_t> records_of_head(std::string_view head);

// Appends the framed record to *out; false, and nothing, where it is empty or too large.
bool frame(std::string_view record, std::string* out);

// Reads framed records of a part of a segment. What is not whole or not sound is left out: a record
// that was torn at the end, and what was damaged before a sound one.
class RecordReader {
 public:
  explicit RecordReader(std::string_view bytes) : bytes_(bytes) {}

  std::optional<std::string_view> next();
  // Behind the last record that was given.
  size_t position() const { return position_; }
  // Bytes that were passed over between sound records.
  uint64_t damaged() const { return damaged_; }

 private:
  std::string_view bytes_;
  size_t position_ = 0;
  uint64_t damaged_ = 0;
};

}  // namespace culvert
