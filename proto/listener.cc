// A listener's text is no URL of base/url: it has port 0, and neither names nor paths.
#include "proto/listener.h"

#include "proto/scalars.h"
#include "relay/base/text.h"

namespace culvert {
namespace {

constexpr std::string_view kAllowed =
    "; allowed are http://ADDRESS:PORT and https://ADDRESS:PORT, such as http://127.0.0.1:8080 or "
    "https://[::]:8443";

Error wrong(std::string_view text, std::string_view what) {
  return Error::ours(Code::kInvalidConfig, Stage::kNone,
                     in_quotes(text) + " " + std::string(what) + std::string(kAllowed));
}

bool is_unspecified(const Address& address) { return address.truncated(0) == address; }

}  // namespace

Result<ListenAddress> parse_listener(std::string_view text) {
  ListenAddress listener;
  std::string_view rest = text;
  if (starts_with_ignoring_case(text, "https://")) {
    listener.tls = true;
    rest.remove_prefix(8);
  } else if (starts_with_ignoring_case(text, "http://")) {
    rest.remove_prefix(7);
  } else if (starts_with_ignoring_case(text, "tls://")) {
    return wrong(text, "is a raw TLS listener, which this version does not support");
  } else {
    return wrong(text, "has no scheme that a listener can have");
  }
  const auto address = SocketAddress::parse(rest);
  if (!address) return wrong(text, "names no IP address and port");
  listener.address = *address;
  return listener;
}

bool clash(const SocketAddress& a, const SocketAddress& b) {
  if (a.port != b.port || a.port == 0) return false;
  if (a.address == b.address) return true;
  const bool same_family = a.address.is_v4() == b.address.is_v4();
  return same_family && (is_unspecified(a.address) || is_unspecified(b.address));
}

}  // namespace culvert
