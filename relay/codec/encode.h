// HTTP/1.1 heads and chunks as bytes (RFC 9112). The callers' names and values were checked when
// they came in; a control byte that got here all the same is left out, so that no field can begin
// another.
#pragma once

#include "relay/codec/headers.h"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace culvert {

// Of memory that is kept (base/kept_text.h), for who gives it back.
std::string encode_request_head(std::string_view method,
                                std::string_view target,
                                const Headers& headers);
// An empty reason gets the standard phrase.
std::string encode_response_head(int status, std::string_view reason, const Headers& headers);
std::string_view reason_phrase(int status);  // RFC 9110 §15; "" for an unknown status

// The line before a chunk's bytes, which kChunkEnd follows (RFC 9112 §7.1). Of one byte at least.
class ChunkSize {
 public:
  explicit ChunkSize(size_t bytes);
  std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 18> text_;
  size_t size_;
};
inline constexpr std::string_view kChunkEnd = "\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";
std::string encode_last_chunk(const Headers& trailers);  // with fields behind it (RFC 9112 §7.1.2)

}  // namespace culvert
