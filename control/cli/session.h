// The conversation with one control service: a TLS channel, the operator's token on each call, a
// deadline for each. The only place of the program that knows gRPC. Calls block; they may be made
// from several threads at once. Errors are status_words'.
#pragma once

#include "control/cli/access.h"
#include "control/cli/files.h"
#include "control/cli/terminal.h"
#include "culvert/v1/admin.pb.h"
#include "relay/base/result.h"

#include <functional>
#include <memory>
#include <stop_token>

namespace culvert::cli {

class Session {
 public:
  // Connects at the first call. `terminal` outlives it: it shows what is waited for.
  Session(Access access, const Terminal& terminal);
  ~Session();

  const Access& access() const;

  Result<v1::Operator> ask(const v1::WhoAmIRequest& request);
  Result<v1::ApplyReply> ask(const v1::ApplyRequest& request);
  Result<v1::GetReply> ask(const v1::GetRequest& request);
  Result<v1::HistoryReply> ask(const v1::HistoryRequest& request);
  Result<v1::ApplyReply> ask(const v1::RollbackRequest& request);
  Result<v1::ListRelaysReply> ask(const v1::ListRelaysRequest& request);
  Result<v1::RelayStatus> ask(const v1::DrainRelayRequest& request);
  Result<v1::RemoveRelayReply> ask(const v1::RemoveRelayRequest& request);
  Result<v1::CreateJoinTokenReply> ask(const v1::CreateJoinTokenRequest& request);
  Result<v1::ListKeysReply> ask(const v1::ListKeysRequest& request);
  Result<v1::ApplyReply> ask(const v1::AddKeyRequest& request);
  Result<v1::ApplyReply> ask(const v1::SetKeyRequest& request);
  Result<v1::CreateTokenReply> ask(const v1::CreateTokenRequest& request);
  Result<v1::Token> ask(const v1::RevokeTokenRequest& request);
  Result<v1::ListTokensReply> ask(const v1::ListTokensRequest& request);
  Result<v1::UsageReply> ask(const v1::UsageRequest& request);

  // Streams: each message goes to `each`, which ends the stream by returning false. They end well
  // when the service ends them, at `each`'s word, and when `stop` is requested.
  template <class Message>
  using Each = std::function<bool(const Message&)>;
  Result<void> follow(const v1::WatchRequest& request,
                      const std::stop_token& stop,
                      const Each<v1::Revision>& each);
  // `most`: ends well after so long; zero: never.
  Result<void> follow(const v1::WatchRelaysRequest& request,
                      const std::stop_token& stop,
                      const Each<v1::ListRelaysReply>& each,
                      Duration most = {});
  Result<void> follow(const v1::VerifyKeysRequest& request,
                      const std::stop_token& stop,
                      const Each<v1::VerifyKeysReply>& each);
  Result<void> follow(const v1::AuditRequest& request,
                      const std::stop_token& stop,
                      const Each<v1::AuditEntry>& each);

  // The whole store into the sink, whose error ends it.
  Result<void> backup(const Sink& sink);
  Result<v1::RestoreReply> restore(std::string_view bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace culvert::cli
