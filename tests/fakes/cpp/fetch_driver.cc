// One request after the other by a strategy of the relay's, from the command line, for tests that
// need real servers and no relay: egress proxies, HTTP/2. Head and body come from standard input;
// each event goes to standard output as a line of JSON, at the end with the most memory that the
// process ever held.
#include "relay/channel/handshake_pool.h"
#include "relay/crypto/start.h"
#include "relay/upstream/fetch_client.h"
#include "relay/upstream/fetch_exchange.h"
#include "relay/upstream/socket_connector.h"
#include "relay/upstream/socket_exchange.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>

namespace culvert {
namespace {

struct Arguments {
  std::string strategy = "fetch";
  std::string host = "127.0.0.1";
  uint16_t port = 0;
  std::string server_name = "localhost";
  std::string ca;
  std::string proxy;
  std::string bind;
  bool tls13 = false;
  bool chunked = false;
  bool head = false;
  bool fresh = false;
  int times = 1;
  int hold_ms = 0;      // the reader rests after the first bytes of each answer
  int cancel_at = -1;   // bytes of the answer
  int wait_ms = 20000;  // of each timer
};

std::string slurp(std::istream& in) {
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte > 0x7E || c == '"' || c == '\\') {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
  return out + "\"";
}

void say(const std::string& line) { std::cout << line << std::endl; }

class Driver final : private ExchangeSink {
 public:
  Driver(const Arguments& arguments, std::string head, std::string body)
      : arguments_(arguments), head_(std::move(head)), body_(std::move(body)), hold_(loop_, [this] {
          if (exchange_ != nullptr) exchange_->resume();
        }) {}

  int run() {
    if (!arguments_.ca.empty()) {
      std::ifstream file(arguments_.ca);
      trust_ = TrustStore::parse(slurp(file), "").value();
    }
    start();
    loop_.run();
    return failed_ ? 1 : 0;
  }

 private:
  ExchangePlan plan() const {
    ExchangePlan made;
    made.connect.tls = trust_ != nullptr;
    made.connect.host = arguments_.host;
    made.connect.port = arguments_.port;
    made.connect.server_name = arguments_.server_name;
    made.connect.trust = trust_;
    made.connect.tls13_only = arguments_.tls13;
    made.connect.egress_proxy = Secret(arguments_.proxy);
    if (!arguments_.bind.empty()) made.connect.bind = Address::parse(arguments_.bind);
    const Duration wait = std::chrono::milliseconds(arguments_.wait_ms);
    made.connect.resolve_timeout = made.connect.connect_timeout = made.connect.tls_timeout = wait;
    made.options.head_request = arguments_.head;
    made.options.chunked_body = arguments_.chunked;
    made.options.first_byte = made.options.idle = wait;
    made.head = head_;
    made.fresh = arguments_.fresh;
    return made;
  }

  void start() {
    sent_ = received_ = 0;
    if (arguments_.strategy == "socket") {
      exchange_ = std::make_unique<SocketExchange>(loop_, connector_, plan(),
                                                   static_cast<ExchangeSink&>(*this));
    } else {
      exchange_ =
          std::make_unique<FetchExchange>(fetch_, plan(), static_cast<ExchangeSink&>(*this));
    }
    exchange_->start();
  }

  void feed() {
    while (sent_ < body_.size() && exchange_->queued() < (size_t{256} << 10U)) {
      const size_t part = std::min(body_.size() - sent_, size_t{64} << 10U);
      exchange_->send_body(std::string_view(body_).substr(sent_, part));
      sent_ += part;
    }
    if (sent_ == body_.size()) exchange_->end_body();
  }

