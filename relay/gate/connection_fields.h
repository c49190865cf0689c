// The fields that a message's `Connection` names: they belong to one connection and are dropped in
// both directions (RFC 9110 §7.6.1). Pure.
#pragma once

#include "relay/codec/headers.h"

#include <string>
#include <string_view>

namespace culvert {

class ConnectionFields {
 public:
  explicit ConnectionFields(const Headers& headers);
  bool contains(std::string_view name) const;

 private:
  std::string listed_;
};

}  // namespace culvert
