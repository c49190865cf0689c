// See kept_stream.h.
#include "relay/stream/kept_stream.h"

#include <algorithm>
#include <utility>

namespace culvert {
namespace {

// An event's string, its entry and their allocations, beside its text.
constexpr size_t kEventCost = 80;

}  // namespace

void KeptStream::append(std::string event) {
  const size_t cost = event.size() + kEventCost;
  event.shrink_to_fit();
  events_.push_back({std::move(event), end_ + cost});
  end_ += cost;
  bytes_ += cost;
  ++last_;
  keep_bound();
}

void KeptStream::stop_reading(Reader reader) {
  readers_.erase(reader);
  keep_bound();
}

bool KeptStream::take(Reader reader, size_t most, std::string* out) {
  if (*reader == last_) return false;
  const size_t before = out->size();
  do {
    const Event& event = events_[static_cast<size_t>(*reader + 1 - first())];
    if (out->size() > before && out->size() - before + event.text.size() > most) break;
    out->append(event.text);
    ++*reader;
  } while (*reader < last_);
  keep_bound();
  return true;
}

size_t KeptStream::backlog() const {
  const uint64_t id = slowest();
  if (id == last_) return 0;
  // Nothing that a reader needs is dropped: the event behind its own is here.
  const Event& next = events_[static_cast<size_t>(id + 1 - first())];
  return static_cast<size_t>(end_ - next.end) + next.text.size() + kEventCost;
}

void KeptStream::drop(size_t bytes) {
  const size_t wanted = bytes_ - std::min(bytes, bytes_);
  while (bytes_ > wanted && first() <= slowest()) drop_oldest();
}

uint64_t KeptStream::slowest() const {
  const auto least = std::min_element(readers_.begin(), readers_.end());
  return least == readers_.end() ? last_ : *least;
}

void KeptStream::drop_oldest() {
  bytes_ -= events_.front().text.size() + kEventCost;
  events_.pop_front();
}

void KeptStream::keep_bound() {
  if (overfull()) drop(bytes_ - window_);
}

}  // namespace culvert
