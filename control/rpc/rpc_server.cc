// gRPC's settings, each with the reason for its value.
#include "control/rpc/rpc_server.h"

#include "relay/base/log.h"

#include <grpc/grpc_security_constants.h>
#include <grpc/support/log.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

namespace culvert::control {
namespace {

using namespace std::chrono_literals;

constexpr int kMessageBytes = 64 * 1024 * 1024;  // an apply of 10,000 routes has some 10 MiB
constexpr int kMetadataBytes = 16 * 1024;
constexpr int kStreamsPerConnection = 128;
constexpr int kThreads = 2048;  // a relay streams on three or four
// Relays ping every 20 s, also without a call; gRPC's own default calls that too many.
constexpr int kPingsNoCloserThan = 15'000;
constexpr int kKeepalive = 20'000;
constexpr int kKeepaliveTimeout = 10'000;
constexpr auto kGrace = 2s;  // of streams that were told to end; they look several times a second

void log_line(gpr_log_func_args* args) {
  const auto tell = args->severity == GPR_LOG_SEVERITY_ERROR ? log::warn : log::debug;
  tell("grpc", {{"text", args->message}});
}

std::shared_ptr<grpc::ServerCredentials> credentials_of(const Identity& identity) {
  grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = identity.authority.certificate;
  // With the authority, so that a relay that joins finds it in the chain, by its fingerprint.
  options.pem_key_cert_pairs.push_back(
      {std::string(identity.key.reveal()), identity.certificate + identity.authority.certificate});
  return grpc::SslServerCredentials(options);
}

void set_limits(grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(kMessageBytes);
  builder->SetMaxSendMessageSize(kMessageBytes);
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMetadataBytes);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kStreamsPerConnection);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                              kPingsNoCloserThan);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepalive);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeout);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // A second service on the same port would take half of the calls.
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  grpc::ResourceQuota quota("culvert-control");
  quota.SetMaxThreads(kThreads);
  builder->SetResourceQuota(quota);
}

}  // namespace

Result<std::unique_ptr<RpcServer>> RpcServer::start(const SocketAddress& listen,
                                                    const Identity& identity,
                                                    std::vector<RpcService> services) {
  gpr_set_log_function(log_line);
  grpc::ServerBuilder builder;
  set_limits(&builder);
  int port = 0;
  builder.AddListeningPort(listen.text(), credentials_of(identity), &port);
  for (const RpcService& service : services) builder.RegisterService(service.service);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    return Error::ours(Code::kSystem, Stage::kNone,
                       listen.text() +
                           ": cannot be listened on; it is taken, or not an address of "
                           "this machine");
  }
  const SocketAddress bound{listen.address, static_cast<uint16_t>(port)};
  return std::unique_ptr<RpcServer>(new RpcServer(std::move(server), bound, std::move(services)));
}

RpcServer::~RpcServer() { stop(); }

void RpcServer::stop() {
  if (stopped_) return;
  stopped_ = true;
  for (const RpcService& service : services_) {
    if (service.stop) service.stop();
  }
  server_->Shutdown(Clock::system().wall() + kGrace);
  server_->Wait();
}

}  // namespace culvert::control
