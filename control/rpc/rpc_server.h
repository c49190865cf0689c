// One gRPC server over TLS for all services of this program. Owned by main. Relays show a
// certificate of the authority, operators a token: a certificate is asked for, verified where it is
// given, and not demanded here.
#pragma once

#include "control/config/identity.h"
#include "relay/base/address.h"
#include "relay/base/clock.h"
#include "relay/base/result.h"

#include <grpcpp/server.h>

#include <functional>
#include <memory>
#include <vector>

namespace culvert::control {

struct RpcService {
  grpc::Service* service;      // outlives the server
  std::function<void()> stop;  // its streams end soon after; any thread
};

class RpcServer {
 public:
  // Listens when it returns; port 0 picks one. Errors: kSystem where the address cannot be bound.
  static Result<std::unique_ptr<RpcServer>> start(const SocketAddress& listen,
                                                  const Identity& identity,
                                                  std::vector<RpcService> services);
  ~RpcServer();

  const SocketAddress& address() const { return address_; }
  // Streams are told to end first, then what still runs is cancelled: over within five seconds.
  // Again does nothing.
  void stop();

 private:
  RpcServer(std::unique_ptr<grpc::Server> server,
            SocketAddress address,
            std::vector<RpcService> services)
      : server_(std::move(server)), address_(address), services_(std::move(services)) {}

  std::unique_ptr<grpc::Server> server_;
  SocketAddress address_;
  std::vector<RpcService> services_;
  bool stopped_ = false;
};

}  // namespace culvert::control
