// Server-sent events (WHATWG HTML §9.2.6), bytes in, events out, split anywhere. The relay reads
// along with it while the bytes themselves are forwarded untouched.
#pragma once

#include "relay/base/limits.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace culvert {

// Views are valid until the next call of the parser, and as long as the bytes that it was given.
struct SseEvent {
  std::string_view type;          // `event`; empty where there was none, which means "message"
  std::string_view data;          // `data` lines joined by LF
  std::string_view id;            // the last `id` of the stream so far
  std::optional<uint64_t> retry;  // milliseconds, where this event had a `retry`
};

class SseParser {
 public:
  explicit SseParser(size_t event_bytes = limits::kSseEventBytes) : limit_(event_bytes) {}

  // Consumes from the front of *input up to the end of the next event that has data; nothing where
  // more bytes are needed, and then all input was consumed. An event that ends with the stream
  // instead of an empty line is none.
  std::optional<SseEvent> next(std::string_view* input);

  // The bytes so far end between events: a comment may be inserted here.
  bool at_boundary() const;

  // An event was larger than the limit. It is skipped up to its end, the next one is read again;
  // a caller that looks for an end marker cannot rely on not having seen it.
  bool overflowed() const { return overflowed_; }

 private:
  bool take(std::string_view bytes, bool ends);
  bool end_line(std::string_view line, bool lasts);
  void take_field(std::string_view line, bool lasts);
  void take_data(std::string_view value, bool lasts);
  void take_retry(std::string_view value);
  void begin_event();
  bool fits(std::string_view bytes);
  void own_data();

  size_t limit_;
  std::string line_;  // the unfinished line
  std::string type_;
  std::string data_;
  std::string_view lent_;  // the first line of data, as long as it is whole in the caller's bytes
  std::string id_;
  std::optional<uint64_t> retry_;
  size_t data_lines_ = 0;
  size_t line_bytes_ = 0;  // of the unfinished line, kept or not
  bool given_ = false;     // the last call returned an event; it lives until the next call
  bool pending_ = false;   // a field of an unfinished event was seen
  bool after_cr_ = false;  // an LF here belongs to the CR before it
  bool skipping_ = false;  // inside an event that is too large
  bool overflowed_ = false;
  bool first_line_ = true;  // where a byte order mark may stand
};

}  // namespace culvert
