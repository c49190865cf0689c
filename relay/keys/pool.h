// The keys of one upstream, and the choosing among them. A pool is made by the KeyRing, immutable
// but for the state of its keys, and shared by all workers.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/random.h"
#include "relay/base/result.h"
#include "relay/base/secret.h"
#include "relay/config/snapshot.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

enum class KeyHealth : uint8_t { kReady, kResting, kIsolated };
std::string_view to_string(KeyHealth health);

// How an upstream took a key. What says nothing about the key (5xx, a lost connection) is not
// reported.
enum class KeyVerdict : uint8_t { kGood, kRateLimited, kRefused };

// Of one key at one upstream, in all its pools. Atomics: choosing waits for nobody.
struct KeyState {
  std::atomic<int64_t> rests_until{0};  // steady clock, nanoseconds
  std::atomic<int64_t> isolated_until{0};
  std::atomic<bool> suspect{false};       // was refused; the next use is a test
  std::atomic<bool> being_tested{false};  // one request at a time (half-open)
  std::atomic<uint64_t> setbacks{0};      // 429, 401 and 403 so far
  std::atomic<int64_t> in_flight{0};
  std::atomic<uint64_t> used{0};
};

class KeyPoolState;

// One key, held by one attempt. Ends the attempt's share of the key's counters when destroyed.
class Lease {
 public:
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&& other) noexcept;
  ~Lease();

  const Secret& key() const;
  const std::string& masked() const;  // as in metrics
  size_t index() const { return index_; }

  // At most once. `wait`: what the answer told (keys/retry_hints.h), for kRateLimited. A success
  // does not clear a setback that came after this lease began.
  void report(KeyVerdict verdict, std::optional<Duration> wait = std::nullopt);

 private:
  friend class KeyPoolState;
  Lease(std::shared_ptr<const KeyPoolState> pool, size_t index, bool test);
  void good();
  void rate_limited(std::optional<Duration> wait);
  void refused();

  std::shared_ptr<const KeyPoolState> pool_;  // null: moved from
  size_t index_ = 0;
  uint64_t setbacks_ = 0;  // of the key when the lease began
  bool test_ = false;
};

class KeyPoolState : public std::enable_shared_from_this<KeyPoolState> {
 public:
  // The next key by the pool's policy among those that can be used and are not in `tried`.
  // sticky: what the sticky policy hashes, equal for one caller. Errors, stage kLimit, with the
  // soonest time at which one can be used again: kKeysRateLimited where every key rests after 429,
  // kKeysUnavailable where any of them is out for another reason.
  Result<Lease> choose(const std::vector<size_t>& tried, std::string_view sticky) const;

  const std::string& upstream() const { return upstream_; }
  size_t size() const { return keys_.size(); }
  KeyHealth health(size_t index) const;
  // Different for each key of the pool: keys that look the same masked are numbered.
  const std::string& masked(size_t index) const { return keys_[index].masked; }
  const KeyState& state(size_t index) const { return *keys_[index].state; }

 private:
  friend class KeyRing;
  friend class Lease;
  struct Key {
    Secret secret;
    std::string masked;
    std::shared_ptr<KeyState> state;
    uint64_t hash = 0;
  };
  // What one choosing goes by.
  struct Round {
    int64_t now = 0;
    const std::vector<size_t>& tried;
    std::string_view sticky;
  };
  std::optional<size_t> pick(const Round& round) const;
  std::optional<size_t> in_turn(const Round& round) const;
  std::optional<size_t> at_random(const Round& round) const;
  std::optional<size_t> least_used(const Round& round) const;
  std::optional<size_t> by_caller(const Round& round) const;
  bool usable(size_t index, const Round& round) const;
  Error none_usable(int64_t now) const;

  const Clock* clock_ = nullptr;
  Random* random_ = nullptr;
  std::string upstream_;
  std::vector<Key> keys_;
  KeyPolicy policy_ = KeyPolicy::kRoundRobin;
  Duration rest_{};
  Duration isolation_{};
  bool callers_ = false;  // a caller's own list
  mutable std::mutex turn_mutex_;
  mutable size_t turn_ = 0;
};

}  // namespace culvert
