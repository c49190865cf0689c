// Choosing and judging of keys.
#include "relay/keys/key_ring.h"

#include "relay/base/limits.h"
#include "relay/base/log.h"
#include "relay/channel/digest.h"

#include <algorithm>

namespace culvert {
namespace {

int64_t nanoseconds(Instant time) { return time.time_since_epoch().count(); }

std::string digest_text(std::string_view bytes) {
  const Digest digest = sha256(bytes);
  return {digest.begin(), digest.end()};
}

// A 64-bit finaliser (SplitMix64): spreads a key's and a caller's hash over all scores.
uint64_t mix(uint64_t value) {
  value += 0x9E3779B97F4A7C15ULL;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ULL;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBULL;
  return value ^ (value >> 31);
}

uint64_t first_bytes(std::string_view digest) {
  uint64_t value = 0;
  for (size_t i = 0; i < 8; ++i) value = value << 8 | static_cast<unsigned char>(digest[i]);
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

Lease::Lease(std::shared_ptr<const KeyPoolState> pool, size_t index, bool test)
    : pool_(std::move(pool)), index_(index), test_(test) {
  pool_->keys_[index_].state->in_flight.fetch_add(1);
  pool_->keys_[index_].state->used.fetch_add(1);
}

Lease::Lease(Lease&& other) noexcept = default;

Lease& Lease::operator=(Lease&& other) noexcept {
  std::swap(pool_, other.pool_);
  std::swap(index_, other.index_);
  std::swap(test_, other.test_);
  return *this;
}

Lease::~Lease() {
  if (pool_ == nullptr) return;
  KeyState& state = *pool_->keys_[index_].state;
  state.in_flight.fetch_sub(1);
  if (test_) state.being_tested.store(false);
}

const Secret& Lease::key() const { return pool_->keys_[index_].secret; }
const std::string& Lease::masked() const { return pool_->keys_[index_].state->masked; }

void Lease::report(KeyVerdict verdict, Duration wait) {
  KeyState& state = *pool_->keys_[index_].state;
  const Instant now = pool_->clock_->now();
  switch (verdict) {
    case KeyVerdict::kGood:
      state.rests_until.store(0);
      if (state.suspect.exchange(false)) {
        log::info("key recovered", {{"upstream", pool_->upstream_}, {"key", state.masked}});
      }
      return;
    case KeyVerdict::kRateLimited: {
      if (wait <= Duration::zero()) wait = pool_->rest_;
      wait = std::min<Duration>(wait, limits::kKeyRestMost);
      state.rests_until.store(nanoseconds(now + wait));
      log::info(
          "key rests",
          {{"upstream", pool_->upstream_}, {"key", state.masked}, {"seconds", seconds(wait)}});
      return;
    }
    case KeyVerdict::kRefused:
      state.suspect.store(true);
      state.isolated_until.store(nanoseconds(now + pool_->isolation_));
      log::warn("key isolated", {{"upstream", pool_->upstream_},
                                 {"key", state.masked},
                                 {"seconds", seconds(pool_->isolation_)}});
      return;
  }
}

KeyHealth KeyPoolState::health(size_t index) const {
  const KeyState& state = *keys_[index].state;
  const int64_t now = nanoseconds(clock_->now());
  if (state.isolated_until.load() > now) return KeyHealth::kIsolated;
  if (state.rests_until.load() > now) return KeyHealth::kResting;
  return KeyHealth::kReady;
}

bool KeyPoolState::usable(size_t index, int64_t now) const {
  const KeyState& state = *keys_[index].state;
  return state.isolated_until.load() <= now && state.rests_until.load() <= now &&
         !(state.suspect.load() && state.being_tested.load());
}

struct KeyPoolState::Choice {
  size_t index = SIZE_MAX;
  uint64_t score = 0;
};

void KeyPoolState::consider(size_t index, uint64_t score, Choice* best) const {
  if (best->index == SIZE_MAX || score < best->score) *best = {index, score};
}

Result<Lease> KeyPoolState::choose(const std::vector<size_t>& tried,
                                   std::string_view sticky) const {
  const int64_t now = nanoseconds(clock_->now());
  const size_t count = keys_.size();
  uint64_t start = 0;
  if (policy_ == KeyPolicy::kRandom) {
    start = random_->below(count);
  } else if (policy_ != KeyPolicy::kSticky) {
    start = turn_.fetch_add(1) % count;
  }
  const uint64_t caller = policy_ == KeyPolicy::kSticky ? first_bytes(digest_text(sticky)) : 0;
  Choice best;
  for (size_t step = 0; step < count; ++step) {
    const size_t index = (start + step) % count;
    if (!usable(index, now)) continue;
    if (std::find(tried.begin(), tried.end(), index) != tried.end()) continue;
    const KeyState& state = *keys_[index].state;
    switch (policy_) {
      case KeyPolicy::kRoundRobin:
      case KeyPolicy::kRandom:
        consider(index, step, &best);
        break;
      case KeyPolicy::kLeastUsed:
        consider(index,
                 (static_cast<uint64_t>(std::max<int64_t>(state.in_flight.load(), 0)) << 40) +
                     state.used.load(),
                 &best);
        break;
      // Rendezvous hashing: a key that rests moves only its own callers.
      case KeyPolicy::kSticky:
        consider(index, mix(keys_[index].hash ^ mix(caller)), &best);
        break;
    }
    if (best.index != SIZE_MAX && policy_ == KeyPolicy::kRoundRobin) break;
    if (best.index != SIZE_MAX && policy_ == KeyPolicy::kRandom) break;
  }
  if (best.index == SIZE_MAX) return none_usable();
  // A key that was refused is tried by one request at a time.
  KeyState& chosen = *keys_[best.index].state;
  const bool test = chosen.suspect.load();
  if (test && chosen.being_tested.exchange(true)) {
    std::vector<size_t> others = tried;
    others.push_back(best.index);
    return choose(others, sticky);
  }
  return Lease(shared_from_this(), best.index, test);
}

Error KeyPoolState::none_usable() const {
  const int64_t now = nanoseconds(clock_->now());
  int64_t soonest = INT64_MAX;
  bool because_of_rate = false;
  for (const Key& key : keys_) {
    const int64_t rests = key.state->rests_until.load();
    const int64_t isolated = key.state->isolated_until.load();
    if (rests > now && isolated <= now) because_of_rate = true;
    soonest = std::min(soonest, std::max({rests, isolated, now}));
  }
  Error error =
      Error::ours(because_of_rate ? Code::kKeysRateLimited : Code::kKeysUnavailable, Stage::kLimit,
                  because_of_rate ? "every key of " + upstream_ + " rests after its limit"
                                  : "no key of " + upstream_ + " can be used");
  constexpr int64_t kSecond = 1'000'000'000;
  error.retry_after = std::max<int64_t>(1, (soonest - now + kSecond - 1) / kSecond);
  return error;
}

KeyRing::KeyRing(const Clock& clock, Random& random) : clock_(clock), random_(random) {}

std::shared_ptr<KeyState> KeyRing::state_of(const std::string& upstream,
                                            std::string_view key,
                                            uint64_t* hash) {
  const std::string digest = digest_text(key);
  *hash = first_bytes(digest);
  auto& known = states_[upstream + '\n' + digest];
  auto state = known.lock();
  if (state == nullptr) {
    state = std::make_shared<KeyState>();
    state->masked = mask(key);
    known = state;
  }
  return state;
}

std::shared_ptr<KeyPoolState> KeyRing::make(const std::string& upstream,
                                            const std::vector<Secret>& keys) {
  auto pool = std::make_shared<KeyPoolState>();
  pool->clock_ = &clock_;
  pool->random_ = &random_;
  pool->upstream_ = upstream;
  std::erase_if(states_, [](const auto& item) { return item.second.expired(); });
  for (const Secret& key : keys) {
    KeyPoolState::Key made;
    made.secret = key;
    made.state = state_of(upstream, key.reveal(), &made.hash);
    pool->keys_.push_back(std::move(made));
  }
  return pool;
}

std::shared_ptr<const KeyPoolState> KeyRing::pool(const KeyPool& pool) {
  const std::lock_guard lock(mutex_);
  auto made = make(pool.upstream, pool.keys);
  made->policy_ = pool.policy;
  made->rest_ = pool.rest;
  made->isolation_ = pool.isolation;
  return made;
}

std::shared_ptr<const KeyPoolState> KeyRing::callers_pool(const std::string& upstream,
                                                          const std::vector<std::string>& keys,
                                                          Duration rest,
                                                          Duration isolation) {
  std::string joined = upstream;
  for (const std::string& key : keys) joined += '\n' + key;
  const std::string id = digest_text(joined);
  wipe(joined.data(), joined.size());
  const std::lock_guard lock(mutex_);
  if (const auto known = callers_.find(id); known != callers_.end()) {
    recent_.splice(recent_.begin(), recent_, known->second);
    return recent_.front().second;
  }
  std::vector<Secret> secrets;
  for (const std::string& key : keys) secrets.emplace_back(key);
  auto made = make(upstream, secrets);
  made->rest_ = rest;
  made->isolation_ = isolation;
  recent_.emplace_front(id, made);
  callers_[id] = recent_.begin();
  if (recent_.size() > limits::kClientPools) {
    callers_.erase(recent_.back().first);
    recent_.pop_back();
  }
  return made;
}

}  // namespace culvert
