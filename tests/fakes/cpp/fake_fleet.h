// A fleet whose relays say of keys what a test tells them to, and that has nothing else.
#pragma once

#include "control/fleet/fleet.h"

#include <string>
#include <utility>
#include <vector>

namespace culvert::test {

class FakeFleet final : public control::Fleet {
 public:
  void say(const std::string& relay,
           const std::string& upstream,
           const std::string& key,
           const std::string& state) {
    v1::KeyCondition condition;
    condition.set_upstream(upstream);
    condition.set_key(key);
    condition.set_state(state);
    conditions_.emplace_back(relay, condition);
  }

  Result<std::vector<v1::RelayStatus>> relays(const std::string&) override {
    return std::vector<v1::RelayStatus>();
  }
  Result<v1::RelayStatus> drain(const std::string&, bool) override { return missing(); }
  Result<void> remove(const std::string&) override { return missing(); }
  Result<v1::CreateJoinTokenReply> create_join_token(const v1::CreateJoinTokenRequest&,
                                                     const std::string&) override {
    return missing();
  }
  std::vector<std::pair<std::string, v1::KeyCondition>> key_conditions() override {
    return conditions_;
  }

 private:
  static Error missing() {
    return Error::client(Code::kNotFound, Stage::kNone, "there is no such relay");
  }
  std::vector<std::pair<std::string, v1::KeyCondition>> conditions_;
};

}  // namespace culvert::test
