// The last events of a stream, kept for readers that lost their connection (streams: Replay), and
// where each reader stands. Pure. Bounded by a window of bytes: older events go first, but never
// one that a reader has still to get; whoever appends then waits for that reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <string>

namespace culvert {

class KeptStream {
 public:
  explicit KeptStream(size_t window) : window_(window) {}

  // Events are numbered from 1 as they come. Nothing is appended while overfull() by a caller that
  // keeps the window's bound; what is appended all the same is kept.
  void append(std::string event);

  uint64_t first() const { return last_ + 1 - events_.size(); }  // that is here
  uint64_t last() const { return last_; }                        // that came
  // All events behind that one are here, or still to come.
  bool has_behind(uint64_t id) const { return id + 1 >= first() && id <= last_; }
  size_t bytes() const { return bytes_; }  // with what it costs to keep them
  bool overfull() const { return bytes_ > window_; }

  // A reader: the last event that it has got. Only where has_behind().
  using Reader = std::list<uint64_t>::iterator;
  Reader read_behind(uint64_t id) { return readers_.insert(readers_.end(), id); }
  void stop_reading(Reader reader);
  // Appends the reader's next events to *out, of at most `most` bytes in all, but at least one;
  // false where it has got all that there are.
  bool take(Reader reader, size_t most, std::string* out);
  // Of the reader that is the furthest behind.
  size_t backlog() const;

  // Drops the oldest events that no reader needs, until so many bytes are free or there are none.
  void drop(size_t bytes);

 private:
  struct Event {
    std::string text;
    uint64_t end;  // bytes of all events up to this one
  };
  uint64_t slowest() const;
  void drop_oldest();
  void keep_bound();

  const size_t window_;
  std::deque<Event> events_;
  std::list<uint64_t> readers_;
  uint64_t last_ = 0;
  uint64_t end_ = 0;  // of the last event
  size_t bytes_ = 0;
};

}  // namespace culvert
