// What is known already is told from the timer too, so that there is one way out.
#include "relay/upstream/address_lookup.h"

#include <new>
#include <utility>

namespace culvert {

AddressLookup::AddressLookup(Loop& loop,
                             Resolver& resolver,
                             std::string host,
                             const AddressPolicy* policy,
                             Duration within,
                             AddressLookupSink& sink)
    : host_(std::move(host)), policy_(policy), sink_(sink), timer_(loop, [this] { on_timer(); }) {
  if (auto known = resolver.cached(host_)) {
    known_ = std::move(known);
    timer_.start(Duration::zero());
    return;
  }
  timer_.start(within);
  lookup_ = resolver.lookup(host_, *this);
  if (lookup_ == nullptr) {
    known_ = Result<Addresses>(
        Error::ours(Code::kOverloaded, Stage::kResolve, "too many DNS lookups wait"));
    timer_.start(Duration::zero());
  }
}

void AddressLookup::on_timer() {
  if (known_) return on_resolved(*std::exchange(known_, std::nullopt));
  lookup_.reset();
  sink_.on_no_addresses(Error::upstream(Code::kConnectTimeout, Stage::kResolve,
                                        Retry::kOtherUpstream, "resolving the name took too long"));
}

// Whoever calls could not tell the sink that its handling ran out of memory.
void AddressLookup::on_resolved(Result<Addresses> addresses) {
  timer_.stop();
  try {
    auto found = addresses ? allowed(*addresses) : std::move(addresses);
    if (found) return sink_.on_addresses(std::move(found).value());
    if (found.error().stage == Stage::kNone) found.error().stage = Stage::kResolve;
    sink_.on_no_addresses(std::move(found).error());
  } catch (const std::bad_alloc&) {
    sink_.on_no_addresses(Error::ours(Code::kOutOfMemory, Stage::kResolve, "out of memory"));
  }
}

Result<Addresses> AddressLookup::allowed(const Addresses& addresses) const {
  Addresses allowed;
  Result<void> refusal;
  for (const Address& address : addresses) {
    if (policy_ != nullptr) {
      auto verdict = policy_->check(host_, address);
      if (!verdict) {
        refusal = std::move(verdict);
        continue;
      }
    }
    allowed.push_back(address);
  }
  if (allowed.empty()) return std::move(refusal).error();
  return allowed;
}

}  // namespace culvert
