// cpp-httplib with small bounds: few threads, short heads, no bodies.
#include "control/web/server.h"

#include "control/web/fleet_metrics.h"
#include "relay/base/version.h"

#include <httplib.h>

#include <thread>

namespace culvert::control {
namespace {

constexpr size_t kThreads = 4;
constexpr size_t kBodyBytes = 1024;  // nothing here reads one
constexpr time_t kSeconds = 5;       // for a request's head, and for a reader that is slow
constexpr size_t kKeepAlive = 100;   // requests of one connection
constexpr time_t kIdleSeconds = 1;   // between two of them: the end waits as long

constexpr const char* kText = "text/plain; charset=utf-8";
constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace

struct WebServer::State {
  httplib::Server server;
  std::thread thread;
  uint16_t port = 0;
};

WebServer::WebServer(Parts parts) : parts_(std::move(parts)), state_(std::make_unique<State>()) {}

Result<std::unique_ptr<WebServer>> WebServer::start(Parts parts, const SocketAddress& address) {
  auto server = std::unique_ptr<WebServer>(new WebServer(std::move(parts)));
  CULVERT_CHECK(server->listen(address));
  return server;
}

WebServer::~WebServer() {
  if (!state_->thread.joinable()) return;
  state_->server.stop();
  state_->thread.join();
}

uint16_t WebServer::port() const { return state_->port; }

Result<void> WebServer::listen(const SocketAddress& address) {
  httplib::Server& server = state_->server;
  server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  server.set_payload_max_length(kBodyBytes);
  server.set_read_timeout(kSeconds);
  server.set_write_timeout(kSeconds);
  server.set_keep_alive_max_count(kKeepAlive);
  server.set_keep_alive_timeout(kIdleSeconds);
  answer_paths();
  const std::string host = address.address.text();
  const int port = address.port == 0
                       ? server.bind_to_any_port(host)
                       : (server.bind_to_port(host, address.port) ? address.port : -1);
  if (port < 0) {
    return Error::ours(Code::kSystem, Stage::kNone, address.text() + " cannot be listened on");
  }
  state_->port = static_cast<uint16_t>(port);
  state_->thread = std::thread([this] { state_->server.listen_after_bind(); });
  // stop() does nothing to a server whose thread has not come that far.
  while (!server.is_running()) std::this_thread::yield();
  return {};
}

void WebServer::answer_paths() {
  httplib::Server& server = state_->server;
  server.Get("/healthz", [](const httplib::Request&, httplib::Response& response) {
    response.set_content("ok\n", kText);
  });
  server.Get("/readyz", [this](const httplib::Request&, httplib::Response& response) {
    const auto ready = parts_.ready();
    response.status = ready ? 200 : 503;
    response.set_content(ready ? "ready\n" : ready.error().detail + "\n", kText);
  });
  server.Get("/metrics", [this](const httplib::Request&, httplib::Response& response) {
    response.set_content(metrics(), kMetricsType);
  });
  server.set_error_handler([](const httplib::Request&, httplib::Response& response) {
    if (response.body.empty()) response.set_content("not here\n", kText);
  });
}

std::string WebServer::metrics() const {
  FleetFigures figures;
  figures.version = std::string(kVersion);
  figures.revision = parts_.configuration.current()->revision;
  figures.streams = parts_.switchboard.size();
  figures.ready = parts_.ready().has_value();
  if (auto relays = parts_.fleet.relays({})) figures.relays = std::move(*relays);
  figures.totals = parts_.attendance.totals();
  // The sum of all: one row without a group.
  if (const auto usage = parts_.ledger.report({})) {
    figures.ledger_known = true;
    figures.ledger_lost = usage->lost();
    figures.ledger_records = usage->rows_size() == 0 ? 0 : usage->rows(0).requests();
  }
  return fleet_metrics(figures);
}

}  // namespace culvert::control
