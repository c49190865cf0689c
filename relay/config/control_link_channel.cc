// Channels are never shared: a renewed certificate takes effect with a new one.
#include "relay/config/control_link_channel.h"

#include "relay/base/limits.h"
#include "relay/crypto/certificates.h"

#include <fmt/format.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <algorithm>
#include <mutex>

namespace culvert {
namespace {

namespace tls = grpc::experimental;

int milliseconds_of(std::chrono::milliseconds time) { return static_cast<int>(time.count()); }

grpc::ChannelArguments channel_arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, milliseconds_of(limits::kLinkKeepalive));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);  // a proxy in the environment is for others
  arguments.SetMaxReceiveMessageSize(static_cast<int>(limits::kLinkMessageBytes));
  arguments.SetMaxSendMessageSize(static_cast<int>(limits::kLinkMessageBytes));
  return arguments;
}

// Reads what the service shows and refuses it.
class ChainReader final : public tls::ExternalCertificateVerifier {
 public:
  struct Seen {
    std::mutex mutex;
    std::string chain;  // PEM
  };
  explicit ChainReader(std::shared_ptr<Seen> seen) : seen_(std::move(seen)) {}

  bool Verify(tls::TlsCustomVerificationCheckRequest* request,
              std::function<void(grpc::Status)> /*later*/,
              grpc::Status* status) override {
    const grpc::string_ref chain = request->peer_cert_full_chain();
    const std::lock_guard lock(seen_->mutex);
    seen_->chain.assign(chain.data(), std::min(chain.size(), limits::kSecretBytes));
    *status = grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "read, and not used");
    return true;
  }
  void Cancel(tls::TlsCustomVerificationCheckRequest* /*request*/) override {}

 private:
  std::shared_ptr<Seen> seen_;
};

Error failed(std::string detail) {
  return Error::ours(Code::kSystem, Stage::kNone, std::move(detail));
}

Result<std::string> pick(const std::string& chain,
                         const std::string& fingerprint,
                         const std::string& address) {
  static constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  size_t shown = 0;
  for (size_t at = chain.find(kBegin); at != std::string::npos;) {
    const size_t next = chain.find(kBegin, at + 1);
    const std::string one = chain.substr(at, next == std::string::npos ? next : next - at);
    const auto info = read_certificate(one);
    if (info && info->fingerprint == fingerprint) return one;
    ++shown;
    at = next;
  }
  return failed(fmt::format(
      "{} is not the service that made the token: none of the {} certificates that it shows has "
      "the token's fingerprint",
      address, shown));
}

}  // namespace

std::shared_ptr<grpc::Channel> control_channel(const std::string& address,
                                               const std::string& authority,
                                               const Identity* identity) {
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = authority;
  if (identity != nullptr) {
    options.pem_private_key = std::string(identity->key.reveal());
    options.pem_cert_chain = identity->certificate;
  }
  return grpc::CreateCustomChannel(address, grpc::SslCredentials(options), channel_arguments());
}

Result<std::string> fetch_authority(const std::string& address,
                                    const std::string& fingerprint,
                                    const Clock& clock) {
  auto seen = std::make_shared<ChainReader::Seen>();
  tls::TlsChannelCredentialsOptions options;
  options.set_verify_server_certs(false);
  options.set_check_call_host(false);
  options.set_certificate_verifier(tls::ExternalCertificateVerifier::Create<ChainReader>(seen));
  const auto channel =
      grpc::CreateCustomChannel(address, tls::TlsCredentials(options), channel_arguments());
  const auto until = clock.wall() + limits::kLinkConnectTimeout;
  for (auto state = channel->GetState(true);; state = channel->GetState(false)) {
    {
      const std::lock_guard lock(seen->mutex);
      if (!seen->chain.empty()) return pick(seen->chain, fingerprint, address);
    }
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE) break;
    if (!channel->WaitForStateChange(state, until)) break;
  }
  return failed(address +
                " cannot be reached, or does not speak TLS: check host, port and firewall");
}

std::string words(const grpc::Status& status) {
  const char* word = "failed";
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
      word = "unavailable";
      break;
    case grpc::StatusCode::UNAUTHENTICATED:
      word = "not accepted";
      break;
    case grpc::StatusCode::PERMISSION_DENIED:
      word = "denied";
      break;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      word = "too slow";
      break;
    case grpc::StatusCode::OK:
      word = "ended";
      break;
    default:
      break;
  }
  const std::string& message = status.error_message();
  return message.empty() ? word : fmt::format("{}: {}", word, message.substr(0, 300));
}

}  // namespace culvert
