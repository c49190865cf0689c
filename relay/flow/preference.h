// In which order a request prefers the destinations of its route. Pure.
#pragma once

#include "relay/base/random.h"
#include "relay/config/snapshot.h"

#include <optional>
#include <string_view>
#include <vector>

namespace culvert {

// First those of `to`, drawn by weight one after the other, then `fallback` as it stands. sticky:
// what one client always brings (nullopt: nothing); equal texts draw the same, in any process and
// for as long as the destinations are the same. A change of weights moves no more clients than it
// must. A weight of zero is never drawn, unless all are.
std::vector<const Destination*> in_order_of_preference(const Route& route,
                                                       std::optional<std::string_view> sticky,
                                                       Random& random);

}  // namespace culvert
