// Who pays. Knows the state of every key in use, so that it survives reloads and is one in every
// pool that holds the key. One for the process; any thread.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/random.h"
#include "relay/keys/pool.h"

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace culvert {

class KeyRing {
 public:
  KeyRing(const Clock& clock, Random& random);  // both outlive it and its pools

  // A configured pool. Its turn begins anew with each call; the state of its keys does not, as long
  // as some pool that holds them lives.
  std::shared_ptr<const KeyPoolState> pool(const KeyPool& pool);

  // A caller's own list for one upstream. The same list is the same pool as long as it is among the
  // limits::kClientPools used last. Keys are held as long as that.
  std::shared_ptr<const KeyPoolState> callers_pool(const std::string& upstream,
                                                   const std::vector<Secret>& keys,
                                                   Duration rest,
                                                   Duration isolation);

  size_t known_keys() const;  // for tests of the memory bound

 private:
  std::shared_ptr<KeyState> state_of(const std::string& upstream,
                                     std::string_view key,
                                     uint64_t* hash);
  std::shared_ptr<KeyPoolState> make(const std::string& upstream, const std::vector<Secret>& keys);
  void forget_unused();

  const Clock& clock_;
  Random& random_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::weak_ptr<KeyState>> states_;  // by upstream and digest
  size_t sweep_at_ = 64;  // size of states_ at which the unused are looked for
  using Recent = std::list<std::pair<std::string, std::shared_ptr<KeyPoolState>>>;
  Recent recent_;  // of callers, most recently used first
  std::unordered_map<std::string, Recent::iterator> callers_;  // by digest of upstream and list
};

}  // namespace culvert
