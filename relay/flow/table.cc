// Building a table: all or nothing.
#include "relay/flow/table.h"

#include "relay/base/limits.h"
#include "relay/base/log.h"
#include "relay/base/secret.h"
#include "relay/crypto/digest.h"
#include "relay/config/file.h"

namespace culvert {
namespace {

std::string digest_of(std::string_view text) {
  const Digest digest = sha256(text);
  return {digest.begin(), digest.end()};
}

// `PLACE: what is wrong`, as every error of a configuration; a default has no place.
Error placed(const ConfigPlace& place, Error error) {
  if (!place.text.empty()) error.detail = place.text + ": " + error.detail;
  return error;
}

Result<std::string> file_text(const ConfigPlace& place, const std::string& path) {
  auto file = read_file(path, limits::kConfigBytes);
  if (!file) return placed(place, std::move(file).error());
  return std::move(file->text);
}

std::string identity_of(const Settings& settings) {
  std::string text;
  for (const Network& network : settings.allow_networks) {
    text += network.address.text() + '/' + std::to_string(network.bits) + '\n';
  }
  for (const HostPattern& host : settings.allow_hosts) text += host.text + '\n';
  return digest_of(text);
}

// Trust stores are found again by their content, so that a reload that changes nothing about them
// keeps the connections that were made under them.
Result<std::shared_ptr<const TrustStore>> trust_store(TableParts& parts,
                                                      const std::string& bundle,
                                                      const std::string& extra) {
  auto& known = parts.trust[digest_of(digest_of(bundle) + extra)];
  if (known == nullptr) known = CULVERT_TRY(TrustStore::parse(bundle, extra));
  return known;
}

// Certificates with their keys as they stand in files; the keys are wiped with it.
class Pems {
 public:
  static Result<Pems> read(const std::vector<CertificateFiles>& all) {
    Pems pems;
    for (const CertificateFiles& files : all) {
      std::string cert = CULVERT_TRY(file_text(files.place, files.cert));
      std::string key = CULVERT_TRY(file_text(files.place, files.key));
      pems.all_.push_back({files.place.text + ": " + files.cert, std::move(cert), std::move(key)});
    }
    return pems;
  }
  Pems() = default;
  Pems(Pems&&) = default;
  Pems& operator=(Pems&&) = default;
  ~Pems() {
    for (CertificatePem& pem : all_) wipe(pem.key.data(), pem.key.size());
  }
  const std::vector<CertificatePem>& all() const { return all_; }

 private:
  std::vector<CertificatePem> all_;
};

Result<std::shared_ptr<const TlsServerConfig>> tls_for_clients(const Tunnel& tunnel,
                                                               TableParts& parts) {
  const Pems pems = CULVERT_TRY(Pems::read(tunnel.client_certificates));
  std::shared_ptr<const TrustStore> clients;
  if (!tunnel.client_ca_pem.empty()) {
    auto trust = trust_store(parts, {}, tunnel.client_ca_pem);
    if (!trust) return placed(tunnel.client_ca_place, std::move(trust).error());
    clients = std::move(trust).value();
  }
  return TlsServerConfig::create_raw(pems.all(), std::move(clients));
}

Result<std::shared_ptr<TlsClientConfig>> tls_to_destination(const Tunnel& tunnel,
                                                            const std::string& bundle,
                                                            TableParts& parts) {
  TlsClientOptions options{.tls13_only = tunnel.tls13_only, .raw = true};
  auto trust = trust_store(parts, bundle, tunnel.ca_pem);
  if (!trust) return placed(tunnel.ca_place, std::move(trust).error());
  options.trust = std::move(trust).value();
  Pems pems;
  if (tunnel.certificate) {
    pems = CULVERT_TRY(Pems::read({*tunnel.certificate}));
    options.certificate = pems.all().front();
  }
  auto made = TlsClientConfig::create(options);
  if (options.certificate) wipe(options.certificate->key.data(), options.certificate->key.size());
  return made;
}

// A key in a string that is needed for a moment.
class Wiped {
 public:
  explicit Wiped(std::string& text) : text_(text) {}
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;
  ~Wiped() { wipe(text_.data(), text_.size()); }

