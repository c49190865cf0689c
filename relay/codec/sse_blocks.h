// An event stream in pieces that can be passed on or held one by one: each event with the exact
// bytes in which it came, and what stands between events. Pure; the parser itself is sse.h's.
#pragma once

#include "relay/codec/sse.h"

#include <optional>
#include <string>
#include <string_view>

namespace culvert {

// Views are valid until the next call, and as long as the bytes that it was given.
struct SseBlock {
  std::optional<SseEvent> event;  // nothing: comments, empty lines, fields without data
  std::string_view raw;           // all raws together are the stream, byte for byte
};

class SseBlocks {
 public:
  explicit SseBlocks(size_t event_bytes = limits::kSseEventBytes)
      : parser_(event_bytes), limit_(event_bytes) {}

  // Consumes from the front of *input up to the end of the next block; nothing where more bytes are
  // needed, and then all input was consumed. Behind each block an event of our own may stand.
  std::optional<SseBlock> next(std::string_view* input);

  // What was consumed of a block that has not ended.
  std::string_view unfinished() const { return given_ ? std::string_view() : raw_; }

  // An event is larger than the limit: its beginning is in unfinished(), or it came as a block
  // without an event. The caller stops cutting the stream, because nothing bounds it any more.
  bool overflowed() const { return parser_.overflowed() || unfinished().size() > 2 * limit_; }

 private:
  SseParser parser_;
  size_t limit_;
  std::string raw_;
  bool given_ = false;
};

// By which the block's first line ends; LF where none does.
std::string_view line_end_of(std::string_view raw);

// Without the byte order mark that only the first line of a stream may have.
std::string_view without_byte_order_mark(std::string_view raw);

// One event, its data in as many lines as it has, with its empty line.
std::string sse_text(std::string_view type, std::string_view data, std::string_view line_end);

}  // namespace culvert
