// gRPC's synchronous stubs.
#include "control/cli/session.h"

#include "control/cli/progress.h"
#include "control/cli/status_words.h"
#include "control/cli/times.h"
#include "culvert/v1/admin.grpc.pb.h"
#include "proto/scalars.h"

#include <fmt/format.h>
#include <grpc/support/log.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>

namespace culvert::cli {
namespace {

constexpr int kMostReceivedBytes = 256 * 1024 * 1024;  // ten thousand routes with all their text
constexpr size_t kChunkBytes = 256 * 1024;
constexpr int kKeepaliveMs = 20'000;
// A connection may fail at once on a machine that has too much to do: for so long it is made anew.
constexpr auto kReconnectFor = std::chrono::milliseconds(400);
constexpr int kReconnectMs = 100;
// How long a wait for a connection looks away from its stop token.
constexpr auto kLook = std::chrono::milliseconds(100);

std::shared_ptr<grpc::Channel> channel_to(const Access& access) {
  // gRPC writes its own lines to standard error; what they say comes back as a status too.
  gpr_set_log_function([](gpr_log_func_args*) {});
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = access.ca_pem;
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMostReceivedBytes);
  arguments.SetMaxSendMessageSize(kMostReceivedBytes);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  // The least back-off is also the longest that one connection attempt may take.
  const auto patience = std::chrono::ceil<std::chrono::milliseconds>(access.timeout).count();
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS,
                   static_cast<int>(std::clamp<int64_t>(patience, 100, 20'000)));
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMs);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);  // the token goes to the named service alone
  return grpc::CreateCustomChannel(access.server, grpc::SslCredentials(options), arguments);
}

gpr_timespec after(Duration span) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_nanos(span.count(), GPR_TIMESPAN));
}

}  // namespace

struct Session::State {
  State(Access who, const Terminal& where)
      : access(std::move(who)),
        terminal(where),
        channel(channel_to(access)),
        stub(v1::Admin::NewStub(channel)) {}

  void prepare(grpc::ClientContext* context) const {
    context->AddMetadata("authorization", "Bearer " + std::string(access.token.reveal()));
  }

  // A call would fail with the first connection that does; before anything was asked, another one
  // costs nothing.
  void connect(const gpr_timespec& deadline, const std::stop_token& stop = {}) const {
    gpr_timespec until = deadline;
    while (!stop.stop_requested()) {
      const auto now = channel->GetState(true);
      if (now == GRPC_CHANNEL_READY) return;
      // It stays in this state until a connection succeeds.
      if (now == GRPC_CHANNEL_TRANSIENT_FAILURE) {
        until = gpr_time_min(until, after(kReconnectFor));
      }
      if (gpr_time_cmp(gpr_now(GPR_CLOCK_MONOTONIC), until) >= 0) return;
      channel->WaitForStateChange(now, gpr_time_min(until, after(kLook)));
    }
  }

  Error failure(const grpc::Status& status) const {
    return in_words({static_cast<int>(status.error_code()), status.error_message(), access.server,
                     access.ca_file, print_duration(access.timeout)});
  }

  template <class Request, class Reply>
  Result<Reply> call(grpc::Status (v1::Admin::Stub::*method)(grpc::ClientContext*,
                                                             const Request&,
                                                             Reply*),
                     const Request& request) {
    const Progress progress(terminal, "waiting for " + access.server);
    const gpr_timespec deadline = after(access.timeout);
    connect(deadline);
    grpc::ClientContext context;
    prepare(&context);
    context.set_deadline(deadline);
    Reply reply;
    const grpc::Status status = (stub.get()->*method)(&context, request, &reply);
    if (!status.ok()) return failure(status);
    return reply;
  }

  template <class Request, class Message>
  Result<void> stream(std::unique_ptr<grpc::ClientReader<Message>> (v1::Admin::Stub::*method)(
                          grpc::ClientContext*, const Request&),
                      const Request& request,
                      const std::stop_token& stop,
                      const Each<Message>& each,
                      Duration most) {
    connect(after(access.timeout), stop);
    if (stop.stop_requested()) return {};
    grpc::ClientContext context;
    prepare(&context);
    if (most.count() > 0) context.set_deadline(after(most));
    const auto reader = (stub.get()->*method)(&context, request);
    const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
    bool enough = false;
    for (Message message; !enough && reader->Read(&message);) enough = !each(message);
    if (enough) context.TryCancel();
    const grpc::Status status = reader->Finish();
    const bool late = most.count() > 0 && status.error_code() == grpc::DEADLINE_EXCEEDED;
    if (status.ok() || enough || stop.stop_requested() || late) return {};
    return failure(status);
  }

  const Access access;
  const Terminal& terminal;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::Admin::Stub> stub;
};

Session::Session(Access access, const Terminal& terminal)
    : state_(std::make_unique<State>(std::move(access), terminal)) {}

Session::~Session() = default;

const Access& Session::access() const { return state_->access; }

Result<v1::Operator> Session::ask(const v1::WhoAmIRequest& request) {
  return state_->call(&v1::Admin::Stub::WhoAmI, request);
}

