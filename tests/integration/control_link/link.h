// A LinkService in a real gRPC server with real certificates, and relays that call it over TLS as
// the relay's program does.
#pragma once

#include "control/fleet/registry.h"
#include "control/ledger/sqlite_ledger.h"
#include "control/rpc/link_service.h"
#include "tests/fakes/cpp/control_parts.h"
#include "tests/fakes/cpp/memory_store.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace culvert::test {

// Waits for a condition, however long the machine takes for it; the bound is there so that a broken
// test ends.
bool eventually(const std::function<bool()>& condition);

// What a relay has to prove who it is.
struct Identity {
  std::string name;
  std::string certificate;
  Secret key;
};

class LinkServer {
 public:
  LinkServer();
  ~LinkServer();

  // Ends the service and begins it anew on the same store, ledger and address.
  void restart();
  void stop();

  std::string join_token(const std::string& name = {});
  grpc::Status enroll(const std::string& token, const std::string& name, Identity* out);
  Identity join(const std::string& name);
  std::shared_ptr<grpc::Channel> channel(const Identity& identity) const;
  std::shared_ptr<grpc::Channel> anonymous() const;
  v1::RelayStatus status(const std::string& name);
  bool in_step(const std::string& name);

  control::Fleet& fleet() { return *service_->registry; }
  control::Ledger& ledger() { return *ledger_; }
  control::Attendance& attendance() { return service_->attendance; }
  const Authority& authority() const { return authority_; }

  ChangingConfiguration configuration;
  MemoryStore store;
  RememberedAudit audit;

 private:
  // What one process of the service has; made anew by a restart.
  struct Service {
    explicit Service(LinkServer& owner);
    control::Roster roster;
    control::JoinTokens tokens;
    control::Attendance attendance;
    control::Targets targets;
    control::Switchboard switchboard;
    control::KeyTests key_tests{switchboard, Clock::system(), Random::system()};
    std::unique_ptr<control::Registry> registry;
    std::unique_ptr<control::Enrolment> enrolment;
    std::unique_ptr<control::LinkService> link;
    std::unique_ptr<grpc::Server> server;
  };
  void start();

  Authority authority_;
  Secret server_key_;
  std::string server_certificate_;
  std::filesystem::path folder_;
  std::unique_ptr<control::SqliteLedger> ledger_;
  int port_ = 0;
  std::unique_ptr<Service> service_;
};

// A relay's Sync stream, read by a thread of its own. What it holds outlives its streams.
class LinkRelay {
 public:
  LinkRelay(LinkServer& server, Identity identity);
  ~LinkRelay();

  void connect();     // a stream with a Hello, beside the old one if there is one
  void disconnect();  // as a lost connection: cancelled
  // Ends it and tells with which status; waits for the service to end it where it is to.
  grpc::Status end();
  void send(const v1::SyncUp& message);

  bool welcomed();
  size_t updates();  // of this stream
  bool holds(const std::string& type, const std::string& name);
  std::optional<v1::RelayPeer> peer(const std::string& name);  // nullopt: it does not hold it
  std::optional<bool> told_to_drain();
  std::optional<std::string> certificate();
  bool ended();

  std::string refuses;            // the item of this name
  std::string peer_address;       // of its Hello
  bool older = false;             // knows nothing of peers
  std::atomic<bool> mute{false};  // acknowledges nothing, answers no pulse

 private:
  struct Stream;
  void hear(Stream& stream, const v1::SyncDown& message);
  void apply(Stream& stream, const v1::TypeUpdate& update);
  std::string applied_hash(const std::string& type);
  v1::Hello hello();

  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::RelayLink::Stub> stub_;
  std::mutex mutex_;
  std::map<std::string, std::map<std::string, std::string>> held_;
  std::unique_ptr<Stream> stream_;
  std::vector<std::unique_ptr<Stream>> older_;
};

}  // namespace culvert::test
