// Which target of an upstream takes a request. Pure.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/random.h"
#include "relay/base/short_list.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace culvert {

// A target as the choice sees it.
struct TargetView {
  uint32_t weight = 1;  // 0: never
  bool open = false;    // its breaker refuses now
  bool dead = false;    // open, because nothing connects to it
  Instant since{};      // when that opened; of those that are open
  bool tried = false;   // by this request
};

using TargetViews = ShortList<TargetView, 4>;

enum class Leniency : uint8_t {
  kWell,        // only what no breaker refuses
  kNotEjected,  // also what is open but may not be left alone, because too many are
  kAny,         // also what is ejected, where nothing else is left
};

// Which of the open ones are left alone. Those that are dead always, as long as one is not: what
// goes there relieves nobody. Of the others those open for longest, until `percent_most` of all are
// left alone; none where no target is well: then any may be the one that recovered. Never all.
std::vector<bool> ejected(std::span<const TargetView> targets, uint32_t percent_most);

// By weight, among those that were not tried. nullopt: none is left.
std::optional<size_t> choose_target(std::span<const TargetView> targets,
                                    uint32_t percent_most,
                                    Leniency leniency,
                                    Random& random);

}  // namespace culvert
