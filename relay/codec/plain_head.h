// Lines of a head that leave nothing to judge, and heads that came whole in such lines: the scanner
// and llhttp would accept each byte of them and read the same. Nearly all heads are so, and to run
// both machines over them was a tenth of a request's instructions. What is anything else is read
// as if nobody had looked. Inside codec only.
#pragma once

#include "relay/codec/http_event.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace culvert {

enum class HeadKind : uint8_t { kRequest, kResponse };

inline constexpr std::array<std::string_view, 8> kCarriedMethods = {
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT"};

struct StartLine {
  std::string_view method;
  std::string_view target;  // as received
  std::string_view reason;
  int status = 0;
  int minor_version = 1;
};

// The bytes of the line at the front with its end, where it is a plain one of HTTP/1.1; else 0.
size_t plain_start_line(HeadKind kind, std::string_view bytes, const HeadLimits& limits);

struct PlainField {
  size_t name = 0;  // its bytes
  size_t line = 0;  // with its end; 0: not plain
};
PlainField plain_field_line(std::string_view bytes);

// A head without Transfer-Encoding, and with one plain Content-Length at the most; a request's
// target is a path. The views are of the bytes that were read.
class PlainHead {
 public:
  // False: the bytes do not begin with such a head, or not with all of it.
  bool read(HeadKind kind, std::string_view bytes, const HeadLimits& limits);

  const StartLine& start() const { return start_; }
  size_t bytes() const { return size_; }  // with the empty line at its end
  size_t fields() const { return count_; }
  std::string_view name(size_t field) const {
    return bytes_.substr(fields_[field].begin, fields_[field].name);
  }
  std::string_view value(size_t field) const;  // without spaces at its ends

 private:
  struct Field {
    uint32_t begin;
    uint32_t name;
    uint32_t line;
  };
  static constexpr size_t kMost = 64;  // few heads have half as many fields

  bool read_start(HeadKind kind, const HeadLimits& limits);
  bool read_fields(size_t most);
  bool may_stand(size_t field);

  std::string_view bytes_;
  StartLine start_;
  size_t size_ = 0;
  size_t count_ = 0;
  bool has_length_ = false;
  std::array<Field, kMost> fields_;
};

}  // namespace culvert
