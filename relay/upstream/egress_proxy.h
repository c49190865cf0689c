// The proxy that the fetch strategy leaves by, as configured. Pure.
#pragma once

#include "relay/base/result.h"
#include "relay/base/secret.h"

#include <cstdint>
#include <string>

namespace culvert {

struct EgressProxy {
  enum class Kind : uint8_t {
    kHttp,         // CONNECT (RFC 9110 §9.3.6)
    kHttps,        // the same within TLS to the proxy
    kSocks5,       // RFC 1928; names are resolved here
    kSocks5Names,  // names are resolved there
  };

  Kind kind = Kind::kHttp;
  std::string host;  // an IPv6 address without its brackets
  uint16_t port = 0;
  std::string user;
  Secret password;
  bool authenticates = false;  // with user and password, RFC 7617 or RFC 1929

  bool resolves_names() const { return kind != Kind::kSocks5; }
};

// http://, https://, socks5:// or socks5h:// with [USER:PASSWORD@]HOST:PORT, user and password
// percent-encoded where they need it. The error (kInvalidConfig) repeats nothing of the URL.
Result<EgressProxy> parse_egress_proxy(const Secret& url);

}  // namespace culvert
