// The rules of RFC 9112 §6.3, without any of its leniency.
#include "relay/codec/framing.h"

#include "relay/base/text.h"
#include "relay/codec/characters.h"

#include <algorithm>

namespace culvert {
namespace {

constexpr FieldName kConnection("connection");
constexpr size_t kLengthDigits = 18;  // always fits; an exabyte is enough

}  // namespace

bool is_plain_length(std::string_view value) {
  return !value.empty() && value.size() <= kLengthDigits &&
         std::all_of(value.begin(), value.end(), is_digit_byte);
}

std::optional<Offence> FramingFields::see(FieldName name,
                                          std::string_view value,
                                          int minor_version) {
  return name == kContentLength ? see_length(value) : see_coding(value, minor_version);
}

std::optional<Offence> FramingFields::see_length(std::string_view value) {
  if (chunked_) {
    return Offence{Code::kBadRequest,
                   "Content-Length stands beside Transfer-Encoding (RFC 9112 §6.1)"};
  }
  if (length_) {
    return Offence{Code::kBadRequest, "there are two Content-Length fields (RFC 9112 §6.3)"};
  }
  if (!is_plain_length(value)) {
    return Offence{Code::kBadRequest, "Content-Length is not a plain number (RFC 9110 §8.6)"};
  }
  uint64_t length = 0;
  for (const char c : value) length = length * 10 + static_cast<uint64_t>(c - '0');
  length_ = length;
  return std::nullopt;
}

std::optional<Offence> FramingFields::see_coding(std::string_view value, int minor_version) {
  if (length_) {
    return Offence{Code::kBadRequest,
                   "Transfer-Encoding stands beside Content-Length (RFC 9112 §6.1)"};
  }
  if (minor_version == 0) {
    return Offence{Code::kBadRequest, "Transfer-Encoding stands in HTTP/1.0 (RFC 9112 §6.1)"};
  }
  if (chunked_) {
    return Offence{Code::kBadRequest, "there are two Transfer-Encoding fields (RFC 9112 §6.1)"};
  }
  if (!equal_ignoring_case(value, "chunked")) {
    return Offence{Code::kNotImplemented,
                   "a transfer coding other than chunked is not carried (RFC 9112 §6.1)"};
  }
  chunked_ = true;
  return std::nullopt;
}

bool keeps_alive(const Headers& headers, int minor_version) {
  const bool keep = minor_version >= 1;
  if (!headers.find(kConnection)) return keep;
  const std::string options = headers.joined(kConnection);
  return !list_has(options, "close") && (keep || list_has(options, "keep-alive"));
}

}  // namespace culvert
