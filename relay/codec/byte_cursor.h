// Reads binary messages from their front: numbers in network order, and vectors with their length
// before them (RFC 8446 §3.3, §3.4). Never reads past its bytes. Inside codec only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace culvert {

// Each call returns nullopt where fewer bytes are left than it takes, and then takes none.
class ByteCursor {
 public:
  explicit ByteCursor(std::string_view bytes) : rest_(bytes) {}

  bool empty() const { return rest_.empty(); }

  std::optional<std::string_view> bytes(size_t count) {
    if (rest_.size() < count) return std::nullopt;
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

  // width: 1 to 4 bytes.
  std::optional<uint32_t> number(size_t width) {
    const auto taken = bytes(width);
    if (!taken) return std::nullopt;
    uint32_t out = 0;
    for (const char c : *taken) out = out << 8U | static_cast<unsigned char>(c);
    return out;
  }

  // A vector whose length stands before it in `width` bytes.
  std::optional<std::string_view> vector(size_t width) {
    ByteCursor ahead = *this;
    const auto length = ahead.number(width);
    if (!length) return std::nullopt;
    const auto taken = ahead.bytes(*length);
    if (taken) *this = ahead;
    return taken;
  }

 private:
  std::string_view rest_;
};

}  // namespace culvert
