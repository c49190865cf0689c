// In which order a request prefers the destinations of its route. Pure.
#pragma once

#include "relay/base/random.h"
#include "relay/base/short_list.h"
#include "relay/config/snapshot.h"

#include <optional>
#include <string_view>

namespace culvert {

using Preference = ShortList<const Destination*, 4>;

// First those of `to`, drawn by weight one after the other, then `fallback` as it stands. sticky:
// what one client always brings (nullopt: nothing); equal texts draw the same, in any process and
// for as long as the destinations are the same. A change of weights moves no more clients than it
// must. A weight of zero is never drawn, unless all are.
Preference in_order_of_preference(const Route& route,
                                  std::optional<std::string_view> sticky,
                                  Random& random);

}  // namespace culvert
