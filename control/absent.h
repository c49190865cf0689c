// What stands in the place of relays and their usage in a service that has none: the admin service
// answers of an empty fleet and an empty ledger, and says so where somebody asks for more. Owned by
// main, which chooses it.
#pragma once

#include "control/fleet/fleet.h"
#include "control/ledger/ledger.h"

#include <string>
#include <utility>
#include <vector>

namespace culvert::control {

class NoFleet final : public Fleet {
 public:
  Result<std::vector<v1::RelayStatus>> relays(const std::string& name) override {
    if (name.empty()) return std::vector<v1::RelayStatus>();
    return none(name);
  }
  Result<v1::RelayStatus> drain(const std::string& name, bool) override { return none(name); }
  Result<void> remove(const std::string& name) override { return none(name); }
  Result<v1::CreateJoinTokenReply> create_join_token(const v1::CreateJoinTokenRequest&,
                                                     const std::string&) override {
    return Error::ours(Code::kNotImplemented, Stage::kNone, "this service takes no relays");
  }
  std::vector<std::pair<std::string, v1::KeyCondition>> key_conditions() override { return {}; }

 private:
  static Error none(const std::string& name) {
    return Error::client(Code::kNotFound, Stage::kNone, "there is no relay \"" + name + "\"");
  }
};

class NoLedger final : public Ledger {
 public:
  Result<void> append(const std::string&, const std::vector<v1::UsageRecord>&, uint64_t) override {
    return Error::ours(Code::kNotImplemented, Stage::kNone, "this service keeps no ledger");
  }
  Result<v1::UsageReply> report(const v1::UsageRequest&) override { return v1::UsageReply(); }
};

}  // namespace culvert::control
