// Each call: who is it, plug in, carry on until one side ends it.
#include "control/rpc/link_service.h"

#include "control/fleet/bounds.h"
#include "control/rpc/link_line.h"
#include "control/rpc/link_peer.h"
#include "control/rpc/link_status.h"
#include "control/rpc/link_sync.h"
#include "relay/base/log.h"

#include <fmt/format.h>

namespace culvert::control {

LinkService::LinkService(Parts parts, std::string authority)
    : parts_(parts),
      authority_(std::move(authority)),
      watch_({parts.configuration, parts.store, parts.roster, parts.switchboard, parts.clock}) {}

grpc::Status LinkService::Enroll(grpc::ServerContext* context,
                                 const v1::EnrollRequest* request,
                                 v1::EnrollReply* reply) {
  auto enrolled = parts_.enrolment.enroll(*request, address_of(*context));
  if (!enrolled) return link_status(enrolled.error());
  *reply = std::move(*enrolled);
  return grpc::Status::OK;
}

grpc::Status LinkService::Sync(grpc::ServerContext* context,
                               grpc::ServerReaderWriter<v1::SyncDown, v1::SyncUp>* stream) {
  const auto peer = relay_of(*context);
  if (!peer) return link_status(peer.error());
  SyncCall call(*context, *stream, parts_.clock, parts_.times.pulse_death);
  const Switchboard::Plug plug(parts_.switchboard, peer->name, LineKind::kSync, call);
  log::info("relay connected", {{"relay", peer->name}, {"address", peer->address}});
  Dialogue dialogue({parts_.roster, parts_.attendance, parts_.enrolment, parts_.targets,
                     parts_.key_tests, parts_.clock, parts_.times},
                    *peer, plug.number());
  const grpc::Status status = call.run(dialogue);
  log::info("relay disconnected", {{"relay", peer->name}, {"why", status.error_message()}});
  return status;
}

grpc::Status LinkService::Metrics(grpc::ServerContext* context,
                                  grpc::ServerReader<v1::MetricsReport>* reader,
                                  v1::MetricsDone*) {
  const auto peer = relay_of(*context);
  if (!peer) return link_status(peer.error());
  CallLine call(*context);
  const Switchboard::Plug plug(parts_.switchboard, peer->name, LineKind::kMetrics, call);
  v1::MetricsReport report;
  while (reader->Read(&report)) {
    if (const auto received = receive(*peer, report); !received) {
      return link_status(received.error());
    }
  }
  return call.status();
}

grpc::Status LinkService::Ledger(grpc::ServerContext* context,
                                 grpc::ServerReaderWriter<v1::LedgerAck, v1::LedgerBatch>* stream) {
  const auto peer = relay_of(*context);
  if (!peer) return link_status(peer.error());
  CallLine call(*context);
  const Switchboard::Plug plug(parts_.switchboard, peer->name, LineKind::kLedger, call);
  v1::LedgerBatch batch;
  while (stream->Read(&batch)) {
    const auto ack = receive(*peer, &batch);
    if (!ack) return link_status(ack.error());
    if (!stream->Write(*ack)) break;
  }
  return call.status();
}

void LinkService::stop() { parts_.switchboard.close(); }

Result<Peer> LinkService::relay_of(const grpc::ServerContext& context) const {
  Peer peer = CULVERT_TRY(link_peer(context, authority_, parts_.clock));
  if (auto accepted = still_accepted(peer); !accepted) {
    log::warn("relay refused", {{"relay", peer.name}, {"address", peer.address}});
    return std::move(accepted).error();
  }
  return peer;
}

Result<void> LinkService::still_accepted(const Peer& peer) const {
  if (parts_.roster.accepts(peer.name, peer.serial)) return {};
  return Error::client(Code::kUnauthorized, Stage::kNone,
                       "the relay does not belong here; `culvert-relay join` makes it");
}

Result<void> LinkService::receive(const Peer& peer, const v1::MetricsReport& report) {
  CULVERT_CHECK(still_accepted(peer));
  CULVERT_CHECK(check(report));
  parts_.attendance.reported(peer.name, report);
  tell_pools(peer, report);
  return {};
}

void LinkService::tell_pools(const Peer& peer, const v1::MetricsReport& report) {
  for (const PoolNews& news : pools_.look(peer.name, report, parts_.clock.now())) {
    (news.shrunk ? log::warn : log::info)(
        news.shrunk ? "pool has fewer keys" : "pool has more keys again",
        {{"relay", peer.name}, {"pool", news.pool}, {"left", news.left}, {"of", news.keys}});
    v1::AuditEntry entry;
    entry.set_by("relay " + peer.name);
    entry.set_action(news.shrunk ? "pool.shrunk" : "pool.recovered");
    entry.set_subject(news.pool);
    entry.set_detail(fmt::format("{} of {} keys of {} left", news.left, news.keys, news.upstream));
    (void)parts_.audit.append(std::move(entry));  // a failure is in the log
  }
}

Result<v1::LedgerAck> LinkService::receive(const Peer& peer, v1::LedgerBatch* batch) {
  CULVERT_CHECK(still_accepted(peer));
  // No loss of the relay's own count: sent again, nothing would tell them from others.
  if (const uint64_t broken = CULVERT_TRY(trim(batch)); broken > 0) {
    log::error("usage records without an id left out", {{"relay", peer.name}, {"records", broken}});
  }
  const std::vector<v1::UsageRecord> records(batch->records().begin(), batch->records().end());
  CULVERT_CHECK(parts_.ledger.append(peer.name, records, {batch->instance(), batch->lost()}));
  v1::LedgerAck ack;
  ack.set_number(batch->number());
  return ack;
}

}  // namespace culvert::control
