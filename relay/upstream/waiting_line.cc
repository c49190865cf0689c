// Numbers grow, so that each map stands in the order of coming.
#include "relay/upstream/waiting_line.h"

#include <algorithm>

namespace culvert {
namespace {

// Rounded up: the shortest queue has a place for everyone.
size_t places(Priority priority, size_t queue) {
  switch (priority) {
    case Priority::kHigh:
      return queue;
    case Priority::kNormal:
      return (queue * 2 + 2) / 3;
    case Priority::kLow:
      return (queue + 9) / 10;
  }
  return queue;
}

size_t index_of(Priority priority) { return static_cast<size_t>(priority); }

}  // namespace

WaitingLine::Place WaitingLine::enter(Priority priority,
                                      Instant now,
                                      const ConcurrencySettings& settings) {
  Place place;
  if (settings.queue == 0) return place;
  if (size_ >= places(priority, settings.queue)) {
    place.displaced = youngest_below(priority);
    if (!place.displaced) return place;
    leave(*place.displaced);
  }
  place.number = next_++;
  lines_[index_of(priority)].emplace(*place.number, now);
  ++size_;
  return place;
}

std::optional<WaitingLine::Number> WaitingLine::take_next() {
  for (auto& line : lines_) {
    if (line.empty()) continue;
    const Number number = line.begin()->first;
    leave(number);
    return number;
  }
  return std::nullopt;
}

void WaitingLine::leave(Number number) {
  for (auto& line : lines_) size_ -= line.erase(number);
}

std::vector<WaitingLine::Number> WaitingLine::take_expired(Instant now,
                                                           const ConcurrencySettings& settings) {
  std::vector<Number> out;
  for (auto& line : lines_) {
    while (!line.empty() && now - line.begin()->second >= settings.queue_age) {
      out.push_back(line.begin()->first);
      leave(out.back());
    }
  }
  return out;
}

std::optional<WaitingLine::Number> WaitingLine::youngest_below(Priority priority) const {
  for (size_t i = kClasses; i-- > index_of(priority) + 1;) {
    if (!lines_[i].empty()) return lines_[i].rbegin()->first;
  }
  return std::nullopt;
}

}  // namespace culvert
