// From a configuration to a running process, through reloads, to its end.
#include "relay/edge/server.h"

#include "relay/base/json_writer.h"
#include "relay/base/limits.h"
#include "relay/base/log.h"
#include "relay/base/service_manager.h"
#include "relay/base/version.h"
#include "relay/channel/kernel_pipe.h"
#include "relay/channel/tls_start.h"
#include "relay/edge/system.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>

namespace culvert {
namespace {

constexpr auto kCertificateLook = std::chrono::seconds(2);
constexpr auto kStreamsLook = std::chrono::seconds(1);
constexpr auto kDoneLook = std::chrono::milliseconds(20);

// A client's connection needs one of the upstream's too; what is left after the reserve, the pools'
// idle connections and the pipes, two descriptors each, is halved.
size_t connections_for(size_t wanted, size_t descriptors, size_t workers) {
  const size_t of_workers = workers * (limits::kPooledInAll + 2 * KernelPipes::kPipes);
  const size_t reserve = limits::kReservedDescriptors + std::min(of_workers, descriptors / 4);
  const size_t free = descriptors > reserve ? descriptors - reserve : 0;
  const size_t most = std::max<size_t>(free / 2, 1);
  if (wanted <= most) return wanted;
  log::warn("fewer connections than configured: the limit of open files is too low",
            {{"configured", wanted}, {"possible", most}, {"open_files", descriptors}});
  return most;
}

bool matches(const PassedSocket& socket, const ListenerSettings& listener) {
  return socket.address == listener.address;
}

// Clients of theirs would be refused with nothing to say why.
void warn_of_unused(const std::vector<PassedSocket>& passed, const Snapshot& snapshot) {
  for (const PassedSocket& socket : passed) {
    const auto serves = [&](const auto& listener) { return socket.address == listener.address; };
    const auto& listen = snapshot.settings.listen;
    const auto& tunnels = snapshot.tunnel_listeners;
    if (std::any_of(listen.begin(), listen.end(), serves)) continue;
    if (std::any_of(tunnels.begin(), tunnels.end(), serves)) continue;
    log::warn(
        "a socket that the service manager passed is not used: add its address to `listen`, or "
        "take it out of the .socket unit",
        {{"address", socket.address.text()}});
  }
}

}  // namespace

// Tells when a renewal has replaced a file.
std::string Server::stamp_of(const Snapshot& snapshot) {
  std::string stamp;
  std::vector<CertificateFiles> all = snapshot.settings.certificates;
  for (const auto& [name, tunnel] : snapshot.tunnels) {
    all.insert(all.end(), tunnel.client_certificates.begin(), tunnel.client_certificates.end());
    if (tunnel.certificate) all.push_back(*tunnel.certificate);
  }
  for (const CertificateFiles& files : all) {
    for (const std::string& path : {files.cert, files.key}) {
      struct stat info {};
      if (::stat(path.c_str(), &info) != 0) continue;
      stamp += fmt::format("{}.{}.{}.{};", static_cast<uint64_t>(info.st_ino),
                           static_cast<int64_t>(info.st_mtim.tv_sec),
                           static_cast<int64_t>(info.st_mtim.tv_nsec),
                           static_cast<int64_t>(info.st_size));
    }
  }
  return stamp;
}

Server::Server(BootstrapSource source)
    : source_(std::move(source)),
      clock_(Clock::system()),
      random_(Random::system()),
      metrics_(kVersion),
      keys_(clock_, random_),
      health_(clock_),
      table_parts_{keys_, health_, nullptr, {}},
      streams_(clock_, random_) {}

Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::create(BootstrapSource source) {
  std::unique_ptr<Server> server(new Server(std::move(source)));
  CULVERT_CHECK(server->set_up());
  return server;
}

Result<void> Server::check(const std::shared_ptr<const Snapshot>& snapshot) {
  CULVERT_CHECK(start_tls());
  KeyRing keys(Clock::system(), Random::system());
  HealthBoard health(Clock::system());
  TableParts parts{keys, health, nullptr, {}};
  parts.tickets = CULVERT_TRY(TicketKeys::create());
  if (auto table = Table::build(snapshot, parts); !table) return std::move(table).error();
  return {};
}

Result<void> Server::set_up() {
  CULVERT_CHECK(start_tls());
  table_parts_.tickets = CULVERT_TRY(TicketKeys::create());
  table_parts_.peer_tickets = CULVERT_TRY(TicketKeys::create());
  CULVERT_CHECK(load_configuration());
  const Settings& settings = table_->settings();
  if (settings.debug) log::set_level(log::Level::kDebug);
  look_at_expiry();

  descriptors_ = raise_descriptor_limit();
  const size_t connections = connections_for(settings.connections, descriptors_, settings.workers);
  replay_ = std::make_unique<ReplayBudget>(limits::kReplayBytesTotal);
  client_limits_ = std::make_unique<ClientLimits>(connections, settings.connections_per_address);
  handshakes_ =
      std::make_unique<HandshakePool>(settings.handshake_threads, limits::kHandshakesWaiting);
  if (settings.usage_spool || attachment_ != nullptr) {
    accounts_ = std::make_unique<Accounts>(
        Accounts::Options{settings.state_dir + "/usage", settings.spool_bytes, connections},
        clock_);
  }
  shared_ = std::make_unique<SharedParts>(SharedParts{clock_, random_, *handshakes_, metrics_,
                                                      access_log_, *replay_, process_,
                                                      *client_limits_, health_, streams_,
                                                      accounts_.get()});
  process_.started = clock_.wall();
  // Before the listeners: its address tells whether another relay runs with this configuration.
  admin_ = CULVERT_TRY(Admin::create(loop_, settings.admin_listen,
                                     [this](std::string_view path) { return admin_answer(path); }));
  std::vector<std::vector<WorkerListener>> listeners(settings.workers);
  CULVERT_CHECK(bind_listeners(&listeners));
  for (auto& of_one : listeners) {
    workers_.push_back(CULVERT_TRY(Worker::create(*shared_, table_, std::move(of_one))));
  }
  for (const TunnelListener& listener : table_->snapshot().tunnel_listeners) {
    CULVERT_CHECK(open_tunnel_listener(listener));
  }
  if (settings.peer_listen && attachment_ != nullptr) CULVERT_CHECK(open_peer_listener());
  return {};
}

Result<void> Server::open_peer_listener() {
  SocketAddress address = *table_->settings().peer_listen;
  for (auto& worker : workers_) {
    Fd fd = CULVERT_TRY(listen_on(address));
    address = CULVERT_TRY(bound_address(fd.get()));  // port 0 is drawn once
    worker->listen_for_peers(std::move(fd));
  }
  peer_address_ = address;
  return {};
}

// Each worker gets a socket of its own on every address. One that the service manager passed is
// shared by all of them instead, through duplicates: it knows nothing of SO_REUSEPORT.
Result<void> Server::bind_listeners(std::vector<std::vector<WorkerListener>>* of_worker) {
  auto& passed = passed_;
  passed = take_passed_sockets();
  warn_of_unused(passed, table_->snapshot());
  for (const ListenerSettings& settings : table_->settings().listen) {
    SocketAddress address = settings.address;
    const auto found = std::find_if(passed.begin(), passed.end(), [&](const PassedSocket& socket) {
      return matches(socket, settings);
    });
    for (auto& listeners : *of_worker) {
      Fd fd;
      if (found != passed.end()) {
        fd = Fd(::fcntl(found->fd.get(), F_DUPFD_CLOEXEC, 0));
      } else {
        fd = CULVERT_TRY(listen_on(address));
        address = CULVERT_TRY(bound_address(fd.get()));  // port 0 is drawn once for all workers
      }
      listeners.push_back({std::move(fd), settings.tls});
    }
    addresses_.push_back(address);
  }
  return {};
}

SocketAddress Server::admin_address() const { return admin_->address(); }

int Server::run() {
  for (const int number : {SIGTERM, SIGINT}) {
    signals_.push_back(std::make_unique<Signal>(loop_, number, [this] { begin_drain(); }));
  }
  signals_.push_back(std::make_unique<Signal>(loop_, SIGHUP, [this] { reload_now(); }));
  certificate_timer_ = std::make_unique<Timer>(loop_, [this] { look_at_certificates(); });
  certificate_timer_->start(kCertificateLook);
  streams_timer_ = std::make_unique<Timer>(loop_, [this] {
    streams_timer_->start(kStreamsLook);
    streams_.expire();
  });
  streams_timer_->start(kStreamsLook);
  // Made before they are needed: the end must not want for memory.
  drain_timer_ = std::make_unique<Timer>(loop_, [this] {
    log::warn("the drain timeout is over; what still runs is cut");
    for (auto& worker : workers_) worker->stop();
  });
  done_timer_ = std::make_unique<Timer>(loop_, [this] { look_if_done(); });
  workers_.front()->look_after_health(static_cast<KeyTestSink&>(*this));
  for (auto& worker : workers_) worker->start();
  log_listening();
  attach();
  loop_.run();
  if (attachment_ != nullptr) attachment_->stop();
  for (auto& worker : workers_) worker->join();
  // The threads of the pool post to the workers' loops: they end before those.
  handshakes_.reset();
  workers_.clear();
  signals_.clear();
  certificate_timer_.reset();
  drain_timer_.reset();
  done_timer_.reset();
  control_timer_.reset();
  streams_timer_.reset();
  admin_.reset();
  log::info("stopped");
  return 0;
}

void Server::log_listening() const {
  const auto& listen = table_->settings().listen;
  for (size_t i = 0; i < listen.size(); ++i) {
    log::info("listening", {{"scheme", listen[i].tls ? "https" : "http"},
                            {"address", addresses_[i].text()},
                            {"listener", listen[i].text}});
  }
  for (const TunnelListener& listener : table_->snapshot().tunnel_listeners) {
    const auto found = tunnel_addresses_.find(tunnel_listener_key(listener));
    if (found != tunnel_addresses_.end()) log_tunnel_listener(listener, found->second);
  }
  if (peer_address_) {
    log::info("listening", {{"scheme", "peer"},
                            {"address", peer_address_->text()},
                            {"listener", table_->settings().peer_listen->text()}});
  }
  log::info("listening", {{"scheme", "admin"},
                          {"address", admin_->address().text()},
                          {"listener", table_->settings().admin_listen.text()}});
}

void Server::stop() {
  loop_.post([this] { begin_drain(); });
}

void Server::reload() {
  loop_.post([this] { reload_now(); });
}

void Server::reload_now() {
  notify_service_manager(reloading_state());
  std::string stamp;
  auto table = reloaded_table(&stamp);
  metrics_.count_reload(table.has_value());
  if (!table) {
    log::error("reload refused, the old configuration stays", {{"error", table.error().detail}});
  } else {
    certificate_stamp_ = std::move(stamp);
    publish(std::move(table).value());
    log::info("reloaded", {{"upstreams", table_->snapshot().upstreams.size()},
                           {"pools", table_->snapshot().pools.size()},
                           {"routes", table_->snapshot().routes.size()}});
  }
  notify_service_manager("READY=1");
}

void Server::publish(std::shared_ptr<const Table> table) {
  const Settings& now = table->settings();
  const Settings& before = table_->settings();
  if (now.listen.size() != before.listen.size() ||
      !std::equal(now.listen.begin(), now.listen.end(), before.listen.begin(),
                  [](const auto& a, const auto& b) { return a.text == b.text; }) ||
      now.usage_spool != before.usage_spool || now.spool_bytes != before.spool_bytes ||
      now.workers != before.workers || now.handshake_threads != before.handshake_threads ||
      now.peer_listen != before.peer_listen ||
      now.admin_listen.text() != before.admin_listen.text()) {
    log::warn(
        "listeners, workers, usage and limits.handshakes change only with a restart; the rest was "
        "reloaded");
  }
  log::set_level(now.debug ? log::Level::kDebug : log::Level::kInfo);
  if (now.connections != before.connections ||
      now.connections_per_address != before.connections_per_address) {
    client_limits_->change(connections_for(now.connections, descriptors_, workers_.size()),
                           now.connections_per_address);
  }
  table_ = std::move(table);
  {
    const std::lock_guard lock(report_mutex_);
    report_table_ = table_;
  }
  look_at_expiry();
  for (auto& worker : workers_) worker->replace_table(table_);
  follow_tunnel_listeners();
}

// Certificates are renewed by other programs, which seldom send a signal.
void Server::look_at_certificates() {
  certificate_timer_->start(kCertificateLook);
  look_at_expiry();
  follow_tunnel_listeners();
  const std::string stamp = stamp_of(table_->snapshot());
  if (stamp == certificate_stamp_) return;
  certificate_stamp_ = stamp;
  auto table = Table::build(table_->snapshot_pointer(), table_parts_);
  if (!table) {
    // Renewal writes two files one after the other: the next look finds both.
    log::warn("changed certificates are not usable, the old ones stay",
              {{"error", table.error().detail}});
    return;
  }
  publish(std::move(table).value());
  log::info("certificates reloaded");
}

Result<std::shared_ptr<const Table>> Server::reloaded_table(std::string* stamp) {
  auto local = CULVERT_TRY(
      load_resources(source_, attachment_ == nullptr ? nullptr : &attachment_->identity()));
  // The file has to be sound alone: what a service sends comes and goes.
  CULVERT_CHECK(try_resources(local));
  local_ = std::move(local);
  if (attachment_ != nullptr) attachment_->settle(local_);
  auto table = CULVERT_TRY(merged_table());
  *stamp = stamp_of(table->snapshot());
  return table;
}

void Server::begin_drain() {
  if (process_.draining.exchange(true)) {
    log::info("stopping at once");
    for (auto& worker : workers_) worker->stop();
    return;
  }
  drain_timer_->start(table_->settings().drain_timeout);
  done_timer_->start(kDoneLook);
  if (attachment_ != nullptr) attachment_->tell(relay_state());
  log::info("draining", {{"most_seconds", seconds(table_->settings().drain_timeout)}});
  metrics_.set_ready(false);
  notify_service_manager("STOPPING=1");
  for (auto& worker : workers_) worker->drain();
}

void Server::look_if_done() {
  const bool done = std::all_of(workers_.begin(), workers_.end(),
                                [](const auto& worker) { return worker->done(); });
  if (done) return loop_.stop();
  done_timer_->start(kDoneLook);
}

AdminAnswer Server::admin_answer(std::string_view path) {
  if (path == "/metrics") {
    metrics_.set_access_log_lost(access_log_.lost());
    const auto kept = streams_.report();
    metrics_.set_kept_streams(kept.streams, kept.bytes);
    if (accounts_ != nullptr) {
      const SpoolCounts spool = accounts_->counts();
      metrics_.set_spool(spool.records, spool.bytes, spool.lost);
    }
    return {200, "text/plain; version=0.0.4; charset=utf-8", metrics_.text(health_gauges())};
  }
  if (path == "/healthz") return {200, "text/plain; charset=utf-8", "ok\n"};
  if (path == "/readyz") return readiness();
  if (path == "/debug") return {200, "application/json", debug_page()};
  return {404, "text/plain; charset=utf-8", "try /metrics, /healthz, /readyz or /debug\n"};
}

// No secrets and no addresses of clients: what is here may be pasted into a report.
std::string Server::debug_page() const {
  const Snapshot& snapshot = table_->snapshot();
  JsonWriter json;
  json.begin_object().field("service", "culvert-relay").field("version", kVersion);
  json.field("ready", process_.takes_traffic());
  json.field("draining", process_.draining.load() || process_.held.load());
  json.field("uptime_s", static_cast<int64_t>(seconds(clock_.wall() - process_.started)));
  json.field("workers", static_cast<uint64_t>(workers_.size()));
  json.field("client_connections", static_cast<uint64_t>(client_limits_->count()));
  json.field("active_requests", metrics_.active_requests());
  json.field("upstreams", static_cast<uint64_t>(snapshot.upstreams.size()));
  json.field("routes", static_cast<uint64_t>(snapshot.routes.size()));
  write_health(json);
  json.end_object();
  return json.take() + '\n';
}

}  // namespace culvert
