// `http://ADDRESS:PORT` and `https://ADDRESS:PORT`: the text of a listener. Pure.
#pragma once

#include "relay/base/address.h"
#include "relay/base/result.h"

#include <string_view>

namespace culvert {

struct ListenAddress {
  bool tls = false;
  SocketAddress address;
};

// The error's detail says what is wrong and what is allowed, without a place.
Result<ListenAddress> parse_listener(std::string_view text);

// Whether binding both would fail, or let one take the other's connections: the same port, and the
// same address or one of them unspecified. Port 0 never clashes.
bool clash(const SocketAddress& a, const SocketAddress& b);

}  // namespace culvert
