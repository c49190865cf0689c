// The fields that say where a message ends (RFC 9112 §6), checked as they come. Inside codec only.
#pragma once

#include "relay/codec/headers.h"
#include "relay/codec/offence.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace culvert {

inline constexpr FieldName kContentLength("content-length");
inline constexpr FieldName kTransferEncoding("transfer-encoding");

inline bool is_framing(FieldName name) {
  return name == kContentLength || name == kTransferEncoding;
}

bool is_plain_length(std::string_view value);  // digits, and not too many

class FramingFields {
 public:
  // To be called with every field that is_framing(), in order. What is refused: a second
  // Content-Length, even an equal one, one that is no plain number, any Transfer-Encoding but
  // exactly one `chunked`, both of them together, and Transfer-Encoding in HTTP/1.0.
  std::optional<Offence> see(FieldName name, std::string_view value, int minor_version);

  bool chunked() const { return chunked_; }
  std::optional<uint64_t> length() const { return length_; }

 private:
  std::optional<Offence> see_length(std::string_view value);
  std::optional<Offence> see_coding(std::string_view value, int minor_version);

  bool chunked_ = false;
  std::optional<uint64_t> length_;
};

// Whether the sender keeps the connection after this message (RFC 9112 §9.3).
bool keeps_alive(const Headers& headers, int minor_version);

}  // namespace culvert
