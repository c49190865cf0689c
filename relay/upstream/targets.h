// Which target of an upstream takes a request. Pure.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/random.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace culvert {

// A target as the choice sees it.
struct TargetView {
  uint32_t weight = 1;  // 0: never
  bool open = false;    // its breaker refuses now
  Instant since{};      // when that opened; of those that are open
  bool tried = false;   // by this request
};

enum class Leniency : uint8_t {
  kWell,        // only what no breaker refuses
  kNotEjected,  // also what is open but may not be left alone, because too many are
  kAny,         // also what is ejected, where nothing else is left
};

// Which of the open ones are left alone: those open for longest, at most `percent_most` of all and
// never all of them. One more failing target than that stays in use, lest the others break under
// its share.
std::vector<bool> ejected(const std::vector<TargetView>& targets, uint32_t percent_most);

// By weight, among those that were not tried. nullopt: none is left.
std::optional<size_t> choose_target(const std::vector<TargetView>& targets,
                                    uint32_t percent_most,
                                    Leniency leniency,
                                    Random& random);

}  // namespace culvert
