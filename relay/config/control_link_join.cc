// Joining in two connections. The first shows the service's certificates and carries nothing. That
// one of them is the authority's is proven by its digest, which came with the token, over a way
// that the operator trusts; how it was fetched does not matter. Over the second, which trusts this
// authority and nothing else, and checks the host as any TLS client does, the token goes. Somebody
// in between can at most keep a relay from joining.
#include "relay/base/limits.h"
#include "relay/config/control_link.h"
#include "relay/config/control_link_channel.h"
#include "relay/crypto/certificates.h"
#include "relay/crypto/seal.h"

#include "culvert/v1/link.grpc.pb.h"

#include <fmt/format.h>

#include <algorithm>

namespace culvert {
namespace {

constexpr std::string_view kTokenStart = "cvj_";
static_assert(kTokenStart.size() == 4);
constexpr size_t kSecretText = 43;
constexpr size_t kFingerprint = 64;

Error failed(std::string detail) {
  return Error::ours(Code::kSystem, Stage::kNone, std::move(detail));
}

bool is_base62(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

// Of cvj_<secret>.<fingerprint>. The token is in no message.
Result<std::string> fingerprint_of(const std::string& token) {
  const std::string_view text = token;
  const size_t dot = kTokenStart.size() + kSecretText;
  const bool sound = text.size() == dot + 1 + kFingerprint && text.starts_with(kTokenStart) &&
                     text[dot] == '.' &&
                     std::all_of(text.begin() + 4, text.begin() + dot, is_base62) &&
                     std::all_of(text.begin() + dot + 1, text.end(), is_hex);
  if (sound) return std::string(text.substr(dot + 1));
  return Error::ours(Code::kInvalidConfig, Stage::kNone,
                     "this is no join token: allowed is what `culvert relay join-token` printed, "
                     "all of it");
}

Error refused(const grpc::Status& status, const std::string& address) {
  if (status.error_code() == grpc::StatusCode::PERMISSION_DENIED) {
    return failed(
        "the service refuses the token: it is unknown, has been used, or has expired; `culvert "
        "relay join-token` makes a new one");
  }
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE) {
    return failed(fmt::format("{} cannot be used, or its certificate is not for this host name: {}",
                              address, words(status)));
  }
  return failed(fmt::format("{} does not take the relay: {}", address, words(status)));
}

// What came back has to be ours: signed by the authority that the token names, for our key.
Result<void> prove(const Identity& identity, const std::string& fingerprint, const Clock& clock) {
  const auto authority = read_certificate(identity.authority);
  if (!authority || authority->fingerprint != fingerprint) {
    return failed("the service answered with another authority than the token's");
  }
  CULVERT_CHECK(verify_certificate(identity.certificate, identity.authority, clock.wall()));
  if (keys_match(identity.certificate, identity.key)) return {};
  return failed("the service answered with a certificate of another key");
}

}  // namespace

Result<Identity> join_control(const JoinRequest& request, const Clock& clock) {
  const std::string fingerprint = CULVERT_TRY(fingerprint_of(request.token));
  Identity identity;
  identity.authority = CULVERT_TRY(fetch_authority(request.address, fingerprint, clock));
  identity.key = make_private_key();
  identity.seal_key = make_seal_key();
  v1::EnrollRequest enroll;
  enroll.set_token(request.token);
  enroll.set_name(request.name);
  enroll.set_version(request.version);
  enroll.set_signing_request(CULVERT_TRY(
      make_signing_request(identity.key, request.name.empty() ? "relay" : request.name)));

  const auto channel = control_channel(request.address, identity.authority, nullptr);
  grpc::ClientContext context;
  context.set_deadline(clock.wall() + limits::kLinkConnectTimeout);
  context.set_wait_for_ready(true);  // the service has just said who it is
  v1::EnrollReply reply;
  const auto status = v1::RelayLink::NewStub(channel)->Enroll(&context, enroll, &reply);
  if (!status.ok()) return refused(status, request.address);
  identity.name = reply.name();
  identity.region = reply.region();
  identity.labels = {reply.labels().begin(), reply.labels().end()};
  identity.addresses = {request.address};
  identity.certificate = reply.certificate();
  if (!reply.authority().empty()) identity.authority = reply.authority();
  CULVERT_CHECK(prove(identity, fingerprint, clock));
  return identity;
}

}  // namespace culvert
