// Building a table: all or nothing.
#include "relay/flow/table.h"

#include "relay/base/limits.h"
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

// What neither this table nor one that still runs holds; a later build finds what ended since.
void forget_unused(TableParts& parts) {
  std::erase_if(parts.trust, [](const auto& item) { return item.second.use_count() <= 1; });
}

}  // namespace

Table::Table(std::shared_ptr<const Snapshot> snapshot, KeyRing& keys)
    : snapshot_(std::move(snapshot)),
      keys_(keys),
      routes_(snapshot_->routes),
      tokens_(snapshot_->settings.auth_tokens, snapshot_->tokens),
      cors_(snapshot_->settings.cors),
      destinations_(snapshot_->settings),
      destinations_identity_(identity_of(snapshot_->settings)) {}

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
  std::vector<CertificatePem> pems;
  for (const CertificateFiles& files : settings().certificates) {
    std::string cert = CULVERT_TRY(file_text(files.place, files.cert));
    std::string key = CULVERT_TRY(file_text(files.place, files.key));
    pems.push_back({files.place.text + ": " + files.cert, std::move(cert), std::move(key)});
  }
  auto made = TlsServerConfig::create(pems, parts.tickets);
  for (CertificatePem& pem : pems) wipe(pem.key.data(), pem.key.size());
  if (!made) return std::move(made).error();
  server_tls_ = std::move(made).value();
  return {};
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
