// A listener's text is no URL of base/url: it has port 0, and neither names nor paths.
#include "proto/listener.h"

#include "proto/scalars.h"
#include "relay/base/text.h"

namespace culvert {
namespace {

constexpr std::string_view kAllowed =
    "; allowed are http://ADDRESS:PORT, https://ADDRESS:PORT and tls://ADDRESS:PORT, such as "
    "http://127.0.0.1:8080 or https://[::]:8443";
constexpr std::string_view kAllowedOfTunnels =
    "; allowed are tcp://ADDRESS:PORT and tls://ADDRESS:PORT, such as tcp://127.0.0.1:5432 or "
    "tls://[::]:443";

Error wrong(std::string_view text, std::string_view what, std::string_view allowed = kAllowed) {
  return Error::ours(Code::kInvalidConfig, Stage::kNone,
                     in_quotes(text) + " " + std::string(what) + std::string(allowed));
}


bool is_loopback(const Address& address) {
  static const Address kV6 = *Address::parse("::1");
  return address.is_v4() ? address.bytes()[0] == 127 : address == kV6;
}

}  // namespace

bool is_unspecified(const Address& address) { return address.truncated(0) == address; }

Result<ListenAddress> parse_listener(std::string_view text) {
  ListenAddress listener;
  std::string_view rest = text;
  if (starts_with_ignoring_case(text, "https://")) {
    listener.tls = true;
    rest.remove_prefix(8);
  } else if (starts_with_ignoring_case(text, "http://")) {
    rest.remove_prefix(7);
  } else if (starts_with_ignoring_case(text, "tls://")) {
    listener.raw = true;
    rest.remove_prefix(6);
  } else {
    return wrong(text, "has no scheme that a listener can have");
  }
  const auto address = SocketAddress::parse(rest);
  if (!address) return wrong(text, "names no IP address and port");
  listener.address = *address;
  return listener;
}

Result<TunnelListenAddress> parse_tunnel_listener(std::string_view text) {
  TunnelListenAddress listener;
  listener.by_name = starts_with_ignoring_case(text, "tls://");
  if (!listener.by_name && !starts_with_ignoring_case(text, "tcp://")) {
    return wrong(text, "has no scheme that a tunnel's listener can have", kAllowedOfTunnels);
  }
  const auto address = SocketAddress::parse(text.substr(6));
  if (!address) return wrong(text, "names no IP address and port", kAllowedOfTunnels);
  listener.address = *address;
  return listener;
}

bool clash(const SocketAddress& a, const SocketAddress& b) {
  if (a.port != b.port || a.port == 0) return false;
  if (a.address == b.address) return true;
  const bool same_family = a.address.is_v4() == b.address.is_v4();
  return same_family && (is_unspecified(a.address) || is_unspecified(b.address));
}

bool leads_into(const SocketAddress& to, const SocketAddress& listener) {
  if (!clash(to, listener)) return false;
  return to.address == listener.address || is_loopback(to.address) || is_unspecified(to.address);
}

}  // namespace culvert
