// The keys of one upstream, and the choosing among them. A pool is made by the KeyRing, immutable
// but for the state of its keys, and shared by all workers.
#pragma once

#include "relay/base/address.h"
#include "relay/base/clock.h"
#include "relay/base/random.h"
#include "relay/base/result.h"
#include "relay/base/secret.h"
#include "relay/config/snapshot.h"
#include "relay/keys/key_state.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

// How an upstream took a key. What says nothing about the key (5xx, a lost connection) is not
// reported.
enum class KeyVerdict : uint8_t { kGood, kRateLimited, kRefused };

// What is asked of a pool.
struct KeyWish {
  const std::vector<size_t>& tried;  // indices of keys that this request has tried
  // What the sticky policy hashes: equal for one conversation.
  std::string_view sticky;
  std::string_view model;  // "" where it is not known
};

// One test of a key in the background, from due_probes() or begin_probe() to report().
struct KeyProbe {
  size_t index = 0;
  uint64_t setbacks = 0;  // of the key when the test began
};
enum class ProbeResult : uint8_t { kGood, kBad, kUnknown };

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
  const Exit& way_out() const;

  // At most one report. A success does not clear a setback that came after this lease began.
  void report(const KeyRefusal& refusal);
  // `wait`: what the answer told (keys/retry_hints.h), for kRateLimited.
  void report(KeyVerdict verdict, std::optional<Duration> wait = std::nullopt);

  // What the answer has used, once it is known; against the key's limits.
  void count_tokens(uint64_t tokens);

 private:
  friend class KeyPoolState;
  Lease(std::shared_ptr<const KeyPoolState> pool, size_t index, bool test, std::string_view model);
  void good();
  void rate_limited(std::optional<Duration> wait);
  void used_up(const KeyRefusal& refusal);

  std::shared_ptr<const KeyPoolState> pool_;  // null: moved from
  size_t index_ = 0;
  uint64_t setbacks_ = 0;  // of the key when the lease began
  bool test_ = false;
  std::string model_;
};

class KeyPoolState : public std::enable_shared_from_this<KeyPoolState> {
 public:
  // The next key by the pool's policy among those that can be used, have room in their limits and
  // are not in `tried`. Counts a request against its limits. Errors, stage kLimit, with the soonest
  // time at which one can be used again: kKeysRateLimited where every key rests after 429 or has
  // used up its limits, kKeysUnavailable where any of them is out for another reason.
  Result<Lease> choose(const KeyWish& wish) const;
  Result<Lease> choose(const std::vector<size_t>& tried, std::string_view sticky) const {
    return choose({tried, sticky, {}});
  }
  bool sticky() const { return policy_ == KeyPolicy::kSticky; }

  // Isolated keys that are to be tested now, with an exponential back-off between tests; each is
  // handed out to one caller only. Keys without money are not among them: no cheap call tells that
  // they have some again, and time brings them back.
  std::vector<KeyProbe> due_probes(size_t most) const;
  // A test of any key, for who checks them all.
  KeyProbe begin_probe(size_t index) const;
  // kGood brings an isolated key back, kBad isolates it, kUnknown says nothing. A test that began
  // before the key's last setback says nothing either.
  void report(const KeyProbe& probe,
              ProbeResult result,
              RefusalKind kind = RefusalKind::kUnknown) const;

  // Keys that are neither isolated nor out for their quota.
  size_t left() const;
  // Logs once for each change of left(). Called at every change that is made here, and at times for
  // those that time makes.
  void tell_changes() const;

  const std::string& name() const { return name_; }  // "" for a caller's list
  const std::string& upstream() const { return upstream_; }
  size_t size() const { return keys_.size(); }
  KeyHealth health(size_t index) const;
  // Different for each key of the pool: keys that look the same masked are numbered.
  const std::string& masked(size_t index) const { return keys_[index].masked; }
  const Secret& key(size_t index) const { return keys_[index].secret; }
  const Exit& way_out(size_t index) const { return keys_[index].exit; }
  const KeyState& state(size_t index) const { return *keys_[index].state; }

 private:
  friend class KeyRing;
  friend class Lease;
  struct Key {
    Secret secret;
    std::string masked;
    std::shared_ptr<KeyState> state;
    uint64_t hash = 0;
    Exit exit;
  };
  // What one choosing goes by.
  struct Round {
    int64_t now = 0;
    const std::vector<size_t>& tried;
    std::string_view sticky;
    std::string_view model;
  };
  std::optional<size_t> pick(const Round& round) const;
  std::optional<size_t> in_turn(const Round& round) const;
  std::optional<size_t> at_random(const Round& round) const;
  std::optional<size_t> least_used(const Round& round) const;
  std::optional<size_t> by_caller(const Round& round) const;
  bool usable(size_t index, const Round& round) const;
  bool take(size_t index, int64_t now) const;
  Error none_usable(const Round& round) const;
  bool away(size_t index, int64_t now) const;
  void isolate(size_t index, RefusalKind kind) const;
  void bring_back(size_t index) const;
  Duration probe_pause(uint32_t failures) const;

  const Clock* clock_ = nullptr;
  Random* random_ = nullptr;
  std::string name_;
  std::string upstream_;
  std::vector<Key> keys_;
  KeyLimits limits_;
  // When a key that has used up its limits has room again; steady clock, nanoseconds.
  std::unique_ptr<std::atomic<int64_t>[]> full_until_;
  KeyPolicy policy_ = KeyPolicy::kRoundRobin;
  Duration rest_{};
  Duration isolation_{};
  bool probe_ = false;
  bool callers_ = false;  // a caller's own list
  mutable std::atomic<size_t> told_left_{0};
  mutable std::mutex turn_mutex_;
  mutable size_t turn_ = 0;
};

}  // namespace culvert
