// One core's share of the relay: a thread with its loop, its listening sockets, its connections,
// its resolver and its pool of upstream connections.
#pragma once

#include "relay/channel/handshake_pool.h"
#include "relay/channel/listener.h"
#include "relay/channel/resolver.h"
#include "relay/edge/client_connection.h"
#include "relay/edge/peers.h"
#include "relay/edge/tunnels.h"
#include "relay/flow/detached_sessions.h"
#include "relay/flow/key_prober.h"
#include "relay/flow/key_tests.h"
#include "relay/flow/services.h"
#include "relay/flow/target_prober.h"
#include "relay/upstream/peer_prober.h"
#include "relay/upstream/socket_connector.h"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace culvert {

// What workers share. All of it is safe on any thread and outlives them.
struct SharedParts {
  const Clock& clock;
  Random& random;
  HandshakePool& handshakes;
  Metrics& metrics;
  AccessLog& access_log;
  ReplayBudget& replay;
  ProcessState& process;
  ClientLimits& client_limits;
  HealthBoard& health;
  KeptStreams& streams;
  Accounts* accounts = nullptr;  // of usage; none: it is not recorded
};

// One listening socket of a worker, open since before it runs.
struct WorkerListener {
  Fd fd;
  bool tls = false;
};

class Worker final : private ConnectionOwner {
 public:
  static Result<std::unique_ptr<Worker>> create(SharedParts& shared,
                                                std::shared_ptr<const Table> table,
                                                std::vector<WorkerListener> listeners);
  ~Worker() override;  // after join()

  // From the main thread.
  // Of keys, targets and other relays; one of the workers does, from its start on.
  void look_after_health(KeyTestSink& tests);
  // By that one; `tests` hears of each key, also where the worker ends first.
  void test_keys(KeyTestOrder order);
  void cancel_key_tests(std::optional<uint64_t> request);  // nullopt: all
  void start();
  void replace_table(std::shared_ptr<const Table> table);
  // Also before start(). key: see tunnel_listener_key().
  void listen_for_tunnels(const std::string& key, Fd fd);
  void close_tunnel_listener(const std::string& key);
  void listen_for_peers(Fd fd);  // also before start()
  // Accepts no more, ends idle connections, leaves tunnels open; stops when none is left.
  void drain();
  void stop();   // ends what is left
  bool done() const { return done_.load(); }  // the thread has ended or is about to
  void join();

 private:
  class Door;  // a listener and what it accepts
  Worker(SharedParts& shared, const Table& table);
  void run();
  void accept(Fd connection, const Address& peer, bool tls);
  std::unique_ptr<Channel> make_channel(Fd fd, bool tls, TlsReadySink* ready);
  void connection_over(ClientConnection& connection) override;
  void stop_if_empty();

  SharedParts& shared_;
  Loop loop_;
  std::unique_ptr<Resolver> resolver_;
  std::unique_ptr<SocketConnector> connector_;
  std::unique_ptr<FetchClient> fetch_;
  std::unique_ptr<WorkerServices> services_;
  std::unique_ptr<DetachedSessions> detached_;
  std::unique_ptr<KeyProber> key_prober_;
  std::unique_ptr<KeyTests> key_tests_;
  std::unique_ptr<TargetProber> target_prober_;
  std::unique_ptr<PeerProber> peer_prober_;
  std::shared_ptr<const TlsServerConfig> tls_;
  std::vector<std::unique_ptr<Door>> doors_;
  std::unique_ptr<Tunnels> tunnels_;
  std::unique_ptr<Peers> peers_;
  std::unordered_map<ClientConnection*, std::unique_ptr<ClientConnection>> connections_;
  bool draining_ = false;
  std::atomic<bool> done_{false};
  std::thread thread_;
};

}  // namespace culvert
