// The Admin service of admin.proto: each call checks who asks, asks the room that knows, and writes
// down what was changed. Sync API: operators are few, and their calls wait for the disk anyway.
#pragma once

#include "control/config/revisions.h"
#include "control/config/stored_audit_log.h"
#include "control/config/tokens.h"
#include "control/fleet/fleet.h"
#include "control/fleet/key_tests.h"
#include "control/ledger/ledger.h"
#include "control/rpc/entrance.h"
#include "control/rpc/keys.h"
#include "control/rpc/streams.h"
#include "culvert/v1/admin.grpc.pb.h"

#include <string>

namespace culvert::control {

// What it speaks for; all of it outlives the service.
struct AdminParts {
  Store& store;
  LiveConfiguration& live;
  Revisions& revisions;
  Tokens& tokens;
  StoredAuditLog& audit;
  Fleet& fleet;
  KeyTests& key_tests;
  Ledger& ledger;
  std::string directory;  // for backups on their way
};

class AdminService final : public v1::Admin::Service {
 public:
  explicit AdminService(const AdminParts& parts);

  // Streams end soon after, and new ones are refused.
  void stop() { streams_.stop(); }

  using Context = grpc::ServerContext;
  using Status = grpc::Status;
  Status WhoAmI(Context*, const v1::WhoAmIRequest*, v1::Operator*) override;
  Status Apply(Context*, const v1::ApplyRequest*, v1::ApplyReply*) override;
  Status Get(Context*, const v1::GetRequest*, v1::GetReply*) override;
  Status History(Context*, const v1::HistoryRequest*, v1::HistoryReply*) override;
  Status Rollback(Context*, const v1::RollbackRequest*, v1::ApplyReply*) override;
  Status Watch(Context*, const v1::WatchRequest*, grpc::ServerWriter<v1::Revision>*) override;
  Status ListRelays(Context*, const v1::ListRelaysRequest*, v1::ListRelaysReply*) override;
  Status WatchRelays(Context*,
                     const v1::WatchRelaysRequest*,
                     grpc::ServerWriter<v1::ListRelaysReply>*) override;
  Status DrainRelay(Context*, const v1::DrainRelayRequest*, v1::RelayStatus*) override;
  Status RemoveRelay(Context*, const v1::RemoveRelayRequest*, v1::RemoveRelayReply*) override;
  Status CreateJoinToken(Context*,
                         const v1::CreateJoinTokenRequest*,
                         v1::CreateJoinTokenReply*) override;
  Status ListKeys(Context*, const v1::ListKeysRequest*, v1::ListKeysReply*) override;
  Status AddKey(Context*, const v1::AddKeyRequest*, v1::ApplyReply*) override;
  Status SetKey(Context*, const v1::SetKeyRequest*, v1::ApplyReply*) override;
  Status VerifyKeys(Context*,
                    const v1::VerifyKeysRequest*,
                    grpc::ServerWriter<v1::VerifyKeysReply>*) override;
  Status CreateToken(Context*, const v1::CreateTokenRequest*, v1::CreateTokenReply*) override;
  Status RevokeToken(Context*, const v1::RevokeTokenRequest*, v1::Token*) override;
  Status ListTokens(Context*, const v1::ListTokensRequest*, v1::ListTokensReply*) override;
  Status Usage(Context*, const v1::UsageRequest*, v1::UsageReply*) override;
  Status Audit(Context*, const v1::AuditRequest*, grpc::ServerWriter<v1::AuditEntry>*) override;
  Status Backup(Context*, const v1::BackupRequest*, grpc::ServerWriter<v1::Chunk>*) override;
  Status Restore(Context*, grpc::ServerReader<v1::Chunk>*, v1::RestoreReply*) override;

 private:
  template <class Act>  // Status(const Caller&)
  Status admitted(const Context& context, Call call, const Act& act);
  Status watch(const Context& context,
               const v1::WatchRequest& request,
               grpc::ServerWriter<v1::Revision>* writer);
  Status watch_relays(const Context& context,
                      const v1::WatchRelaysRequest& request,
                      grpc::ServerWriter<v1::ListRelaysReply>* writer);
  Status verify_keys(const Context& context,
                     const Caller& caller,
                     const v1::VerifyKeysRequest& request,
                     grpc::ServerWriter<v1::VerifyKeysReply>* writer);
  Status audit(const Context& context,
               const v1::AuditRequest& request,
               grpc::ServerWriter<v1::AuditEntry>* writer);
  Status backup(const Context& context, grpc::ServerWriter<v1::Chunk>* writer);
  Status restore(grpc::ServerReader<v1::Chunk>* reader);

  // The change's reply out, and an entry in the audit log where something was changed.
  Status changed(const Caller& caller,
                 Call call,
                 const std::string& subject,
                 Result<v1::ApplyReply> result,
                 bool dry_run,
                 v1::ApplyReply* reply);

  AdminParts parts_;
  Entrance entrance_;
  Keys keys_;
  Streams streams_;
};

}  // namespace culvert::control
