// Who calls and what they may: an operator's token in, a Caller out, and the table of which role
// each call needs. Refusals of a role are written to the audit log. Safe on any thread.
#pragma once

#include "control/config/audit_log.h"
#include "control/config/tokens.h"
#include "control/rpc/caller.h"
#include "relay/base/result.h"

#include <grpcpp/server_context.h>

#include <string>
#include <string_view>

namespace culvert::control {

enum class Call : uint8_t {
  kWhoAmI,
  kDiff,
  kApply,
  kGet,
  kHistory,
  kRollback,
  kWatch,
  kListRelays,
  kWatchRelays,
  kDrainRelay,
  kRemoveRelay,
  kCreateJoinToken,
  kListKeys,
  kAddKey,
  kSetKey,
  kVerifyKeys,
  kCreateToken,
  kRevokeToken,
  kListTokens,
  kUsage,
  kAudit,
  kBackup,
  kRestore,
};

std::string_view to_string(Call call);  // as the audit log names it: `token.create`
v1::Role role_for(Call call);

class Entrance {
 public:
  Entrance(Tokens& tokens, AuditLog& audit) : tokens_(tokens), audit_(audit) {}

  // Errors: kUnauthorized without a good token, kForbidden where the role is not enough.
  Result<Caller> admit(const grpc::ServerContext& context, Call call);
  // A change that was made, for the audit log. It stands, whether it can be written down or not.
  void note(const Caller& caller, Call call, std::string subject, std::string detail);

 private:
  Tokens& tokens_;
  AuditLog& audit_;
};

// The address of `ipv4:192.0.2.1:50000`, `ipv6:[2001:db8::1]:50000` and their escaped forms.
std::string address_of(std::string_view peer);

}  // namespace culvert::control
