// Calls that answer once; those that stream are in admin_streams.cc.
#include "control/rpc/admin_service.h"

#include "control/rpc/status.h"
#include "relay/base/secret.h"
#include "relay/base/version.h"

#include <fmt/format.h>

namespace culvert::control {
namespace {

constexpr size_t kStreams = 64;  // operators, dashboards and their forgotten terminals

std::string words(const v1::ApplyReply& reply) {
  size_t created = 0;
  size_t changed = 0;
  size_t deleted = 0;
  for (const v1::Change& change : reply.changes()) {
    created += change.what() == v1::Change::WHAT_CREATED;
    changed += change.what() == v1::Change::WHAT_CHANGED;
    deleted += change.what() == v1::Change::WHAT_DELETED;
  }
  return fmt::format("{} created, {} changed, {} deleted", created, changed, deleted);
}

bool changes_anything(const v1::ApplyReply& reply) {
  for (const v1::Change& change : reply.changes()) {
    if (change.what() != v1::Change::WHAT_UNCHANGED) return true;
  }
  return false;
}

}  // namespace

AdminService::AdminService(const AdminParts& parts)
    : parts_(parts),
      entrance_(parts.tokens, parts.audit),
      keys_(parts.revisions, parts.live, parts.fleet),
      streams_(kStreams) {}

template <class Act>
grpc::Status AdminService::admitted(const Context& context, Call call, const Act& act) {
  const auto caller = entrance_.admit(context, call);
  return caller ? act(*caller) : to_status(caller.error());
}

grpc::Status AdminService::changed(const Caller& caller,
                                   Call call,
                                   const std::string& subject,
                                   Result<v1::ApplyReply> result,
                                   bool dry_run,
                                   v1::ApplyReply* reply) {
  if (result && !dry_run && result->findings().empty() && changes_anything(*result)) {
    entrance_.note(caller, call,
                   subject.empty() ? fmt::format("revision {}", result->revision()) : subject,
                   words(*result));
  }
  return answer(std::move(result), reply);
}

grpc::Status AdminService::WhoAmI(Context* context, const v1::WhoAmIRequest*, v1::Operator* reply) {
  return admitted(*context, Call::kWhoAmI, [&](const Caller& caller) {
    reply->set_name(caller.name);
    reply->set_role(caller.role);
    reply->set_service(std::string(kVersion));
    reply->set_revision(parts_.live.current()->revision);
    return Status::OK;
  });
}

grpc::Status AdminService::Apply(Context* context,
                                 const v1::ApplyRequest* request,
                                 v1::ApplyReply* reply) {
  const Call call = request->dry_run() ? Call::kDiff : Call::kApply;
  return admitted(*context, call, [&](const Caller& caller) {
    return changed(caller, call, "", parts_.revisions.apply(*request, caller.name),
                   request->dry_run(), reply);
  });
}

grpc::Status AdminService::Get(Context* context,
                               const v1::GetRequest* request,
                               v1::GetReply* reply) {
  return admitted(*context, Call::kGet,
                  [&](const Caller&) { return answer(parts_.revisions.get(*request), reply); });
}

grpc::Status AdminService::History(Context* context,
                                   const v1::HistoryRequest* request,
                                   v1::HistoryReply* reply) {
  return admitted(*context, Call::kHistory,
                  [&](const Caller&) { return answer(parts_.revisions.history(*request), reply); });
}

grpc::Status AdminService::Rollback(Context* context,
                                    const v1::RollbackRequest* request,
                                    v1::ApplyReply* reply) {
  const Call call = request->dry_run() ? Call::kDiff : Call::kRollback;
  return admitted(*context, call, [&](const Caller& caller) {
    return changed(caller, call, fmt::format("to revision {}", request->revision()),
                   parts_.revisions.rollback(*request, caller.name), request->dry_run(), reply);
  });
}

grpc::Status AdminService::ListRelays(Context* context,
                                      const v1::ListRelaysRequest* request,
                                      v1::ListRelaysReply* reply) {
  return admitted(*context, Call::kListRelays, [&](const Caller&) {
    const auto relays = parts_.fleet.relays(request->name());
    if (!relays) return to_status(relays.error());
    reply->set_revision(parts_.live.current()->revision);
    reply->mutable_relays()->Assign(relays->begin(), relays->end());
    return Status::OK;
  });
}

grpc::Status AdminService::DrainRelay(Context* context,
                                      const v1::DrainRelayRequest* request,
                                      v1::RelayStatus* reply) {
  return admitted(*context, Call::kDrainRelay, [&](const Caller& caller) {
    auto status = parts_.fleet.drain(request->name(), request->drain());
    if (status) {
      entrance_.note(caller, Call::kDrainRelay, request->name(),
                     request->drain() ? "drain" : "undrain");
    }
    return answer(std::move(status), reply);
  });
}

grpc::Status AdminService::RemoveRelay(Context* context,
                                       const v1::RemoveRelayRequest* request,
                                       v1::RemoveRelayReply*) {
  return admitted(*context, Call::kRemoveRelay, [&](const Caller& caller) {
    if (const auto removed = parts_.fleet.remove(request->name()); !removed) {
      return to_status(removed.error());
    }
    entrance_.note(caller, Call::kRemoveRelay, request->name(), "");
    return Status::OK;
  });
}

grpc::Status AdminService::CreateJoinToken(Context* context,
                                           const v1::CreateJoinTokenRequest* request,
                                           v1::CreateJoinTokenReply* reply) {
  return admitted(*context, Call::kCreateJoinToken, [&](const Caller& caller) {
    auto token = parts_.fleet.create_join_token(*request, caller.name);
    if (token) {
      entrance_.note(caller, Call::kCreateJoinToken, request->name(),
                     "region " + request->region());
    }
    return answer(std::move(token), reply);
  });
}

grpc::Status AdminService::ListKeys(Context* context,
                                    const v1::ListKeysRequest* request,
                                    v1::ListKeysReply* reply) {
  return admitted(*context, Call::kListKeys,
                  [&](const Caller&) { return answer(keys_.list(*request), reply); });
}

grpc::Status AdminService::AddKey(Context* context,
                                  const v1::AddKeyRequest* request,
                                  v1::ApplyReply* reply) {
  return admitted(*context, Call::kAddKey, [&](const Caller& caller) {
    return changed(caller, Call::kAddKey, request->pool(), keys_.add(*request, caller.name), false,
                   reply);
  });
}

grpc::Status AdminService::SetKey(Context* context,
                                  const v1::SetKeyRequest* request,
                                  v1::ApplyReply* reply) {
  return admitted(*context, Call::kSetKey, [&](const Caller& caller) {
    // What the caller wrote may be a whole key by mistake: only a masked form is written down.
    const std::string subject = request->key().size() <= 12 ? request->key() : mask(request->key());
    return changed(caller, Call::kSetKey, subject, keys_.set(*request, caller.name), false, reply);
  });
}

grpc::Status AdminService::VerifyKeys(Context* context,
                                      const v1::VerifyKeysRequest* request,
                                      grpc::ServerWriter<v1::VerifyKeysReply>* writer) {
  return admitted(*context, Call::kVerifyKeys, [&](const Caller& caller) {
    return verify_keys(*context, caller, *request, writer);
  });
}

grpc::Status AdminService::CreateToken(Context* context,
                                       const v1::CreateTokenRequest* request,
                                       v1::CreateTokenReply* reply) {
  return admitted(*context, Call::kCreateToken, [&](const Caller& caller) {
    auto made = parts_.tokens.create(*request, caller.name);
    if (made) {
      entrance_.note(
          caller, Call::kCreateToken, made->token().id(),
          made->token().name() + (made->token().has_tenant() ? ", tenant " + made->token().tenant()
                                                             : ", an operator's"));
    }
    return answer(std::move(made), reply);
  });
}

grpc::Status AdminService::RevokeToken(Context* context,
                                       const v1::RevokeTokenRequest* request,
                                       v1::Token* reply) {
  return admitted(*context, Call::kRevokeToken, [&](const Caller& caller) {
    auto revoked = parts_.tokens.revoke(request->id());
    if (revoked) entrance_.note(caller, Call::kRevokeToken, revoked->id(), revoked->name());
    return answer(std::move(revoked), reply);
  });
}

grpc::Status AdminService::ListTokens(Context* context,
                                      const v1::ListTokensRequest* request,
                                      v1::ListTokensReply* reply) {
  return admitted(*context, Call::kListTokens, [&](const Caller&) {
    const auto tokens = parts_.tokens.list(request->with_revoked());
    if (!tokens) return to_status(tokens.error());
    reply->mutable_tokens()->Assign(tokens->begin(), tokens->end());
    return Status::OK;
  });
}

grpc::Status AdminService::Usage(Context* context,
                                 const v1::UsageRequest* request,
                                 v1::UsageReply* reply) {
  return admitted(*context, Call::kUsage,
                  [&](const Caller&) { return answer(parts_.ledger.report(*request), reply); });
}

grpc::Status AdminService::Watch(Context* context,
                                 const v1::WatchRequest* request,
                                 grpc::ServerWriter<v1::Revision>* writer) {
  return admitted(*context, Call::kWatch,
                  [&](const Caller&) { return watch(*context, *request, writer); });
}

grpc::Status AdminService::WatchRelays(Context* context,
                                       const v1::WatchRelaysRequest* request,
                                       grpc::ServerWriter<v1::ListRelaysReply>* writer) {
  return admitted(*context, Call::kWatchRelays,
                  [&](const Caller&) { return watch_relays(*context, *request, writer); });
}

grpc::Status AdminService::Audit(Context* context,
                                 const v1::AuditRequest* request,
                                 grpc::ServerWriter<v1::AuditEntry>* writer) {
  return admitted(*context, Call::kAudit,
                  [&](const Caller&) { return audit(*context, *request, writer); });
}

grpc::Status AdminService::Backup(Context* context,
                                  const v1::BackupRequest*,
                                  grpc::ServerWriter<v1::Chunk>* writer) {
  return admitted(*context, Call::kBackup, [&](const Caller& caller) {
    entrance_.note(caller, Call::kBackup, "", "");
    return backup(*context, writer);
  });
}

grpc::Status AdminService::Restore(Context* context,
                                   grpc::ServerReader<v1::Chunk>* reader,
                                   v1::RestoreReply* reply) {
  return admitted(*context, Call::kRestore, [&](const Caller& caller) {
    const Status status = restore(reader);
    if (!status.ok()) return status;
    reply->set_revision(parts_.live.current()->revision);
    entrance_.note(caller, Call::kRestore, fmt::format("revision {}", reply->revision()), "");
    return status;
  });
}

}  // namespace culvert::control
