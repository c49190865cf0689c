// A snapshot made ready for requests: routes indexed, tokens hashed, key pools joined with the
// state of their keys, trust stores and certificates parsed. Immutable; swapped whole on every
// worker.
#pragma once

#include "relay/base/result.h"
#include "relay/channel/tls_config.h"
#include "relay/config/snapshot.h"
#include "relay/gate/cors.h"
#include "relay/gate/destinations.h"
#include "relay/gate/tokens.h"
#include "relay/keys/key_ring.h"
#include "relay/route/route_table.h"
#include "relay/route/tunnel_table.h"
#include "relay/upstream/connector.h"
#include "relay/upstream/health_board.h"
#include "relay/upstream/peer_directory.h"

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace culvert {

// Connections of one tunnel that are open, of all workers; the same over reloads.
using TunnelCount = std::atomic<size_t>;

// What a tunnel's connections need beside its settings.
struct TunnelGear {
  std::shared_ptr<const TlsServerConfig> clients;  // null: their TLS does not end here
  std::shared_ptr<TlsClientConfig> destination;    // null: it has none
  std::shared_ptr<TunnelCount> count;
};

// What makes this relay one of its fleet, for the others. The authority is the control service's.
struct FleetIdentity {
  std::string name;
  std::string certificate;  // PEM, as all of them
  Secret key;
  std::string authority;
};

// What outlives a table: key states, ticket keys, trust stores that did not change. Main thread.
struct TableParts {
  KeyRing& keys;
  HealthBoard& health;
  std::shared_ptr<TicketKeys> tickets;
  std::map<std::string, std::shared_ptr<const TrustStore>> trust;  // by digest of their PEM
  std::map<std::string, std::shared_ptr<TunnelCount>> tunnels = {};  // by name
  std::optional<FleetIdentity> fleet = {};  // absent: it has joined none
  PeerBoard peers = {};
  std::shared_ptr<TicketKeys> peer_tickets = {};  // never those of clients
  // By the other relay and what is shown to it: their sessions are worth keeping.
  std::map<std::string, std::shared_ptr<TlsClientConfig>> peer_tls = {};
};

class Table final : private AddressPolicy {
 public:
  // Reads the certificate and CA files that the snapshot names. Errors: kInvalidConfig.
  static Result<std::shared_ptr<const Table>> build(std::shared_ptr<const Snapshot> snapshot,
                                                    TableParts& parts);

  const Snapshot& snapshot() const { return *snapshot_; }
  std::shared_ptr<const Snapshot> snapshot_pointer() const { return snapshot_; }
  const Settings& settings() const { return snapshot_->settings; }
  const RouteTable& routes() const { return routes_; }
  const Tokens& tokens() const { return tokens_; }
  const Cors& cors() const { return cors_; }
  KeyRing& keys() const { return keys_; }
  // The upstream's own pool, or the one that a destination names instead; null where there is none.
  std::shared_ptr<const KeyPoolState> pool(const std::string& alias,
                                           const std::string& named = {}) const;
  // By name; a pool says itself for which upstream it is.
  const std::map<std::string, std::shared_ptr<const KeyPoolState>>& pools() const { return pools_; }
  std::shared_ptr<const UpstreamHealth> health(const std::string& alias) const;  // of a known one
  std::shared_ptr<const TrustStore> trust(const std::string& alias) const;  // or the common one
  std::shared_ptr<const TlsServerConfig> server_tls() const { return server_tls_; }
  // The tunnel whose listener it is alone, or that has the name; nullptr: there is none.
  const Tunnel* tunnel(const TunnelListener& listener, std::string_view server_name) const;
  const TunnelGear& gear(const Tunnel& tunnel) const { return tunnel_gear_.at(tunnel.name); }
  const PeerDirectory& peers() const { return *peers_; }
  std::shared_ptr<const TlsServerConfig> peer_tls() const { return peer_tls_; }  // null: none
  // Which addresses another relay may have connected to under that name: all if it is a target of
  // this relay's own configuration (nullptr), else those that clients may name.
  const AddressPolicy* peer_policy(const HostPort& to) const;
  // For hosts that a client names; upstreams of the configuration are the operator's own choice.
  const AddressPolicy& generic_policy() const { return *this; }

 private:
  Table(std::shared_ptr<const Snapshot> snapshot, KeyRing& keys);
  Result<void> check(const std::string& host, const Address& address) const override;
  std::string identity() const override { return destinations_identity_; }
  Result<void> load_trust(TableParts& parts);
  Result<void> load_certificates(TableParts& parts);
  Result<void> load_tunnels(TableParts& parts);
  Result<void> load_peers(TableParts& parts);
  void note_own_targets();

  std::shared_ptr<const Snapshot> snapshot_;
  KeyRing& keys_;
  RouteTable routes_;
  Tokens tokens_;
  Cors cors_;
  Destinations destinations_;
  std::string destinations_identity_;
  std::map<std::string, std::shared_ptr<const KeyPoolState>> pools_;      // by name
  std::map<std::string, std::shared_ptr<const KeyPoolState>> own_pools_;  // by upstream
  std::map<std::string, std::shared_ptr<const UpstreamHealth>> health_;
  std::shared_ptr<const TrustStore> common_trust_;
  std::map<std::string, std::shared_ptr<const TrustStore>> own_trust_;
  std::shared_ptr<const TlsServerConfig> server_tls_;
  TunnelTable tunnels_;
  std::map<std::string, TunnelGear, std::less<>> tunnel_gear_;
  std::unique_ptr<const PeerDirectory> peers_;
  std::shared_ptr<const TlsServerConfig> peer_tls_;
  std::set<std::pair<std::string, uint16_t>> own_targets_;
};

}  // namespace culvert
