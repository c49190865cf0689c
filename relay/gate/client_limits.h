// How many connections clients may hold, in all and per address (IPv6 by its /64, which one
// customer has). Shared by all workers.
#pragma once

#include "relay/base/address.h"
#include "relay/base/result.h"

#include <atomic>
#include <map>
#include <mutex>

namespace culvert {

class ClientLimits;

// One admitted connection; gives its place back when destroyed.
class ConnectionTicket {
 public:
  ConnectionTicket(ConnectionTicket&& other) noexcept;
  ConnectionTicket& operator=(ConnectionTicket&&) = delete;
  ~ConnectionTicket();

  // More than the limit: to be answered with 503 and closed.
  bool over_limit() const { return over_limit_; }

 private:
  friend class ClientLimits;
  ConnectionTicket(ClientLimits& limits, const Address& network, bool over_limit)
      : limits_(&limits), network_(network), over_limit_(over_limit) {}
  ClientLimits* limits_;
  Address network_;
  bool over_limit_;
};

class ClientLimits {
 public:
  ClientLimits(size_t in_all, size_t per_address) : in_all_(in_all), per_address_(per_address) {}

  // A few more than the limit are admitted to be told so; beyond those kOverloaded. kRateLimited
  // where the address has its share.
  Result<ConnectionTicket> admit(const Address& peer);
  size_t count() const { return count_.load(); }

 private:
  friend class ConnectionTicket;
  void leave(const Address& network);

  const size_t in_all_;
  const size_t per_address_;
  std::atomic<size_t> count_{0};
  std::mutex mutex_;
  std::map<Address, size_t> by_network_;
};

}  // namespace culvert
