// One map of states, one list of callers' pools; both are swept by whoever adds to them.
#include "relay/keys/key_ring.h"

#include "relay/base/limits.h"
#include "relay/crypto/digest.h"

#include <algorithm>

namespace culvert {
namespace {

std::string digest_text(std::string_view bytes) {
  const Digest digest = sha256(bytes);
  return {digest.begin(), digest.end()};
}

uint64_t first_bytes(std::string_view digest) {
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof value; ++i) {
    value = value << 8 | static_cast<unsigned char>(digest[i]);
  }
  return value;
}

// The text under which a caller's list is known: says nothing about its keys.
std::string list_id(const std::string& upstream, const std::vector<Secret>& keys) {
  std::string joined = upstream;
  for (const Secret& key : keys) (joined += '\n').append(key.reveal());
  std::string id = digest_text(joined);
  wipe(joined.data(), joined.size());
  return id;
}

}  // namespace

KeyRing::KeyRing(const Clock& clock, Random& random) : clock_(clock), random_(random) {}

std::shared_ptr<const KeyPoolState> KeyRing::pool(const KeyPool& pool) {
  const std::lock_guard lock(mutex_);
  auto made = make(pool.upstream, pool.keys);
  made->policy_ = pool.policy;
  made->rest_ = pool.rest;
  made->isolation_ = pool.isolation;
  made->name_ = pool.name;
  made->limits_ = pool.limits;
  made->probe_ = pool.probe;
  for (size_t i = 0; i < made->keys_.size(); ++i) {
    if (i < pool.exits.size()) made->keys_[i].exit = pool.exits[i];
    if (pool.limits != KeyLimits{}) made->keys_[i].state->meter.begin();
  }
  made->told_left_.store(made->left());
  return made;
}

std::shared_ptr<const KeyPoolState> KeyRing::callers_pool(const std::string& upstream,
                                                          const std::vector<Secret>& keys,
                                                          Duration rest,
                                                          Duration isolation) {
  const std::string id = list_id(upstream, keys);
  const std::lock_guard lock(mutex_);
  if (const auto known = callers_.find(id); known != callers_.end()) {
    recent_.splice(recent_.begin(), recent_, known->second);
    return recent_.front().second;
  }
  auto made = make(upstream, keys);
  made->callers_ = true;
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

size_t KeyRing::known_keys() const {
  const std::lock_guard lock(mutex_);
  return states_.size();
}

std::shared_ptr<KeyState> KeyRing::state_of(const std::string& upstream,
                                            std::string_view key,
                                            uint64_t* hash) {
  const std::string digest = digest_text(key);
  *hash = first_bytes(digest);
  auto& known = states_[upstream + '\n' + digest];
  auto state = known.lock();
  if (state == nullptr) {
    state = std::make_shared<KeyState>();
    known = state;
  }
  return state;
}

std::shared_ptr<KeyPoolState> KeyRing::make(const std::string& upstream,
                                            const std::vector<Secret>& keys) {
  forget_unused();
  auto pool = std::make_shared<KeyPoolState>();
  pool->clock_ = &clock_;
  pool->random_ = &random_;
  pool->upstream_ = upstream;
  std::unordered_map<std::string, int> same_mask;
  for (const Secret& key : keys) {
    KeyPoolState::Key made;
    made.secret = key;
    made.masked = key.masked();
    if (const int twin = ++same_mask[made.masked]; twin > 1) {
      made.masked += '#' + std::to_string(twin);
    }
    made.state = state_of(upstream, key.reveal(), &made.hash);
    pool->keys_.push_back(std::move(made));
  }
  pool->full_until_ = std::make_unique<std::atomic<int64_t>[]>(keys.size());
  return pool;
}

// Looked for each time that the map has doubled, so that it costs little for each key.
void KeyRing::forget_unused() {
  if (states_.size() < sweep_at_) return;
  std::erase_if(states_, [](const auto& item) { return item.second.expired(); });
  sweep_at_ = std::max<size_t>(64, states_.size() * 2);
}

}  // namespace culvert
