// Counting; the map holds only addresses that have a connection.
#include "relay/gate/client_limits.h"

namespace culvert {
namespace {

// Connections above the limit that get their 503; a tenth, at least one.
size_t refusals(size_t in_all) { return in_all / 10 + 1; }

}  // namespace

ConnectionTicket::ConnectionTicket(ConnectionTicket&& other) noexcept
    : limits_(other.limits_), network_(other.network_), over_limit_(other.over_limit_) {
  other.limits_ = nullptr;
}

ConnectionTicket::~ConnectionTicket() {
  if (limits_ != nullptr) limits_->leave(network_);
}

Result<ConnectionTicket> ClientLimits::admit(const Address& peer) {
  const Address network = peer.truncated(peer.is_v4() ? 32 : 64);
  const size_t before = count_.fetch_add(1);
  if (before >= in_all_ + refusals(in_all_)) {
    count_.fetch_sub(1);
    return Error::ours(Code::kOverloaded, Stage::kLimit, "as many connections as there may be");
  }
  {
    const std::lock_guard lock(mutex_);
    size_t& held = by_network_[network];
    if (held >= per_address_) {
      count_.fetch_sub(1);
      return Error::client(Code::kRateLimited, Stage::kLimit,
                           "this address has as many connections as it may");
    }
    ++held;
  }
  return ConnectionTicket(*this, network, before >= in_all_);
}

void ClientLimits::leave(const Address& network) {
  count_.fetch_sub(1);
  const std::lock_guard lock(mutex_);
  const auto found = by_network_.find(network);
  if (found != by_network_.end() && --found->second == 0) by_network_.erase(found);
}

}  // namespace culvert
