// Read from the left, the user's part up to the last @: passwords hold everything.
#include "relay/upstream/egress_proxy.h"

#include "relay/base/text.h"
#include "relay/base/url.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace culvert {
namespace {

constexpr size_t kCredentialBytes = 255;  // RFC 1929 §2

Error invalid(const char* what) {
  return Error::ours(Code::kInvalidConfig, Stage::kNone,
                     std::string("egress proxy: ") + what +
                         "; needed is http://, https://, socks5:// or socks5h:// with "
                         "[USER:PASSWORD@]HOST:PORT");
}

std::optional<EgressProxy::Kind> kind_of(std::string_view scheme) {
  if (scheme == "http") return EgressProxy::Kind::kHttp;
  if (scheme == "https") return EgressProxy::Kind::kHttps;
  if (scheme == "socks5") return EgressProxy::Kind::kSocks5;
  if (scheme == "socks5h") return EgressProxy::Kind::kSocks5Names;
  return std::nullopt;
}

bool fits(std::string_view credential) {
  return credential.size() <= kCredentialBytes &&
         std::none_of(credential.begin(), credential.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

}  // namespace

Result<EgressProxy> parse_egress_proxy(const Secret& url) {
  std::string_view rest = url.reveal();
  const size_t colon = rest.find("://");
  if (colon == std::string_view::npos) return invalid("it has no scheme");
  const auto kind = kind_of(lower(rest.substr(0, colon)));
  if (!kind) return invalid("its scheme is not known");
  rest.remove_prefix(colon + 3);
  EgressProxy proxy;
  proxy.kind = *kind;
  if (const size_t at = rest.rfind('@'); at != std::string_view::npos) {
    const std::string_view credentials = rest.substr(0, at);
    const size_t split = credentials.find(':');
    proxy.user = percent_decode(credentials.substr(0, split));
    if (split != std::string_view::npos) {
      proxy.password = Secret(percent_decode(credentials.substr(split + 1)));
    }
    // RFC 7617 §2: a colon in the user's name would move into the password.
    if (proxy.user.empty() || proxy.user.find(':') != std::string::npos || !fits(proxy.user) ||
        !fits(proxy.password.reveal())) {
      return invalid("its user or password cannot be sent");
    }
    proxy.authenticates = true;
    rest.remove_prefix(at + 1);
  }
  if (rest.ends_with('/')) rest.remove_suffix(1);
  auto place = parse_authority(rest);
  if (!place || place->port == 0) return invalid("its host or port is missing or malformed");
  proxy.host = std::move(place->host);
  proxy.port = place->port;
  return proxy;
}

}  // namespace culvert
