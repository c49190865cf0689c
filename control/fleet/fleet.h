// The relays that belong to this service: who they are, what they should run, what they do run.
// The admin service asks it; the link service feeds it. Safe on any thread; blocking.
#pragma once

#include "culvert/v1/admin.pb.h"
#include "relay/base/result.h"

#include <string>
#include <vector>

namespace culvert::control {

class Fleet {
 public:
  virtual ~Fleet() = default;

  // By name. Errors: kNotFound for a name that is not there.
  virtual Result<std::vector<v1::RelayStatus>> relays(const std::string& name) = 0;
  // Told to the relay at once where it is connected, and kept for when it comes.
  virtual Result<v1::RelayStatus> drain(const std::string& name, bool drain) = 0;
  // Its certificates are refused from the next message on; its connections end.
  virtual Result<void> remove(const std::string& name) = 0;
  // Errors: kInvalidConfig, in words for the operator.
  virtual Result<v1::CreateJoinTokenReply> create_join_token(
      const v1::CreateJoinTokenRequest& request, const std::string& by) = 0;
  // What relays say of keys: relay → upstream → masked key → state.
  virtual std::vector<std::pair<std::string, v1::KeyCondition>> key_conditions() = 0;
};

}  // namespace culvert::control
