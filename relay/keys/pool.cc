// Choosing among keys.
#include "relay/keys/pool.h"

#include "relay/crypto/digest.h"

#include <algorithm>
#include <utility>

namespace culvert {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

int64_t nanoseconds(Instant time) { return time.time_since_epoch().count(); }

// SplitMix64's finaliser: spreads a key's and a caller's hash over all scores.
uint64_t mix(uint64_t value) {
  value += 0x9E3779B97F4A7C15ULL;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ULL;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBULL;
  return value ^ (value >> 31);
}

uint64_t hash_of(std::string_view text) {
  const Digest digest = sha256(text);
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof value; ++i) value = value << 8 | digest[i];
  return value;
}

}  // namespace

std::string_view to_string(KeyHealth health) {
  switch (health) {
    case KeyHealth::kReady:
      return "ready";
    case KeyHealth::kResting:
      return "resting";
    case KeyHealth::kIsolated:
      return "isolated";
  }
  return "ready";
}

Result<Lease> KeyPoolState::choose(const KeyWish& wish) const {
  if (keys_.empty()) {
    return Error::ours(Code::kKeysUnavailable, Stage::kLimit,
                       "every key of " + upstream_ + " is disabled");
  }
  std::vector<size_t> passed_over = wish.tried;
  const Round round{nanoseconds(clock_->now()), passed_over, wish.sticky, wish.model};
  while (const auto index = pick(round)) {
    KeyState& state = *keys_[*index].state;
    // A key that was refused is tried by one request at a time.
    const bool test = state.suspect.load();
    if (!test || !state.being_tested.exchange(true)) {
      if (take(*index, round.now)) return Lease(shared_from_this(), *index, test, wish.model);
      if (test) state.being_tested.store(false);
    }
    passed_over.push_back(*index);
  }
  return none_usable(round);
}

// One request of the key's limits. What is full is remembered, so that the next choosing passes it
// over without asking.
bool KeyPoolState::take(size_t index, int64_t now) const {
  const auto full = keys_[index].state->meter.reserve(limits_, Instant(Duration(now)));
  if (!full) return true;
  full_until_[index].store(nanoseconds(*full));
  return false;
}

KeyHealth KeyPoolState::health(size_t index) const {
  const KeyState& state = *keys_[index].state;
  const int64_t now = nanoseconds(clock_->now());
  // Isolation ends with the test that succeeds, not with the time after which it may be made.
  if (state.isolated_until.load() > now || state.suspect.load()) return KeyHealth::kIsolated;
  return state.rests_until.load() > now ? KeyHealth::kResting : KeyHealth::kReady;
}

std::optional<size_t> KeyPoolState::pick(const Round& round) const {
  switch (policy_) {
    case KeyPolicy::kRoundRobin:
      return in_turn(round);
    case KeyPolicy::kRandom:
      return at_random(round);
    case KeyPolicy::kLeastUsed:
      return least_used(round);
    case KeyPolicy::kSticky:
      return by_caller(round);
  }
  return std::nullopt;
}

std::optional<size_t> KeyPoolState::in_turn(const Round& round) const {
  const std::lock_guard lock(turn_mutex_);
  for (size_t step = 0; step < keys_.size(); ++step) {
    const size_t index = (turn_ + step) % keys_.size();
    if (!usable(index, round)) continue;
    turn_ = index + 1;
    return index;
  }
  return std::nullopt;
}

std::optional<size_t> KeyPoolState::at_random(const Round& round) const {
  // A draw costs far less than a walk over all keys, and where one of ten can be used, so many
  // draws find it in 97 cases of 100.
  static constexpr int kDraws = 32;
  for (int draw = 0; draw < kDraws; ++draw) {
    const auto index = static_cast<size_t>(random_->below(keys_.size()));
    if (usable(index, round)) return index;
  }
  std::optional<size_t> chosen;
  uint64_t seen = 0;
  for (size_t index = 0; index < keys_.size(); ++index) {
    if (usable(index, round) && random_->below(++seen) == 0) chosen = index;
  }
  return chosen;
}

std::optional<size_t> KeyPoolState::least_used(const Round& round) const {
  using Load = std::pair<int64_t, uint64_t>;
  std::optional<size_t> chosen;
  Load least;
  // What a cache line tells is asked first: keys that rest are many or none, and of those that do
  // not only a few are better than all before them.
  for (size_t index = 0; index < keys_.size(); ++index) {
    const KeyState& state = *keys_[index].state;
    if (state.rests_until.load() > round.now) continue;
    const Load load{state.in_flight.load(), state.used.load()};
    if ((chosen && load >= least) || !usable(index, round)) continue;
    chosen = index;
    least = load;
  }
  return chosen;
}

// Rendezvous hashing: a key that rests moves only its own callers, and they come back to it.
std::optional<size_t> KeyPoolState::by_caller(const Round& round) const {
  // The score is asked first: it is a few instructions on what lies here, and of a thousand keys
  // only some seven are better than all before them.
  const uint64_t caller = mix(hash_of(round.sticky));
  std::optional<size_t> chosen;
  uint64_t highest = 0;
  for (size_t index = 0; index < keys_.size(); ++index) {
    const uint64_t score = mix(keys_[index].hash ^ caller);
    if ((chosen && score <= highest) || !usable(index, round)) continue;
    chosen = index;
    highest = score;
  }
  return chosen;
}

bool KeyPoolState::usable(size_t index, const Round& round) const {
  const KeyState& state = *keys_[index].state;
  if (state.isolated_until.load() > round.now || state.rests_until.load() > round.now) return false;
  if (full_until_[index].load() > round.now) return false;
  if (state.suspect.load() && state.being_tested.load()) return false;
  if (!round.model.empty() && nanoseconds(state.models.resting(round.model)) > round.now) {
    return false;
  }
  return std::find(round.tried.begin(), round.tried.end(), index) == round.tried.end();
}

Error KeyPoolState::none_usable(const Round& round) const {
  const int64_t now = round.now;
  int64_t soonest = INT64_MAX;
  bool all_rest = true;
  for (size_t index = 0; index < keys_.size(); ++index) {
    const KeyState& state = *keys_[index].state;
    int64_t rests = std::max(state.rests_until.load(), full_until_[index].load());
    if (!round.model.empty()) {
      rests = std::max(rests, nanoseconds(state.models.resting(round.model)));
    }
    const int64_t isolated = state.isolated_until.load();
    if (rests <= now || isolated > now || state.suspect.load()) all_rest = false;
    soonest = std::min(soonest, std::max({rests, isolated, now}));
  }
  Error error =
      Error::ours(all_rest ? Code::kKeysRateLimited : Code::kKeysUnavailable, Stage::kLimit,
                  all_rest ? "every key of " + upstream_ + " has used up its rate limit or quota"
                           : "no key of " + upstream_ + " can be used now");
  error.retry_after = std::max<int64_t>(1, (soonest - now + kSecond - 1) / kSecond);
  return error;
}

}  // namespace culvert
