// admin.proto says the roles in words; the table below is what holds.
#include "control/rpc/entrance.h"

#include "relay/base/text.h"
#include "relay/base/url.h"

#include <fmt/format.h>

#include <array>

namespace culvert::control {
namespace {

struct Row {
  Call call;
  std::string_view word;
  v1::Role role;
};

constexpr auto kViewer = v1::ROLE_VIEWER;
constexpr auto kOperator = v1::ROLE_OPERATOR;
constexpr auto kAdmin = v1::ROLE_ADMIN;

constexpr std::array kRows = {
    Row{Call::kWhoAmI, "whoami", kViewer},
    Row{Call::kDiff, "diff", kViewer},
    Row{Call::kApply, "apply", kOperator},
    Row{Call::kGet, "get", kViewer},
    Row{Call::kHistory, "history", kViewer},
    Row{Call::kRollback, "rollback", kOperator},
    Row{Call::kWatch, "watch", kViewer},
    Row{Call::kListRelays, "relay.list", kViewer},
    Row{Call::kWatchRelays, "relay.watch", kViewer},
    Row{Call::kDrainRelay, "relay.drain", kOperator},
    Row{Call::kRemoveRelay, "relay.remove", kAdmin},
    Row{Call::kCreateJoinToken, "relay.join-token", kAdmin},
    Row{Call::kListKeys, "key.list", kViewer},
    Row{Call::kAddKey, "key.add", kOperator},
    Row{Call::kSetKey, "key.set", kOperator},
    Row{Call::kVerifyKeys, "key.verify", kOperator},
    Row{Call::kCreateToken, "token.create", kAdmin},
    Row{Call::kRevokeToken, "token.revoke", kAdmin},
    Row{Call::kListTokens, "token.list", kAdmin},
    Row{Call::kUsage, "usage", kViewer},
    Row{Call::kAudit, "audit", kViewer},
    Row{Call::kBackup, "backup", kAdmin},
    Row{Call::kRestore, "restore", kAdmin},
};

constexpr const Row& row(Call call) { return kRows[static_cast<size_t>(call)]; }

constexpr bool in_order() {
  for (size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<size_t>(kRows[i].call) != i) return false;
  }
  return kRows.size() == static_cast<size_t>(Call::kRestore) + 1;
}
static_assert(in_order());

std::string_view role_word(v1::Role role) {
  switch (role) {
    case v1::ROLE_ADMIN:
      return "admin";
    case v1::ROLE_OPERATOR:
      return "operator";
    default:
      return "viewer";
  }
}

Result<std::string_view> bearer(const grpc::ServerContext& context) {
  const auto found = context.client_metadata().find("authorization");
  if (found != context.client_metadata().end()) {
    const std::string_view text(found->second.data(), found->second.size());
    constexpr std::string_view kScheme = "bearer ";
    if (starts_with_ignoring_case(text, kScheme)) return trim(text.substr(kScheme.size()));
  }
  return Error::client(Code::kUnauthorized, Stage::kAuth,
                       "no token; needed is an operator's (cvo_…), as CULVERT_TOKEN or --token");
}

}  // namespace

std::string_view to_string(Call call) { return row(call).word; }
v1::Role role_for(Call call) { return row(call).role; }

Result<Caller> Entrance::admit(const grpc::ServerContext& context, Call call) {
  const std::string_view shown = CULVERT_TRY(bearer(context));
  const v1::Token token = CULVERT_TRY(tokens_.admit(shown));
  Caller caller{token.name(), address_of(context.peer()), token.operator_role()};
  if (caller.role >= role_for(call)) return caller;
  const std::string detail =
      fmt::format("{} needs the role {}; this token's is {}", to_string(call),
                  role_word(role_for(call)), role_word(caller.role));
  v1::AuditEntry entry;
  entry.set_by(caller.name);
  entry.set_action(std::string(to_string(call)));
  entry.set_detail(detail);
  entry.set_address(caller.address);
  entry.set_refused(true);
  static_cast<void>(audit_.append(std::move(entry)).has_value());  // it is refused all the same
  return Error::client(Code::kForbidden, Stage::kAuth, detail);
}

void Entrance::note(const Caller& caller, Call call, std::string subject, std::string detail) {
  v1::AuditEntry entry;
  entry.set_by(caller.name);
  entry.set_action(std::string(to_string(call)));
  entry.set_subject(std::move(subject));
  entry.set_detail(std::move(detail));
  entry.set_address(caller.address);
  static_cast<void>(audit_.append(std::move(entry)).has_value());  // a failure is in the log
}

std::string address_of(std::string_view peer) {
  const std::string plain = percent_decode(peer);
  std::string_view text = plain;
  const size_t scheme = text.find(':');
  if (scheme == std::string_view::npos) return plain;
  text.remove_prefix(scheme + 1);
  if (!text.empty() && text.front() == '[') return std::string(text.substr(1, text.find(']') - 1));
  return std::string(text.substr(0, text.rfind(':')));
}

}  // namespace culvert::control
