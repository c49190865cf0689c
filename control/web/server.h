// The service's own HTTP listener: /healthz (alive), /readyz (can do its work), /metrics; all else
// is 404. For probes and Prometheus on a private network: no TLS, no authentication, no secrets.
// Owned by main; its threads are its own.
#pragma once

#include "control/config/configuration.h"
#include "control/fleet/attendance.h"
#include "control/fleet/fleet.h"
#include "control/fleet/switchboard.h"
#include "control/ledger/ledger.h"
#include "relay/base/address.h"
#include "relay/base/result.h"

#include <functional>
#include <memory>
#include <string>

namespace culvert::control {

class WebServer {
 public:
  struct Parts {
    Fleet& fleet;
    const Attendance& attendance;
    const Switchboard& switchboard;
    const Configuration& configuration;
    Ledger& ledger;
    // Whether the service can do its work; the error says why not. Asked on the server's threads.
    std::function<Result<void>()> ready;
  };
  // Listens when it returns; port 0 takes a free one. Errors: kSystem where the address cannot be
  // listened on.
  static Result<std::unique_ptr<WebServer>> start(Parts parts, const SocketAddress& address);
  WebServer(const WebServer&) = delete;
  WebServer& operator=(const WebServer&) = delete;
  ~WebServer();  // stops: requests that are being answered end first

  uint16_t port() const;

 private:
  struct State;
  explicit WebServer(Parts parts);
  Result<void> listen(const SocketAddress& address);
  void answer_paths();
  std::string metrics() const;

  Parts parts_;
  std::unique_ptr<State> state_;
};

}  // namespace culvert::control
