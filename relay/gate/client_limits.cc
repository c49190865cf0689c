// Counters in shards, so that workers that accept at once do not wait for each other.
#include "relay/gate/client_limits.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace culvert {
namespace {

constexpr int kClientBits = 64;  // of an IPv6 address

Address network_of(const Address& peer) {
  return peer.is_v4() ? peer : peer.truncated(kClientBits);
}

// Beyond the limit, this many more are let in to be told so: an eighth, at least 16.
size_t room_for_refusals(size_t most) { return std::max<size_t>(16, most / 8); }

}  // namespace

ConnectionTicket::ConnectionTicket(ConnectionTicket&& other) noexcept
    : limits_(std::exchange(other.limits_, nullptr)),
      network_(other.network_),
      over_limit_(other.over_limit_) {}

ConnectionTicket& ConnectionTicket::operator=(ConnectionTicket&& other) noexcept {
  std::swap(limits_, other.limits_);
  std::swap(network_, other.network_);
  std::swap(over_limit_, other.over_limit_);
  return *this;
}

ConnectionTicket::~ConnectionTicket() {
  if (limits_ != nullptr) limits_->leave(network_);
}

ClientLimits::ClientLimits(size_t most, size_t most_per_address)
    : most_(most), most_per_address_(most_per_address) {}

ClientLimits::~ClientLimits() { assert(all_.load() == 0); }

Result<ConnectionTicket> ClientLimits::admit(const Address& peer) {
  const Address network = network_of(peer);
  if (!enter(network)) {
    return Error::client(Code::kRateLimited, Stage::kLimit,
                         "too many connections from one address");
  }
  const size_t before = all_.fetch_add(1, std::memory_order_relaxed);
  const size_t most = most_.load(std::memory_order_relaxed);
  if (most != 0 && before >= most + room_for_refusals(most)) {
    leave(network);
    return Error::ours(Code::kOverloaded, Stage::kLimit, "too many connections");
  }
  return ConnectionTicket(this, network, most != 0 && before >= most);
}

void ClientLimits::change(size_t most, size_t most_per_address) {
  most_.store(most, std::memory_order_relaxed);
  most_per_address_.store(most_per_address, std::memory_order_relaxed);
}

size_t ClientLimits::addresses() const {
  size_t known = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    known += shard.connections.size();
  }
  return known;
}

ClientLimits::Shard& ClientLimits::shard_of(const Address& network) {
  unsigned mixed = 0;
  for (const uint8_t byte : network.bytes()) mixed = mixed * 31 + byte;
  return shards_[mixed % shards_.size()];
}

bool ClientLimits::enter(const Address& network) {
  const size_t most = most_per_address_.load(std::memory_order_relaxed);
  Shard& shard = shard_of(network);
  const std::lock_guard lock(shard.mutex);
  const auto known = shard.connections.find(network);
  if (known == shard.connections.end()) {
    shard.connections.emplace(network, 1);
    return true;
  }
  if (most != 0 && known->second >= most) return false;
  ++known->second;
  return true;
}

void ClientLimits::leave(const Address& network) {
  Shard& shard = shard_of(network);
  const std::lock_guard lock(shard.mutex);
  const auto known = shard.connections.find(network);
  assert(known != shard.connections.end() && known->second > 0);
  if (--known->second == 0) shard.connections.erase(known);
  all_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace culvert
