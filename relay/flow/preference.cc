// Weighted rendezvous: each destination draws a number u in (0, 1) and scores -weight / ln(u); the
// highest score comes first with a probability of weight / sum, and so on among the rest
// (Efraimidis and Spirakis 2006). A destination's score depends on nothing but itself, so that a
// change of its weight moves clients only to or from it.
#include "relay/flow/preference.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace culvert {
namespace {

uint64_t mix(uint64_t value) {  // SplitMix64's finaliser
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ULL;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBULL;
  return value ^ (value >> 31);
}

uint64_t hashed(uint64_t seed, std::string_view text) {  // FNV-1a
  for (const char c : text) {
    seed = (seed ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  }
  return seed;
}

uint64_t hash_of(const Destination& destination, std::string_view client) {
  uint64_t hash = hashed(0xCBF29CE484222325ULL, destination.upstream);
  for (const std::string_view part :
       {std::string_view(destination.key_pool), std::string_view(destination.model), client}) {
    hash = hashed(hashed(hash, std::string_view("\0", 1)), part);
  }
  return mix(hash);
}

double score(uint32_t weight, uint64_t drawn) {
  const double u = (static_cast<double>(drawn >> 11) + 0.5) * 0x1p-53;
  return -static_cast<double>(weight) / std::log(u);
}

using Scored = std::pair<double, const Destination*>;

// Of several; those without a weight are left out.
std::vector<Scored> by_score(const std::vector<Destination>& destinations,
                             std::optional<std::string_view> sticky,
                             Random& random) {
  std::vector<Scored> scored;
  for (const Destination& destination : destinations) {
    if (destination.weight == 0) continue;
    const uint64_t drawn = sticky ? hash_of(destination, *sticky) : random.next();
    scored.emplace_back(score(destination.weight, drawn), &destination);
  }
  std::stable_sort(scored.begin(), scored.end(),
                   [](const Scored& a, const Scored& b) { return a.first > b.first; });
  return scored;
}

}  // namespace

Preference in_order_of_preference(const Route& route,
                                  std::optional<std::string_view> sticky,
                                  Random& random) {
  Preference out;
  if (route.to.size() > 1) {
    for (const Scored& item : by_score(route.to, sticky, random)) out.push_back(item.second);
  }
  if (out.empty() && !route.to.empty()) out.push_back(&route.to.front());
  for (const Destination& destination : route.fallback) out.push_back(&destination);
  return out;
}

}  // namespace culvert
