// Who waits for an upstream, who is next, and who is sent away. Bounded in length and age; higher
// classes first, in the order of coming within one. Pure: knows waiters by numbers.
#pragma once

#include "relay/base/clock.h"
#include "relay/config/snapshot.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace culvert {

class WaitingLine {
 public:
  using Number = uint64_t;

  struct Place {
    std::optional<Number> number;     // absent: there is no place
    std::optional<Number> displaced;  // who has lost its own to this one
  };
  // High may use all of the queue, normal two thirds, low a tenth: what is over counts all who
  // wait. Where its part is full, a newcomer takes the place of the youngest of a lower class, the
  // lowest first.
  Place enter(Priority priority, Instant now, const ConcurrencySettings& settings);

  std::optional<Number> take_next();  // and takes it out
  void leave(Number number);
  // Takes out those who have waited for longer than they may.
  std::vector<Number> take_expired(Instant now, const ConcurrencySettings& settings);

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

 private:
  static constexpr size_t kClasses = 3;
  std::optional<Number> youngest_below(Priority priority) const;

  std::array<std::map<Number, Instant>, kClasses> lines_;  // by Priority; numbers grow
  size_t size_ = 0;
  Number next_ = 1;
};

}  // namespace culvert
