// Gives the events of a stream numbers: 1, 2, 3, … as their `id`, so that a reader which lost its
// connection can say where it stood (WHATWG HTML §9.2.6, Last-Event-ID). Pure: bytes in, split
// anywhere, numbered pieces out. An event comes out when it is whole, because half of one is of no
// use to a reader that may have to begin it again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace culvert {

class SseNumbers {
 public:
  // most: bytes of one event; see overflowed().
  explicit SseNumbers(size_t most) : most_(most) {}

  struct Piece {
    uint64_t id = 0;   // of an event; 0: a comment, a blank line, or fields without data
    std::string text;  // its lines without the stream's own ids, and the line that ends it
  };
  // Consumes from the front of *input up to the end of the next piece; nothing where more bytes are
  // needed, and then all input was consumed.
  std::optional<Piece> next(std::string_view* input);
  // What stands behind the last whole event of a stream that has ended, as it came: some end their
  // last event without an empty line.
  std::optional<Piece> end();

  // An event is larger than the limit. The caller stops numbering: nothing bounds it any more.
  bool overflowed() const { return lines_.size() + line_.size() > most_; }
  // What was consumed of an event that has not ended; it is forgotten here.
  std::string take_unfinished();
  uint64_t last() const { return last_; }

 private:
  std::optional<Piece> end_line();
  Piece end_event();
  void append_lines(std::string* out) const;

  const size_t most_;
  std::string line_;                  // the unfinished one
  std::string lines_;                 // of the unfinished event, each with an LF
  std::string_view line_end_ = "\n";  // of the stream
  uint64_t last_ = 0;
  bool data_ = false;       // the unfinished event has some
  bool after_cr_ = false;   // an LF here belongs to the CR before it
  bool first_line_ = true;  // where a byte order mark may stand
};

}  // namespace culvert