Result<v1::ApplyReply> Session::ask(const v1::ApplyRequest& request) {
  return state_->call(&v1::Admin::Stub::Apply, request);
}

Result<v1::GetReply> Session::ask(const v1::GetRequest& request) {
  return state_->call(&v1::Admin::Stub::Get, request);
}

Result<v1::HistoryReply> Session::ask(const v1::HistoryRequest& request) {
  return state_->call(&v1::Admin::Stub::History, request);
}

Result<v1::ApplyReply> Session::ask(const v1::RollbackRequest& request) {
  return state_->call(&v1::Admin::Stub::Rollback, request);
}

Result<v1::ListRelaysReply> Session::ask(const v1::ListRelaysRequest& request) {
  return state_->call(&v1::Admin::Stub::ListRelays, request);
}

Result<v1::RelayStatus> Session::ask(const v1::DrainRelayRequest& request) {
  return state_->call(&v1::Admin::Stub::DrainRelay, request);
}

Result<v1::RemoveRelayReply> Session::ask(const v1::RemoveRelayRequest& request) {
  return state_->call(&v1::Admin::Stub::RemoveRelay, request);
}

Result<v1::CreateJoinTokenReply> Session::ask(const v1::CreateJoinTokenRequest& request) {
  return state_->call(&v1::Admin::Stub::CreateJoinToken, request);
}

Result<v1::ListKeysReply> Session::ask(const v1::ListKeysRequest& request) {
  return state_->call(&v1::Admin::Stub::ListKeys, request);
}

Result<v1::ApplyReply> Session::ask(const v1::AddKeyRequest& request) {
  return state_->call(&v1::Admin::Stub::AddKey, request);
}

Result<v1::ApplyReply> Session::ask(const v1::SetKeyRequest& request) {
  return state_->call(&v1::Admin::Stub::SetKey, request);
}

Result<v1::CreateTokenReply> Session::ask(const v1::CreateTokenRequest& request) {
  return state_->call(&v1::Admin::Stub::CreateToken, request);
}

Result<v1::Token> Session::ask(const v1::RevokeTokenRequest& request) {
  return state_->call(&v1::Admin::Stub::RevokeToken, request);
}

Result<v1::ListTokensReply> Session::ask(const v1::ListTokensRequest& request) {
  return state_->call(&v1::Admin::Stub::ListTokens, request);
}

Result<v1::UsageReply> Session::ask(const v1::UsageRequest& request) {
  return state_->call(&v1::Admin::Stub::Usage, request);
}

Result<void> Session::follow(const v1::WatchRequest& request,
                             const std::stop_token& stop,
                             const Each<v1::Revision>& each) {
  return state_->stream(&v1::Admin::Stub::Watch, request, stop, each, {});
}

Result<void> Session::follow(const v1::WatchRelaysRequest& request,
                             const std::stop_token& stop,
                             const Each<v1::ListRelaysReply>& each,
                             Duration most) {
  return state_->stream(&v1::Admin::Stub::WatchRelays, request, stop, each, most);
}

Result<void> Session::follow(const v1::AuditRequest& request,
                             const std::stop_token& stop,
                             const Each<v1::AuditEntry>& each) {
  return state_->stream(&v1::Admin::Stub::Audit, request, stop, each, {});
}

Result<void> Session::follow(const v1::VerifyKeysRequest& request,
                             const std::stop_token& stop,
                             const Each<v1::VerifyKeysReply>& each) {
  return state_->stream(&v1::Admin::Stub::VerifyKeys, request, stop, each, {});
}

Result<void> Session::backup(const Sink& sink) {
  Progress progress(state_->terminal, "waiting for " + state_->access.server);
  Result<void> written;
  uint64_t bytes = 0;
  auto read = state_->stream<v1::BackupRequest, v1::Chunk>(
      &v1::Admin::Stub::Backup, {}, {},
      [&](const v1::Chunk& chunk) {
        written = sink(chunk.data());
        bytes += chunk.data().size();
        progress.say(fmt::format("{:.1f} MiB received", static_cast<double>(bytes) / (1 << 20)));
        return written.has_value();
      },
      {});
  return written ? std::move(read) : std::move(written);
}

Result<v1::RestoreReply> Session::restore(std::string_view bytes) {
  Progress progress(state_->terminal, "waiting for " + state_->access.server);
  grpc::ClientContext context;
  state_->connect(after(state_->access.timeout));
  state_->prepare(&context);
  v1::RestoreReply reply;
  const auto writer = state_->stub->Restore(&context, &reply);
  bool taken = true;
  for (size_t at = 0; taken && at < bytes.size(); at += kChunkBytes) {
    v1::Chunk chunk;
    chunk.set_data(std::string(bytes.substr(at, kChunkBytes)));
    taken = writer->Write(chunk);
    progress.say(fmt::format("{:.1f} of {:.1f} MiB sent", static_cast<double>(at) / (1 << 20),
                             static_cast<double>(bytes.size()) / (1 << 20)));
  }
  if (taken) writer->WritesDone();
  const grpc::Status status = writer->Finish();
  if (!status.ok()) return state_->failure(status);
  return reply;
}

}  // namespace culvert::cli
