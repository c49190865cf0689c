// The text of a listener: `http://ADDRESS:PORT`, `https://…`, and for tunnels `tls://…`, `tcp://…`.
// Pure.
#pragma once

#include "relay/base/address.h"
#include "relay/base/result.h"

#include <string_view>

namespace culvert {

struct ListenAddress {
  bool tls = false;  // ends here: https
  bool raw = false;  // is passed on: tls, of which the ClientHello is read, and tcp
  SocketAddress address;
};

// Of a Relay: http, https or tls. The error's detail says what is wrong and what is allowed,
// without a place.
Result<ListenAddress> parse_listener(std::string_view text);

struct TunnelListenAddress {
  bool by_name = false;  // tls
  SocketAddress address;
};
// Of a Tunnel: tls or tcp.
Result<TunnelListenAddress> parse_tunnel_listener(std::string_view text);

bool is_unspecified(const Address& address);  // 0.0.0.0 or ::

// Whether binding both would fail, or let one take the other's connections: the same port, and the
// same address or one of them unspecified. Port 0 never clashes.
bool clash(const SocketAddress& a, const SocketAddress& b);

// Whether who connects there from the same machine surely comes in at the listener: the same
// address and port, or a loopback one of a listener that is bound to every address. Other hosts may
// have the port of such a listener too.
bool leads_into(const SocketAddress& to, const SocketAddress& listener);

}  // namespace culvert
