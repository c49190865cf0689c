// When which stream sends its next event: one heap for all. Entries of streams that ended meanwhile
// are known by the serial number, which then is an old one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

namespace culvert::bench {

class ServedConnection;

class Schedule {
 public:
  struct Due {
    int64_t at_ns;
    ServedConnection* stream;
    uint64_t serial;
    friend bool operator>(const Due& a, const Due& b) { return a.at_ns > b.at_ns; }
  };

  void add(const Due& due) {
    heap_.push_back(due);
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  }

  // When the first one is due; far away when there is none.
  int64_t next_ns() const {
    return heap_.empty() ? std::numeric_limits<int64_t>::max() : heap_.front().at_ns;
  }

  Due take() {
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    const Due due = heap_.back();
    heap_.pop_back();
    return due;
  }

  // Where in its period stream after stream begins: steps of the golden ratio lie evenly however
  // many streams there are.
  double next_phase() {
    phase_ += 0.6180339887498949;
    if (phase_ >= 1) phase_ -= 1;
    return phase_;
  }

 private:
  std::vector<Due> heap_;
  double phase_ = 0;
};

}  // namespace culvert::bench