 private:
  std::string& text_;
};

// That connections go through.
std::set<std::string> regions_of(const Snapshot& snapshot) {
  std::set<std::string> regions;
  for (const auto& [name, upstream] : snapshot.upstreams) {
    for (const Strategy& strategy : upstream.strategies) {
      if (strategy.is_via()) regions.emplace(strategy.region());
    }
  }
  for (const KeyPool& pool : snapshot.pools) {
    for (const Exit& exit : pool.exits) regions.insert(exit.via);
  }
  for (const auto& [name, tunnel] : snapshot.tunnels) regions.insert(tunnel.via);
  regions.erase(std::string());
  return regions;
}

// What neither this table nor one that still runs holds; a later build finds what ended since.
void forget_unused(TableParts& parts) {
  std::erase_if(parts.trust, [](const auto& item) { return item.second.use_count() <= 1; });
  std::erase_if(parts.tunnels, [](const auto& item) { return item.second.use_count() <= 1; });
  std::erase_if(parts.peer_tls, [](const auto& item) { return item.second.use_count() <= 1; });
}

}  // namespace

Table::Table(std::shared_ptr<const Snapshot> snapshot, KeyRing& keys)
    : snapshot_(std::move(snapshot)),
      keys_(keys),
      routes_(snapshot_->routes),
      tokens_(snapshot_->settings.auth_tokens, snapshot_->tokens),
      cors_(snapshot_->settings.cors),
      destinations_(snapshot_->settings),
      destinations_identity_(identity_of(snapshot_->settings)),
      tunnels_(snapshot_->tunnels),
      peers_(std::make_unique<PeerDirectory>()) {}

Result<std::shared_ptr<const Table>> Table::build(std::shared_ptr<const Snapshot> snapshot,
                                                  TableParts& parts) {
  std::shared_ptr<Table> table(new Table(std::move(snapshot), parts.keys));
  for (const KeyPool& pool : table->snapshot().pools) {
    table->pools_[pool.name] = parts.keys.pool(pool);
  }
  for (const auto& [alias, pool] : table->snapshot().own_pools()) {
    table->own_pools_.emplace(alias, table->pools_[pool->name]);
  }
  for (const auto& [alias, upstream] : table->snapshot().upstreams) {
    table->health_[alias] = parts.health.join(upstream);
  }
  CULVERT_CHECK(table->load_trust(parts));
  CULVERT_CHECK(table->load_certificates(parts));
  CULVERT_CHECK(table->load_tunnels(parts));
  // A certificate that has ended, because the control service was away for long, ends no more than
  // the ways through other relays.
  if (auto loaded = table->load_peers(parts); !loaded) {
    log::warn("no relay can go through another one", {{"error", loaded.error().detail}});
  }
  forget_unused(parts);
  return std::shared_ptr<const Table>(std::move(table));
}

Result<void> Table::load_trust(TableParts& parts) {
  std::string bundle;
  const std::string& path = settings().ca_file;
  if (!path.empty()) bundle = CULVERT_TRY(file_text(settings().ca_place, path));
  auto common = trust_store(parts, bundle, {});
  if (!common) {
    Error error = std::move(common).error();
    error.detail = path + ": " + error.detail;
    return placed(settings().ca_place, std::move(error));
  }
  common_trust_ = std::move(common).value();
  for (const auto& [name, upstream] : snapshot_->upstreams) {
    if (upstream.ca_pem.empty()) continue;
    auto own = trust_store(parts, bundle, upstream.ca_pem);
    if (!own) return placed(upstream.ca_place, std::move(own).error());
    own_trust_[name] = std::move(own).value();
  }
  return {};
}

Result<void> Table::load_certificates(TableParts& parts) {
  if (settings().certificates.empty()) return {};
  const Pems pems = CULVERT_TRY(Pems::read(settings().certificates));
  server_tls_ = CULVERT_TRY(TlsServerConfig::create(pems.all(), parts.tickets));
  return {};
}

Result<void> Table::load_tunnels(TableParts& parts) {
  std::string bundle;
  if (!settings().ca_file.empty()) {
    bundle = CULVERT_TRY(file_text(settings().ca_place, settings().ca_file));
  }
  for (const auto& [name, tunnel] : snapshot_->tunnels) {
    TunnelGear& gear = tunnel_gear_[name];
    auto& count = parts.tunnels[name];
    if (count == nullptr) count = std::make_shared<TunnelCount>(0);
    gear.count = count;
    if (tunnel.ends_tls) gear.clients = CULVERT_TRY(tls_for_clients(tunnel, parts));
    if (tunnel.tls) gear.destination = CULVERT_TRY(tls_to_destination(tunnel, bundle, parts));
  }
  return {};
}

void Table::note_own_targets() {
  for (const auto& [name, upstream] : snapshot_->upstreams) {
    for (const Target& target : upstream.targets) {
      own_targets_.emplace(target.url.host, target.url.port);
    }
  }
  for (const auto& [name, tunnel] : snapshot_->tunnels) {
    own_targets_.emplace(tunnel.host, tunnel.port);
  }
}

Result<void> Table::load_peers(TableParts& parts) {
  if (!parts.fleet) return {};
  const FleetIdentity& own = *parts.fleet;
  auto authority = CULVERT_TRY(trust_store(parts, {}, own.authority));
  TlsClientOptions options{.trust = authority, .tls13_only = true, .raw = true};
  CertificatePem& shown = options.certificate.emplace(CertificatePem{
      "the relay's certificate", own.certificate, std::string(own.key.reveal())});
  const Wiped wiped(shown.key);
  if (settings().peer_listen) {
    note_own_targets();
    peer_tls_ = CULVERT_TRY(TlsServerConfig::create_peer(shown, authority, parts.peer_tickets));
  }
  std::vector<PeerWay> ways;
  for (const Peer& peer : snapshot_->peers) {
    if (peer.name == own.name || peer.host.empty()) continue;
    auto& tls = parts.peer_tls[peer.name + '\n' + digest_of(own.certificate)];
    if (tls == nullptr) tls = CULVERT_TRY(TlsClientConfig::create(options));
    ways.push_back({peer, tls, parts.peers.join(peer.name)});
  }
  peers_ = std::make_unique<PeerDirectory>(own.name, std::move(ways), regions_of(*snapshot_));
  return {};
}

const AddressPolicy* Table::peer_policy(const HostPort& to) const {
  return own_targets_.count({to.host, to.port}) != 0 ? nullptr : this;
}

const Tunnel* Table::tunnel(const TunnelListener& listener, std::string_view server_name) const {
  if (listener.tunnel.empty()) return tunnels_.find(listener.text, server_name);
  const auto found = snapshot_->tunnels.find(listener.tunnel);
  return found == snapshot_->tunnels.end() ? nullptr : &found->second;
}

std::shared_ptr<const UpstreamHealth> Table::health(const std::string& alias) const {
  return health_.at(alias);
}

std::shared_ptr<const KeyPoolState> Table::pool(const std::string& alias,
                                                const std::string& named) const {
  const auto& from = named.empty() ? own_pools_ : pools_;
  const auto found = from.find(named.empty() ? alias : named);
  return found == from.end() ? nullptr : found->second;
}

std::shared_ptr<const TrustStore> Table::trust(const std::string& alias) const {
  const auto found = own_trust_.find(alias);
  return found == own_trust_.end() ? common_trust_ : found->second;
}

Result<void> Table::check(const std::string& host, const Address& address) const {
  return destinations_.check(host, address);
}

}  // namespace culvert
