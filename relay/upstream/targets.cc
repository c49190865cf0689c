// First what well ones there are, then less.
#include "relay/upstream/targets.h"

#include <algorithm>

namespace culvert {
namespace {

template <class Eligible>
std::optional<size_t> by_weight(std::span<const TargetView> targets,
                                const Eligible& eligible,
                                Random& random) {
  uint64_t total = 0;
  for (size_t i = 0; i < targets.size(); ++i) total += eligible(i) ? targets[i].weight : 0;
  if (total == 0) return std::nullopt;
  uint64_t drawn = random.below(total);
  for (size_t i = 0; i < targets.size(); ++i) {
    if (!eligible(i)) continue;
    if (drawn < targets[i].weight) return i;
    drawn -= targets[i].weight;
  }
  return std::nullopt;
}

}  // namespace

std::vector<bool> ejected(std::span<const TargetView> targets, uint32_t percent_most) {
  std::vector<bool> out(targets.size(), false);
  std::vector<size_t> ill;
  size_t in_use = 0;
  size_t dead = 0;
  for (size_t i = 0; i < targets.size(); ++i) {
    if (targets[i].weight == 0) continue;
    ++in_use;
    if (!targets[i].open) continue;
    if (targets[i].dead) ++dead;
    if (!targets[i].dead) ill.push_back(i);
  }
  if (dead == in_use) return out;
  for (size_t i = 0; i < targets.size(); ++i) {
    out[i] = targets[i].weight > 0 && targets[i].open && targets[i].dead;
  }
  if (dead + ill.size() == in_use) return out;
  const size_t most = in_use * percent_most / 100;
  std::stable_sort(ill.begin(), ill.end(),
                   [&](size_t a, size_t b) { return targets[a].since < targets[b].since; });
  for (size_t i = 0; i < ill.size() && dead + i < most; ++i) out[ill[i]] = true;
  return out;
}

std::optional<size_t> choose_target(std::span<const TargetView> targets,
                                    uint32_t percent_most,
                                    Leniency leniency,
                                    Random& random) {
  std::vector<bool> away;  // most often none is open, and then none is ejected
  const bool any_open = std::any_of(targets.begin(), targets.end(),
                                    [](const TargetView& target) { return target.open; });
  if (leniency == Leniency::kNotEjected && any_open) away = ejected(targets, percent_most);
  const auto eligible = [&](size_t i) {
    if (targets[i].tried) return false;
    if (!targets[i].open || leniency == Leniency::kAny) return true;
    return leniency == Leniency::kNotEjected && !away[i];
  };
  return by_weight(targets, eligible, random);
}

}  // namespace culvert
