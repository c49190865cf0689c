// What the first bytes of a tunnel's connection say before it is known where they go: who the
// client of the proxy in front is, and which name TLS asks for. Part of a tunnel session; pure.
#pragma once

#include "relay/base/result.h"
#include "relay/codec/client_hello.h"
#include "relay/codec/proxy_protocol.h"

#include <optional>
#include <string>
#include <string_view>

namespace culvert {

class TunnelOpening {
 public:
  struct Expects {
    bool proxy_header = false;  // begins with it
    bool hello = false;         // then TLS
  };
  explicit TunnelOpening(Expects expects);

  // The next bytes of the connection. False: more are needed. Once it is true, what came is kept
  // for the destination. Errors are the client's, and stay.
  Result<bool> see(std::string_view bytes);
  bool whole() const { return proxy_whole_ && hello_whole_; }

  const std::optional<ProxyHeader>& proxy() const { return proxy_; }
  // "" where it named none.
  const std::string& server_name() const { return server_name_; }
  // All that came, without the PROXY header: the ClientHello with its records as they were.
  std::string take_kept() { return std::move(kept_); }
  // What says an error to a client of TLS; nullopt where it does not speak it.
  std::optional<TlsAlert> alert() const { return reader_.alert(); }

 private:
  Result<bool> see_proxy();
  Result<bool> see_hello(std::string_view bytes);

  ClientHelloReader reader_;
  std::optional<ProxyHeader> proxy_;
  std::string server_name_;
  std::string kept_;
  bool proxy_whole_;
  bool hello_whole_;
};

}  // namespace culvert
