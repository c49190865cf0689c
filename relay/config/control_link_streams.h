// The streams of one connection to the service, each with a thread of its own, so that none delays
// another: configuration down and answers up (Sync), counters up (Metrics), usage up (Ledger).
// Lives as long as the connection. Included by control_link* only.
#pragma once

#include "culvert/v1/link.grpc.pb.h"
#include "relay/config/control_link.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace culvert {

class LinkStreams {
 public:
  LinkStreams(std::shared_ptr<grpc::Channel> channel,
              const ControlLink::Parts& parts,
              const Identity& identity);
  LinkStreams(const LinkStreams&) = delete;
  LinkStreams& operator=(const LinkStreams&) = delete;
  ~LinkStreams();

  // Until the connection ends; gives the reason. On the link's thread.
  std::string run(v1::Hello hello);
  bool welcomed() const { return welcomed_.load(); }

  // Any thread.
  void send(v1::SyncUp message);
  void cancel(std::string why);  // ends run(); the first reason counts
  void end(std::string why);     // the same, but for Sync, whose end is the service's

 private:
  using Sync = grpc::ClientReaderWriter<v1::SyncUp, v1::SyncDown>;
  void write_all(Sync& sync);
  bool take(v1::SyncDown message);
  void obey(v1::Command command);
  bool take_update(v1::TypeUpdate update);
  void refuse_type(const v1::TypeUpdate& update);
  void take_certificate(const std::string& pem);
  void renew_when_due();
  void report_metrics();
  void send_usage();
  bool wait(Duration most);  // false: the connection ends

  std::unique_ptr<v1::RelayLink::Stub> stub_;
  const ControlLink::Parts& parts_;
  const Identity& identity_;
  std::string instance_;  // of this process, as Hello tells it; before the streams' threads
  WallTime renew_at_{};
  grpc::ClientContext sync_context_;
  grpc::ClientContext metrics_context_;
  grpc::ClientContext ledger_context_;
  std::atomic<bool> welcomed_{false};

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<v1::SyncUp> outbox_;
  bool ending_ = false;
  std::string why_;
  Instant heard_{};  // the last message down

  std::map<std::string, v1::TypeUpdate> gathered_;  // types whose version is not complete yet
};

}  // namespace culvert
