// The upstream's listeners and its loop, on one thread.
#pragma once

#include "tests/bench/load/end_signal.h"
#include "tests/bench/load/served_connection.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace culvert::bench {

class Server;

class Listener : public Polled {
 public:
  // `context`: of TLS, or nullptr.
  Listener(Server& server, Context context) : server_(server), context_(std::move(context)) {}

  // On 127.0.0.1; port 0: a free one. false, with `error` set, where it cannot.
  bool open(uint16_t port, std::string& error);
  uint16_t port() const { return port_; }
  void on_events(uint32_t events) override;

 private:
  Server& server_;
  Context context_;
  Descriptor fd_;
  uint16_t port_ = 0;
};

class Server {
 public:
  Server() : end_(serving_.poller) {}

  Serving& serving() { return serving_; }
  void accept(Descriptor fd, SSL_CTX* context);
  void run();  // until a signal ends it

 private:
  Serving serving_;
  EndSignal end_;
  std::vector<std::unique_ptr<ServedConnection>> connections_;  // each is open or in free
};

}  // namespace culvert::bench
