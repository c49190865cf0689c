// Only lines are cut and two numbers are read: what is in between is not looked at.
#include "tests/bench/load/event_stream.h"

#include <charconv>

namespace culvert::bench {
namespace {

bool number_after(std::string_view line, std::string_view name, int64_t& number) {
  const size_t at = line.find(name);
  if (at == std::string_view::npos) return false;
  line.remove_prefix(at + name.size());
  while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
  return std::from_chars(line.data(), line.data() + line.size(), number).ec == std::errc();
}

}  // namespace

void EventStream::take(std::string_view piece, int64_t now, EventCounts& counts) {
  while (!piece.empty()) {
    const size_t end = piece.find('\n');
    if (end == std::string_view::npos) {
      kept_.append(piece);
      return;
    }
    if (kept_.empty()) {
      take_line(piece.substr(0, end), now, counts);
    } else {
      kept_.append(piece.substr(0, end));
      take_line(kept_, now, counts);
      kept_.clear();
    }
    piece.remove_prefix(end + 1);
  }
}

void EventStream::take_line(std::string_view line, int64_t now, EventCounts& counts) {
  if (!line.starts_with("data:")) return;
  if (line.find("[DONE]") != std::string_view::npos && line.find('{') == std::string_view::npos) {
    done_ = true;
    return;
  }
  ++events_;
  ++counts.events;
  if (counts.steady) ++counts.steady_events;
  int64_t stamp = 0;
  int64_t number = 0;
  if (!number_after(line, "\"t\":", stamp) || !number_after(line, "\"n\":", number)) {
    ++counts.unstamped;
    broken_ = true;
    return;
  }
  const bool in_order = !done_ && static_cast<uint64_t>(number) == next_;
  if (!in_order) ++counts.out_of_order;
  broken_ = broken_ || !in_order;
  next_ = static_cast<uint64_t>(number) + 1;
  counts.latency.record(now - stamp);
  if (counts.steady) counts.steady_latency.record(now - stamp);
}

}  // namespace culvert::bench
