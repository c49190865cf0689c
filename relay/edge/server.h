// The whole process: listeners, workers, the admin listener, signals, reload and drain. Lives on
// the main thread, whose loop it runs.
#pragma once

#include "relay/base/json_writer.h"
#include "relay/base/result.h"
#include "relay/channel/signals.h"
#include "relay/config/attachment.h"
#include "relay/config/bootstrap.h"
#include "relay/edge/admin.h"
#include "relay/edge/expiry_watch.h"
#include "relay/edge/system.h"
#include "relay/edge/worker.h"
#include "relay/keys/key_ring.h"

#include <unistd.h>

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace culvert {

class Server final : private AttachmentOwner, private KeyTestSink {
 public:
  // Binds everything; nothing is served before run(). Errors name the listener, file or variable.
  static Result<std::unique_ptr<Server>> create(BootstrapSource source);
  // Whether a relay could start with it, as far as that is known without binding: certificates and
  // CA files are read.
  static Result<void> check(const std::shared_ptr<const Snapshot>& snapshot);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() override;

  // Serves until SIGTERM or SIGINT has drained it, or stop(). Returns the exit status.
  int run();

  // Begins to drain, as SIGTERM does; the second call ends what still runs. Any thread.
  void stop();
  // As SIGHUP does. Any thread.
  void reload();

  // Where it listens, in the order of the configuration; for port 0.
  const std::vector<SocketAddress>& addresses() const { return addresses_; }
  SocketAddress admin_address() const;

 private:
  explicit Server(BootstrapSource source);
  Result<void> set_up();
  Result<void> load_configuration();
  Result<std::shared_ptr<const Table>> merged_table();
  Result<void> try_resources(const Resources& whole) override;
  void on_remote_changed() override;
  void on_drain_command(bool drain) override;
  void on_verify_keys(const v1::VerifyKeys& asked) override;
  void on_cancel_verify(uint64_t request) override;
  void on_verify_forgotten() override;
  void on_key_tested(KeyTestAnswer answer) override;
  void on_control_state() override;
  void on_identity_renewed() override;
  void take_identity();
  Result<void> open_peer_listener();
  void attach();
  void look_at_control();
  void become_ready();
  v1::RelayState relay_state() const;
  void fill_report(v1::MetricsReport* report) const;
  void follow_tunnel_listeners();
  Result<void> open_tunnel_listener(const TunnelListener& listener);
  void log_tunnel_listener(const TunnelListener& listener, const SocketAddress& address) const;
  Result<void> bind_listeners(std::vector<std::vector<WorkerListener>>* of_worker);
  void reload_now();
  Result<std::shared_ptr<const Table>> reloaded_table(std::string* stamp);
  void publish(std::shared_ptr<const Table> table);
  void look_at_certificates();
  static std::string stamp_of(const Snapshot& snapshot);
  void begin_drain();
  void look_if_done();
  void log_listening() const;
  AdminAnswer admin_answer(std::string_view path);
  AdminAnswer readiness() const;
  std::string debug_page() const;
  HealthGauges health_gauges() const;
  void write_health(JsonWriter& json) const;
  void look_at_expiry();

  BootstrapSource source_;
  Resources local_;  // file and environment
  Loop loop_;
  const Clock& clock_;
  Random& random_;
  Metrics metrics_;
  AccessLog access_log_{STDOUT_FILENO};
  std::unique_ptr<Accounts> accounts_;  // only where usage is recorded
  ProcessState process_;
  KeyRing keys_;
  HealthBoard health_;
  TableParts table_parts_;
  std::shared_ptr<const Table> table_;
  std::string certificate_stamp_;
  ExpiryWatch expiry_watch_;
  std::unique_ptr<ReplayBudget> replay_;
  KeptStreams streams_;
  size_t descriptors_ = 0;  // that the process may open
  std::unique_ptr<ClientLimits> client_limits_;
  std::unique_ptr<HandshakePool> handshakes_;
  std::unique_ptr<SharedParts> shared_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Attachment> attachment_;  // null: this relay has not joined
  std::unique_ptr<Admin> admin_;
  std::vector<SocketAddress> addresses_;
  std::map<std::string, SocketAddress> tunnel_addresses_;  // by tunnel_listener_key()
  std::set<std::string> tunnels_unbound_;  // tried again, and told of once
  std::optional<SocketAddress> peer_address_;  // where other relays come in
  std::vector<PassedSocket> passed_;       // by the service manager, and not taken yet
  std::vector<std::unique_ptr<Signal>> signals_;
  std::unique_ptr<Timer> certificate_timer_;
  std::unique_ptr<Timer> drain_timer_;
  std::unique_ptr<Timer> done_timer_;
  std::unique_ptr<Timer> control_timer_;
  std::unique_ptr<Timer> streams_timer_;  // forgets streams that ended too long ago
  bool told_keep_failed_ = false;  // in the last state that the service was told
  Instant ready_at_latest_{};
  mutable std::mutex report_mutex_;  // of what the link's thread reads
  std::shared_ptr<const Table> report_table_;
};

}  // namespace culvert
