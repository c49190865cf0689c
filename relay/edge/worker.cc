// Accepting, and the life of a worker: run → drain → stop.
#include "relay/edge/worker.h"

#include "relay/base/log.h"
#include "relay/channel/tcp.h"

namespace culvert {

class Worker::Door final : public AcceptSink {
 public:
  Door(Worker& worker, WorkerListener listener)
      : worker_(worker),
        tls_(listener.tls),
        listener_(worker.loop_, std::move(listener.fd), *this) {}

  void accept_waiting() { listener_.accept_waiting(); }

 private:
  bool on_accept(Fd connection, const Address& peer) override {
    worker_.accept(std::move(connection), peer, tls_);
    return true;
  }

  Worker& worker_;
  const bool tls_;
  Listener listener_;
};

Worker::Worker(SharedParts& shared, const Table& table)
    : shared_(shared), tls_(table.server_tls()) {}

Result<std::unique_ptr<Worker>> Worker::create(SharedParts& shared,
                                               std::shared_ptr<const Table> table,
                                               std::vector<WorkerListener> listeners) {
  std::unique_ptr<Worker> worker(new Worker(shared, *table));
  worker->resolver_ = CULVERT_TRY(Resolver::create(worker->loop_, {{}, &shared.clock}));
  worker->connector_ = std::make_unique<SocketConnector>(worker->loop_, shared.handshakes,
                                                         *worker->resolver_, shared.clock);
  worker->fetch_ = std::make_unique<FetchClient>(worker->loop_, *worker->resolver_, shared.clock);
  worker->services_ = std::make_unique<WorkerServices>(
      WorkerServices{worker->loop_, shared.clock, shared.random, *worker->connector_,
                     *worker->fetch_, shared.metrics, shared.access_log, shared.replay,
                     shared.process, shared.health, shared.streams, shared.accounts,
                     std::move(table)});
  worker->detached_ = std::make_unique<DetachedSessions>(
      *worker->services_, [owner = worker.get()] { owner->stop_if_empty(); });
  worker->services_->detached = worker->detached_.get();
  worker->tunnels_ = std::make_unique<Tunnels>(
      *worker->services_, shared.handshakes, shared.client_limits,
      [made = worker.get()] { made->stop_if_empty(); });
  worker->peers_ = std::make_unique<Peers>(*worker->services_, shared.handshakes,
                                           [made = worker.get()] { made->stop_if_empty(); });
  for (WorkerListener& listener : listeners) {
    worker->doors_.push_back(std::make_unique<Door>(*worker, std::move(listener)));
  }
  return worker;
}

// A reload or a stop may have been posted to a loop that had ended: such tasks run while what they
// touch is there.
Worker::~Worker() { loop_.run_posted(); }

void Worker::look_after_health(KeyTestSink& tests) {
  key_prober_ = std::make_unique<KeyProber>(*services_);
  target_prober_ = std::make_unique<TargetProber>(*services_);
  key_tests_ = std::make_unique<KeyTests>(*services_, tests);
  peer_prober_ = std::make_unique<PeerProber>(loop_, *connector_, shared_.clock, shared_.random);
  peer_prober_->watch(services_->table->peers());
}

void Worker::test_keys(KeyTestOrder order) {
  loop_.post([this, order = std::move(order)] {
    if (key_tests_ != nullptr) key_tests_->begin(order);
  });
}

void Worker::cancel_key_tests(std::optional<uint64_t> request) {
  loop_.post([this, request] {
    if (key_tests_ == nullptr) return;
    if (request) return key_tests_->cancel(*request);
    key_tests_->cancel_all();
  });
}

void Worker::start() {
  thread_ = std::thread([this] { run(); });
}

void Worker::run() {
  loop_.run();
  // What is left ends on this thread: its objects belong to this loop.
  doors_.clear();
  connections_.clear();
  tunnels_->kill_all();
  peers_->kill_all();
  peer_prober_.reset();
  key_prober_.reset();
  target_prober_.reset();
  if (key_tests_ != nullptr) key_tests_->give_up("the relay is stopping");
  key_tests_.reset();
  connector_->drop_spares();
  loop_.run_posted();  // what was retired just now is cancelled while its connectors are there
  fetch_.reset();
  connector_.reset();
  resolver_.reset();
  done_.store(true);
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::replace_table(std::shared_ptr<const Table> table) {
  loop_.post([this, table = std::move(table)]() mutable {
    // Listeners change only with a restart: without new certificates they go on with the old ones.
    if (auto tls = table->server_tls()) tls_ = std::move(tls);
    services_->table = std::move(table);
    if (peer_prober_ != nullptr) peer_prober_->watch(services_->table->peers());
  });
}

void Worker::listen_for_tunnels(const std::string& key, Fd fd) {
  // A task is copied about, and a descriptor has one owner.
  auto shared = std::make_shared<Fd>(std::move(fd));
  loop_.post([this, key, shared] {
    if (!draining_) tunnels_->listen(key, std::move(*shared));
  });
}

void Worker::listen_for_peers(Fd fd) {
  auto shared = std::make_shared<Fd>(std::move(fd));
  loop_.post([this, shared] {
    if (!draining_) peers_->listen(std::move(*shared));
  });
}

void Worker::close_tunnel_listener(const std::string& key) {
  loop_.post([this, key] { tunnels_->close(key); });
}

void Worker::drain() {
  loop_.post([this] {
    draining_ = true;
    // What the kernel has accepted already would be reset with its socket.
    for (const auto& door : doors_) door->accept_waiting();
    doors_.clear();
    tunnels_->close_all();
    peers_->drain();
    std::vector<ClientConnection*> all;
    for (const auto& item : connections_) all.push_back(item.first);
    for (ClientConnection* connection : all) connection->drain();
    stop_if_empty();
  });
}

void Worker::stop() {
  loop_.post([this] {
    draining_ = true;
    doors_.clear();
    std::vector<ClientConnection*> all;
    for (const auto& item : connections_) all.push_back(item.first);
    for (ClientConnection* connection : all) connection->kill();
    detached_->end_all();
    tunnels_->kill_all();
    peers_->kill_all();
    loop_.stop();
  });
}

void Worker::accept(Fd fd, const Address& peer, bool tls) {
  auto ticket = shared_.client_limits.admit(peer);
  if (!ticket) {
    // Nothing is answered: a client that opens this many would only open more.
    shared_.metrics.count_refused(
        ticket.error().code == Code::kOverloaded ? "connections" : "connections_per_address");
    return;
  }
  const ClientConnectionOptions options{
      .peer = peer, .secure = tls, .refuse = ticket->over_limit()};
  auto connection = std::make_unique<ClientConnection>(
      static_cast<ConnectionOwner&>(*this), *services_, options, std::move(ticket).value());
  ClientConnection& started = *connection;
  std::unique_ptr<Channel> channel = make_channel(std::move(fd), tls, &started.tls_ready_sink());
  connections_.emplace(&started, std::move(connection));
  started.start(std::move(channel));  // needs no memory: what is in the list has a channel
}

std::unique_ptr<Channel> Worker::make_channel(Fd fd, bool tls, TlsReadySink* ready) {
  auto tcp = std::make_unique<TcpChannel>(loop_, std::move(fd), true);
  if (!tls) return tcp;
  return std::make_unique<TlsChannel>(loop_, shared_.handshakes, std::move(tcp), tls_, ready);
}

void Worker::connection_over(ClientConnection& connection) {
  const auto found = connections_.find(&connection);
  if (found == connections_.end()) return;
  loop_.retire(std::move(found->second));
  connections_.erase(found);
  stop_if_empty();
}

void Worker::stop_if_empty() {
  const bool served = connections_.empty() && detached_->empty();
  if (draining_ && served && tunnels_->empty() && peers_->empty()) loop_.stop();
}

}  // namespace culvert
