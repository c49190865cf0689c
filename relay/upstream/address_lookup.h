// A name to the addresses that may be reached under it: the resolver's answer, each address put to
// the policy, within a time limit.
#pragma once

#include "relay/channel/resolver.h"
#include "relay/channel/timer.h"
#include "relay/upstream/connector.h"

#include <memory>
#include <optional>
#include <string>

namespace culvert {

class AddressLookupSink {
 public:
  virtual ~AddressLookupSink() = default;
  virtual void on_addresses(Addresses addresses) = 0;  // at least one
  virtual void on_no_addresses(Error error) = 0;
};

// The sink is called once, never from the constructor. Its owner retires it; destroying cancels.
class AddressLookup final : public Retirable, private ResolveSink {
 public:
  // policy: nullptr for every address; outlives the lookup.
  AddressLookup(Loop& loop,
                Resolver& resolver,
                std::string host,
                const AddressPolicy* policy,
                Duration within,
                AddressLookupSink& sink);

 private:
  void on_resolved(Result<Addresses> addresses) override;
  void on_timer();
  Result<Addresses> allowed(const Addresses& addresses) const;

  const std::string host_;
  const AddressPolicy* policy_;
  AddressLookupSink& sink_;
  std::optional<Result<Addresses>> known_;
  std::unique_ptr<Resolver::Lookup> lookup_;
  Timer timer_;
};

}  // namespace culvert
