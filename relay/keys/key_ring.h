// Who pays. Pools of upstream keys with the health of each: ready, resting after a 429, isolated
// after a 401 or 403. Shared by all workers; a key's state is found by its digest, so that it
// survives reloads and serves every pool that holds the key.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/random.h"
#include "relay/base/result.h"
#include "relay/base/secret.h"
#include "relay/config/snapshot.h"

#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace culvert {

enum class KeyHealth : uint8_t { kReady, kResting, kIsolated };
std::string_view to_string(KeyHealth health);

// How an upstream took a key.
enum class KeyVerdict : uint8_t { kGood, kRateLimited, kRefused };

// Of one key, in all its pools. Atomics only: choosing never waits.
struct KeyState {
  std::string masked;
  std::atomic<int64_t> rests_until{0};  // steady clock, nanoseconds
  std::atomic<int64_t> isolated_until{0};
  std::atomic<bool> suspect{false};  // was refused; the next use is a test
  std::atomic<bool> being_tested{false};
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
  const std::string& masked() const;
  size_t index() const { return index_; }

  // `wait`: what the answer told (keys/retry_hints.h); zero: nothing.
  void report(KeyVerdict verdict, Duration wait);

 private:
  friend class KeyPoolState;
  Lease(std::shared_ptr<const KeyPoolState> pool, size_t index, bool test);
  std::shared_ptr<const KeyPoolState> pool_;  // null: moved from
  size_t index_ = 0;
  bool test_ = false;
};

class KeyPoolState : public std::enable_shared_from_this<KeyPoolState> {
 public:
  // The next key by the pool's policy among those that can be used and are not in `tried`.
  // sticky: what the sticky policy hashes. Errors: kKeysRateLimited with the soonest time at which
  // one can be used again, or kKeysUnavailable where that is not because of a rate.
  Result<Lease> choose(const std::vector<size_t>& tried, std::string_view sticky) const;

  const std::string& upstream() const { return upstream_; }
  size_t size() const { return keys_.size(); }
  KeyHealth health(size_t index) const;
  const std::string& masked(size_t index) const { return keys_[index].state->masked; }

 private:
  friend class KeyRing;
  friend class Lease;
  struct Key {
    Secret secret;
    std::shared_ptr<KeyState> state;
    uint64_t hash = 0;
  };
  struct Choice;
  void consider(size_t index, uint64_t score, Choice* best) const;
  bool usable(size_t index, int64_t now) const;
  Error none_usable() const;

  const Clock* clock_ = nullptr;
  Random* random_ = nullptr;
  std::string upstream_;
  std::vector<Key> keys_;
  KeyPolicy policy_ = KeyPolicy::kRoundRobin;
  Duration rest_{};
  Duration isolation_{};
  mutable std::atomic<uint64_t> turn_{0};
};

class KeyRing {
 public:
  KeyRing(const Clock& clock, Random& random);

  // A configured pool. Its turn starts anew with each call, the state of its keys does not.
  std::shared_ptr<const KeyPoolState> pool(const KeyPool& pool);
  // A caller's own list for one upstream; the same list is the same pool as long as it is among the
  // most recently used ones.
  std::shared_ptr<const KeyPoolState> callers_pool(const std::string& upstream,
                                                   const std::vector<std::string>& keys,
                                                   Duration rest,
                                                   Duration isolation);

 private:
  std::shared_ptr<KeyState> state_of(const std::string& upstream,
                                     std::string_view key,
                                     uint64_t* hash);
  std::shared_ptr<KeyPoolState> make(const std::string& upstream, const std::vector<Secret>& keys);

  const Clock& clock_;
  Random& random_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::weak_ptr<KeyState>> states_;  // by upstream and digest
  using Recent = std::list<std::pair<std::string, std::shared_ptr<KeyPoolState>>>;
  Recent recent_;  // most recently used first
  std::unordered_map<std::string, Recent::iterator> callers_;
};

}  // namespace culvert
