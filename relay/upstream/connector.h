// The seam between a request and the way to its upstream: something that hands out connections.
// The socket connector is one; others (libcurl, another relay) stand behind the same interface.
#pragma once

#include "relay/base/address.h"
#include "relay/base/clock.h"
#include "relay/base/result.h"
#include "relay/base/secret.h"
#include "relay/base/url.h"
#include "relay/channel/channel.h"
#include "relay/channel/loop.h"
#include "relay/channel/tls_config.h"

#include <memory>
#include <optional>
#include <string>

namespace culvert {

class PeerDirectory;

// May this address be reached under this name? Asked for each address after resolution, so that no
// name can lead inside (DNS rebinding).
class AddressPolicy {
 public:
  virtual ~AddressPolicy() = default;
  virtual Result<void> check(const std::string& host, const Address& address) const = 0;
  // Equal texts allow the same: connections made under one policy serve no other.
  virtual std::string identity() const = 0;
};

// All that decides whether two requests may share a connection, and how one is made.
struct ConnectPlan {
  bool tls = true;
  std::string host;
  uint16_t port = 443;
  std::string server_name;  // SNI and what the certificate must name
  std::shared_ptr<const TrustStore> trust;
  bool tls13_only = false;
  bool full_handshake = false;  // takes up no session, so that the certificate is shown; of sockets
  std::string partition;        // connections and sessions of different partitions never meet
  std::optional<Address> bind;  // the local address to leave from
  Secret egress_proxy;          // URL; of the fetch strategy alone (egress_proxy.h)
  // TLS settings that are used instead of those that the fields above describe; of tunnels, whose
  // connections are never pooled.
  std::shared_ptr<TlsClientConfig> tls_config;
  std::string preface;  // goes out before all other bytes, TLS too; of tunnels as well
  // A region: one of its relays connects, by its own policy. Empty: this relay does.
  std::string via;
  const PeerDirectory* peers = nullptr;  // of a via; outlives the connecting
  bool far_tls = false;                  // of a via: that relay speaks the upstream's TLS
  std::string upstream;                  // whose CA certificates it trusts beside its common ones
  const AddressPolicy* policy = nullptr;  // nullptr: every address; outlives the connecting
  Duration resolve_timeout{};
  Duration connect_timeout{};
  Duration tls_timeout{};

  // Equal texts: the same connections. Holds no secret.
  std::string identity() const;
  void append_identity(std::string* text) const;
};

// How long each leg of making a connection took; zero where there was none.
struct Legs {
  Duration resolve{};
  Duration connect{};
  Duration tls{};
  bool reused = false;  // from the pool
  bool session_resumed = false;
  int64_t certificate_expires_at = 0;  // Unix seconds; 0: none was shown
};

struct Connection {
  std::unique_ptr<Channel> channel;  // open; its next sink is the taker's
  std::string identity;
  Legs legs;
};

class ConnectSink {
 public:
  virtual ~ConnectSink() = default;
  virtual void on_connection(Connection connection) = 0;
  virtual void on_no_connection(Error error, const Legs& legs) = 0;
};

// A connection being made. Its owner retires it; destroying cancels.
class Connecting : public Retirable {};

class Connector {
 public:
  virtual ~Connector() = default;
  // An idle connection that was checked to be alive, if there is one.
  virtual std::optional<Connection> reuse(const ConnectPlan& plan) = 0;
  // Makes a new one. The sink is called once, never from inside.
  virtual std::unique_ptr<Connecting> connect(const ConnectPlan& plan, ConnectSink& sink) = 0;
  // Takes a connection back whose last exchange ended whole; where memory runs out it stays with
  // the caller, who may be inside one of its calls.
  virtual void give_back(Connection&& connection) = 0;
  // Opens one more in the background, to be reused soon; nothing where enough wait already.
  virtual void keep_spare(const ConnectPlan& /*plan*/) {}
};

}  // namespace culvert