  void on_connected() override {
    say(fmt::format(R"({{"event": "connected", "reused": {}}})", exchange_->legs().reused));
    feed();
  }
  void on_upload_drained() override {
    if (sent_ < body_.size()) feed();
  }
  void on_interim(const ResponseHead& head) override {
    say(fmt::format(R"({{"event": "interim", "status": {}}})", head.status));
  }
  void on_head(const ResponseHead& head) override {
    std::string fields;
    for (const Header& one : head.headers) {
      fields += (fields.empty() ? "" : ", ") + json_text(one.name) + ": " + json_text(one.value);
    }
    say(fmt::format(R"({{"event": "head", "status": {}, "fields": {{{}}}}})", head.status, fields));
  }
  void on_body(std::string_view bytes) override {
    const bool first = received_ == 0;
    received_ += bytes.size();
    say(fmt::format(R"({{"event": "body", "size": {}, "text": {}}})", bytes.size(),
                    json_text(bytes.substr(0, 256))));
    if (first && arguments_.hold_ms > 0) {
      exchange_->pause();
      hold_.start(std::chrono::milliseconds(arguments_.hold_ms));
    }
    if (arguments_.cancel_at >= 0 && received_ >= static_cast<size_t>(arguments_.cancel_at)) {
      say(R"({"event": "cancelled"})");
      next();
    }
  }
  void on_end() override {
    say(fmt::format(R"({{"event": "end", "received": {}, "sent": {}}})", received_,
                    exchange_->body_sent()));
    next();
  }
  void on_failed(Error error) override {
    failed_ = true;
    say(fmt::format(R"({{"event": "failed", "code": {}, "stage": {}, "detail": {}, "ours": {}, )"
                    R"("untouched": {}, "sent": {}}})",
                    json_text(to_string(error.code)), json_text(to_string(error.stage)),
                    json_text(error.detail), error.fault == Fault::kOurs, exchange_->untouched(),
                    exchange_->body_sent()));
    next();
  }

  // From inside a sink's call, so the exchange is retired and the next begins in its own turn.
  void next() {
    exchange_->stop();
    loop_.retire(std::move(exchange_));
    loop_.post([this] {
      if (++done_ < arguments_.times) return start();
      say(fmt::format(R"({{"event": "over", "lanes": {}, "idle": {}, "peak_kib": {}}})",
                      fetch_.lanes(), fetch_.idle(), peak_kib()));
      loop_.stop();
    });
  }

  static long peak_kib() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
      if (line.rfind("VmHWM:", 0) == 0) return std::stol(line.substr(6));
    }
    return 0;
  }

  const Arguments& arguments_;
  const std::string head_;
  const std::string body_;
  Loop loop_;
  HandshakePool handshakes_{1, 64};
  std::unique_ptr<Resolver> resolver_ = Resolver::create(loop_, {}).value();
  SocketConnector connector_{loop_, handshakes_, *resolver_, Clock::system()};
  FetchClient fetch_{loop_, *resolver_, Clock::system()};
  std::shared_ptr<const TrustStore> trust_;
  std::unique_ptr<Exchange> exchange_;
  size_t sent_ = 0;
  size_t received_ = 0;
  int done_ = 0;
  bool failed_ = false;
  Timer hold_;
};

}  // namespace
}  // namespace culvert

int main(int count, char** words) {
  std::signal(SIGPIPE, SIG_IGN);
  culvert::Arguments arguments;
  CLI::App app("one request by a strategy");
  app.add_option("--strategy", arguments.strategy);
  app.add_option("--host", arguments.host);
  app.add_option("--port", arguments.port)->required();
  app.add_option("--server-name", arguments.server_name);
  app.add_option("--ca", arguments.ca, "PEM file; without one the upstream speaks no TLS");
  app.add_option("--proxy", arguments.proxy);
  app.add_option("--bind", arguments.bind);
  app.add_flag("--tls13", arguments.tls13);
  app.add_flag("--chunked", arguments.chunked);
  app.add_flag("--head", arguments.head);
  app.add_flag("--fresh", arguments.fresh);
  app.add_option("--times", arguments.times);
  app.add_option("--hold-ms", arguments.hold_ms);
  app.add_option("--cancel-at", arguments.cancel_at);
  app.add_option("--wait-ms", arguments.wait_ms);
  CLI11_PARSE(app, count, words);
  if (!culvert::start_crypto()) return 2;
  const std::string input = culvert::slurp(std::cin);
  const size_t end = input.find("\r\n\r\n");
  if (end == std::string::npos) return 2;
  return culvert::Driver(arguments, input.substr(0, end + 4), input.substr(end + 4)).run();
}
