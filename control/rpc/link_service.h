// The service that relays call: enrolment, Sync, Metrics, Ledger. Registered with a gRPC server by
// main, whose credentials ask for a client's certificate, verify it against the authority where
// there is one, and do not demand it (Enroll has none). Synchronous: gRPC's threads run the calls,
// one for each, and one more for each Sync.
#pragma once

#include "control/config/audit_log.h"
#include "control/fleet/dialogue.h"
#include "control/fleet/pool_watch.h"
#include "control/ledger/ledger.h"
#include "control/rpc/link_watch.h"
#include "culvert/v1/link.grpc.pb.h"

#include <memory>
#include <string>

namespace culvert::control {

class LinkService final : public v1::RelayLink::Service {
 public:
  struct Parts {
    Store& store;
    const Configuration& configuration;
    Roster& roster;
    Attendance& attendance;
    Enrolment& enrolment;
    Targets& targets;
    KeyTests& key_tests;
    Switchboard& switchboard;
    control::Ledger& ledger;
    AuditLog& audit;
    const Clock& clock;
    LinkTimes times;
  };
  // `authority`: its certificate, PEM. All parts outlive the service.
  LinkService(Parts parts, std::string authority);

  grpc::Status Enroll(grpc::ServerContext* context,
                      const v1::EnrollRequest* request,
                      v1::EnrollReply* reply) override;
  grpc::Status Sync(grpc::ServerContext* context,
                    grpc::ServerReaderWriter<v1::SyncDown, v1::SyncUp>* stream) override;
  grpc::Status Metrics(grpc::ServerContext* context,
                       grpc::ServerReader<v1::MetricsReport>* reader,
                       v1::MetricsDone* done) override;
  grpc::Status Ledger(grpc::ServerContext* context,
                      grpc::ServerReaderWriter<v1::LedgerAck, v1::LedgerBatch>* stream) override;

  // Ends all live calls and refuses new ones (UNAVAILABLE), so that Server::Shutdown does not wait
  // for relays: to be called before it.
  void stop();

 private:
  // A peer that the roster accepts.
  Result<Peer> relay_of(const grpc::ServerContext& context) const;
  Result<void> still_accepted(const Peer& peer) const;
  Result<void> receive(const Peer& peer, const v1::MetricsReport& report);
  void tell_pools(const Peer& peer, const v1::MetricsReport& report);
  Result<v1::LedgerAck> receive(const Peer& peer, v1::LedgerBatch* batch);

  Parts parts_;
  std::string authority_;
  PoolWatch pools_;
  LinkWatch watch_;
};

}  // namespace culvert::control
