// How many connections clients have open, in all and per address. One for the process; any thread.
// Its memory is bounded by the connections it admits: an address is known while it has one.
#pragma once

#include "relay/base/address.h"
#include "relay/base/result.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <map>
#include <mutex>

namespace culvert {

class ClientLimits;

// One admitted connection; gives its place back when destroyed.
class ConnectionTicket {
 public:
  ConnectionTicket() = default;
  ConnectionTicket(ConnectionTicket&& other) noexcept;
  ConnectionTicket& operator=(ConnectionTicket&& other) noexcept;
  ~ConnectionTicket();

  // Beyond the limit in all: there is room to say 503, not to serve.
  bool over_limit() const { return over_limit_; }

 private:
  friend class ClientLimits;
  ConnectionTicket(ClientLimits* limits, const Address& network, bool over_limit)
      : limits_(limits), network_(network), over_limit_(over_limit) {}

  ClientLimits* limits_ = nullptr;
  Address network_ = Address::v4({});
  bool over_limit_ = false;
};

class ClientLimits {
 public:
  // most: served at once, in all; most_per_address: IPv6 by its /64, since a client has at least
  // that many addresses. 0: no limit.
  ClientLimits(size_t most, size_t most_per_address);
  ClientLimits(const ClientLimits&) = delete;
  ClientLimits& operator=(const ClientLimits&) = delete;
  ~ClientLimits();  // after all tickets

  // Errors, to be answered by closing: kRateLimited where the address has its share, kOverloaded
  // where not even a 503 can be said any more. The ticket's over_limit() asks for that 503.
  Result<ConnectionTicket> admit(const Address& peer);

  // New limits after a reload; connections that are there stay.
  void change(size_t most, size_t most_per_address);
  size_t count() const { return all_.load(std::memory_order_relaxed); }
  size_t addresses() const;  // known now; for tests of the memory bound

 private:
  friend class ConnectionTicket;
  struct Shard {
    mutable std::mutex mutex;
    std::map<Address, size_t> connections;
  };
  Shard& shard_of(const Address& network);
  bool enter(const Address& network);
  void leave(const Address& network);

  std::atomic<size_t> most_;
  std::atomic<size_t> most_per_address_;
  std::atomic<size_t> all_{0};
  std::array<Shard, 16> shards_;
};

}  // namespace culvert
