// What a parser of HTTP/1.1 found next. Parsers are pulled: the caller asks until it is told that
// more bytes are needed, so that no parser ever calls into code that could end it.
#pragma once

#include <cstdint>
#include <string_view>

namespace culvert {

enum class EventKind : uint8_t {
  kNeedMore,
  kInterim,  // answers: a 1xx head, over at once
  kHead,
  kBody,  // `body` holds decoded bytes of the body
  kEnd,
};

struct HttpEvent {
  EventKind kind = EventKind::kNeedMore;
  std::string_view body;  // points into the caller's input
};

// How the end of a body is found (RFC 9112 §6.3).
enum class BodyFraming : uint8_t { kNone, kLength, kChunked, kUntilClose };

struct HeadLimits {
  size_t head_bytes;
  size_t head_fields;
  size_t target_bytes;
};

}  // namespace culvert
