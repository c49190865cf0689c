// Framing and its undoing.
#include "relay/usage/segment.h"

#include "relay/base/crc32c.h"

namespace culvert {
namespace {

constexpr std::string_view kMagic = "CULVUSAG";
constexpr uint32_t kVersion = 1;
constexpr std::string_view kMark = "\xC1URc";  // its first byte stands in no UTF-8

void put(uint32_t value, char* at) {
  for (int i = 0; i < 4; ++i) at[i] = static_cast<char>(value >> (8 * i) & 0xFFU);
}

uint32_t take(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 4; i-- > 0;) value = value << 8U | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

// Over the length too: a length that was damaged is found out by it.
uint32_t checksum(uint32_t size, std::string_view record) {
  return crc32c(record) ^ (size * 0x9E3779B1U);
}

// The record whose frame begins at `at`, where it is whole and sound.
std::optional<std::string_view> record_at(std::string_view bytes, size_t at) {
  if (bytes.size() - at < kRecordFrame || bytes.substr(at, kMark.size()) != kMark) {
    return std::nullopt;
  }
  const uint32_t size = take(bytes, at + 4);
  if (size == 0 || size > limits::kUsageRecordBytes) return std::nullopt;
  if (bytes.size() - at - kRecordFrame < size) return std::nullopt;
  const std::string_view record = bytes.substr(at + kRecordFrame, size);
  if (checksum(size, record) != take(bytes, at + 8)) return std::nullopt;
  return record;
}

}  // namespace

std::array<char, kSegmentHead> segment_head(uint32_t records) {
  std::array<char, kSegmentHead> head{};
  kMagic.copy(head.data(), kMagic.size());
  put(kVersion, head.data() + 8);
  put(records, head.data() + 12);
  return head;
}

std::optional<uint32_t> records_of_head(std::string_view head) {
  if (head.size() < kSegmentHead || head.substr(0, kMagic.size()) != kMagic) return std::nullopt;
  if (take(head, 8) != kVersion) return std::nullopt;
  return take(head, 12);
}

bool frame(std::string_view record, std::string* out) {
  if (record.empty() || record.size() > limits::kUsageRecordBytes) return false;
  const auto size = static_cast<uint32_t>(record.size());
  std::array<char, kRecordFrame> head{};
  kMark.copy(head.data(), kMark.size());
  put(size, head.data() + 4);
  put(checksum(size, record), head.data() + 8);
  out->append(head.data(), head.size()).append(record);
  return true;
}

std::optional<std::string_view> RecordReader::next() {
  for (size_t at = position_; at < bytes_.size();) {
    if (const auto record = record_at(bytes_, at)) {
      damaged_ += at - position_;
      position_ = at + kRecordFrame + record->size();
      return record;
    }
    at = bytes_.find(kMark, at + 1);  // npos ends the loop
  }
  return std::nullopt;
}

}  // namespace culvert
