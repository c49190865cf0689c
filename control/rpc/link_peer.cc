// TLS has verified the certificate when the connection began; it is verified here once more, so
// that a server that was set up to take any certificate opens nothing.
#include "control/rpc/link_peer.h"

#include "control/fleet/times.h"
#include "relay/base/url.h"

#include <grpcpp/security/auth_context.h>

namespace culvert::control {
namespace {

constexpr const char* kPemProperty = "x509_pem_cert";

Error nobody(const char* why) { return Error::client(Code::kUnauthorized, Stage::kNone, why); }

}  // namespace

Result<Peer> link_peer(const grpc::ServerContext& context,
                       const std::string& authority,
                       const Clock& clock) {
  const auto known = context.auth_context();
  if (known == nullptr) return nobody("a certificate is needed; `culvert-relay join` gets one");
  const auto found = known->FindPropertyValues(kPemProperty);
  if (found.size() != 1) return nobody("a certificate is needed; `culvert-relay join` gets one");
  const std::string pem(found.front().data(), found.front().size());
  auto info = read_certificate(pem);
  if (!info) return nobody("the certificate cannot be read");
  // A connection may outlive the certificate that it began with: TLS judged its time then. Its
  // serial number stays in the roster, or it is refused there.
  const WallTime judged = std::min(clock.wall(), info->until);
  if (!verify_certificate(pem, authority, judged)) {
    return nobody("the certificate is not of this service's authority");
  }
  return Peer{info->name, info->serial, address_of(context)};
}

// "ipv4:192.0.2.1:443", "ipv6:%5B2001:db8::1%5D:443"; other forms as they are.
std::string address_of(const grpc::ServerContext& context) {
  std::string peer = percent_decode(context.peer());
  const bool internet = peer.rfind("ipv4:", 0) == 0 || peer.rfind("ipv6:", 0) == 0;
  if (!internet) return peer.substr(0, 64);
  peer = peer.substr(5, peer.rfind(':') - 5);
  if (peer.size() > 2 && peer.front() == '[') peer = peer.substr(1, peer.size() - 2);
  return peer;
}

}  // namespace culvert::control
