// Absolute URLs of upstreams, and what a path may contain. Pure; RFC 3986, strict where leniency
// would let a path reach another host.
#pragma once

#include "relay/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace culvert {

struct Url {
  std::string scheme;  // lower case: http, https, ws, wss
  std::string host;    // lower case; an IPv6 address without its brackets
  uint16_t port = 0;   // never 0: the scheme's default where the URL names none
  std::string path;    // "" or "/base" without a slash at its end; no query, no fragment

  bool tls() const { return scheme == "https" || scheme == "wss"; }
  bool default_port() const { return port == (tls() ? 443 : 80); }
  // As `Host` carries it: brackets around IPv6, the port only where it is not the scheme's default.
  std::string authority() const;
  std::string text() const;  // scheme://authority/path
  friend bool operator==(const Url&, const Url&) = default;
};

// Refuses user information, query, fragment, empty or malformed hosts (labels of RFC 1123 up to 63
// bytes, 253 in all; underscore taken), ports outside 1…65535, and other schemes. The error's
// detail is one sentence that says what is wrong and what is allowed.
Result<Url> parse_url(std::string_view text);

// host[:port] of a Host header, an authority-form target or a generic URL; port 0 where none is
// named.
struct HostPort {
  std::string host;
  uint16_t port = 0;
};
Result<HostPort> parse_authority(std::string_view text);

// host:port of CONNECT (RFC 9110 §9.3.6, RFC 9112 §3.2.3): both are there. The error's detail says
// what is wrong and what is allowed.
Result<HostPort> parse_connect_authority(std::string_view text);

// A name of labels as above, which is no address and has no dot at its end: what TLS names a server
// by (RFC 6066 §3).
bool is_host_name(std::string_view text);

// A request target in origin-form as it may be forwarded: begins with "/", only visible ASCII, no
// "#", no backslash, no dot segments in any spelling ("/./", "/..", "%2e", "/.%2E/"), no malformed
// percent sign in the path. The query is only held to visible ASCII without "#". The error is a
// client's kBadRequest.
Result<void> check_target(std::string_view target);

// base path + rest of the path and query, byte for byte. `rest` begins with "/" or "?" or is empty;
// the result begins with "/". The host is not involved, so no path can change it.
std::string join_path(std::string_view base_path, std::string_view rest);

// %XX and nothing else decoded; used for comparing tokens and keys in queries, never for
// forwarding.
std::string percent_decode(std::string_view text);

}  // namespace culvert
