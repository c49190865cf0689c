// Tunnels, and the listeners that they and the relay's own tls:// ones make together.
#include "proto/defaults.h"
#include "proto/listener.h"
#include "proto/scalars.h"
#include "proto/validate.h"
#include "relay/base/limits.h"
#include "relay/base/text.h"
#include "relay/config/compile_parts.h"

#include <algorithm>

namespace culvert {
namespace {

// One spelling for each listener, so that a tunnel finds the relay's.
std::string spelled(bool by_name, const SocketAddress& address) {
  return (by_name ? "tls://" : "tcp://") + address.text();
}

struct TunnelCompiler {
  const Compiling& in;
  const std::string& name;
  const v1::Tunnel& written;
  const Settings& settings;
  Tunnel* out;

  Error error(std::string_view path, std::string_view message) const {
    return in.error("Tunnel", name, path, message);
  }
  Result<CertificateFiles> certificate(const std::string& path, const v1::Certificate& pair) const;
  Result<void> destination() const;
  Result<void> client_side() const;
  Result<void> check_listener() const;
  void timers() const;
};

// Read again by who shows it; here only what cannot work is found early.
Result<CertificateFiles> TunnelCompiler::certificate(const std::string& path,
                                                     const v1::Certificate& pair) const {
  const auto cert = read_certificates(in.surroundings, pair.cert());
  if (!cert) return error(path + ".cert", cert.error().detail);
  const auto key = check_private_key(in.surroundings, pair.key());
  if (!key) return error(path + ".key", key.error().detail);
  return CertificateFiles{pair.cert(), pair.key(), in.place("Tunnel", name, path)};
}

Result<void> TunnelCompiler::destination() const {
  const auto at = parse_connect_authority(std::string_view(written.to()).substr(6));
  if (!at) return error("to", at.error().detail);
  out->host = at->host;
  out->port = at->port;
  out->tls = starts_with_ignoring_case(written.to(), "tls://");
  const v1::DestinationTls& tls = written.tls();
  if (!tls.ca_file().empty()) {
    auto pem = read_certificates(in.surroundings, tls.ca_file());
    if (!pem) return error("tls.ca_file", pem.error().detail);
    out->ca_pem = *std::move(pem);
    out->ca_place = in.place("Tunnel", name, "tls.ca_file");
  }
  out->server_name = tls.server_name().empty() ? at->host : lower(tls.server_name());
  out->tls13_only = tls.min_version() == v1::Tls::MIN_VERSION_TLS13;
  if (tls.has_certificate()) {
    out->certificate = CULVERT_TRY(certificate("tls.certificate", tls.certificate()));
  }
  return {};
}

Result<void> TunnelCompiler::client_side() const {
  if (!written.has_client_tls()) return {};
  const v1::ClientTls& tls = written.client_tls();
  out->ends_tls = true;
  for (int i = 0; i < tls.certificates_size(); ++i) {
    const std::string path = "client_tls.certificates[" + std::to_string(i) + "]";
    out->client_certificates.push_back(CULVERT_TRY(certificate(path, tls.certificates(i))));
  }
  if (tls.certificates().empty()) out->client_certificates = settings.certificates;
  if (out->client_certificates.empty()) {
    return error("client_tls",
                 "TLS without a certificate; needed are client_tls.certificates, or "
                 "the Relay's certificates");
  }
  if (tls.client_ca_file().empty()) return {};
  auto pem = read_certificates(in.surroundings, tls.client_ca_file());
  if (!pem) return error("client_tls.client_ca_file", pem.error().detail);
  out->client_ca_pem = *std::move(pem);
  out->client_ca_place = in.place("Tunnel", name, "client_tls.client_ca_file");
  return {};
}

// Against what the relay itself listens on, which whoever wrote the tunnel may not have known.
Result<void> TunnelCompiler::check_listener() const {
  if (written.listen().empty()) return {};
  const auto own = parse_tunnel_listener(written.listen());
  if (!own) return error("listen", own.error().detail);
  const auto taken = [&](const SocketAddress& address) { return clash(own->address, address); };
  const bool by_requests =
      std::any_of(settings.listen.begin(), settings.listen.end(),
                  [&](const ListenerSettings& listener) { return taken(listener.address); });
  const bool by_relays = settings.peer_listen && taken(*settings.peer_listen);
  if (by_requests || by_relays || taken(settings.admin_listen)) {
    return error("listen", in_quotes(written.listen()) +
                               " is where this relay listens already; allowed is another port");
  }
  for (const std::string& text : in.resources.relay.listen()) {
    const auto relays = parse_listener(text);
    if (!relays || !relays->raw || !taken(relays->address)) continue;
    if (own->by_name && own->address == relays->address) continue;
    return error("listen", in_quotes(written.listen()) + " clashes with the relay's own " +
                               in_quotes(text) + "; allowed is the same one, or another port");
  }
  out->listener = spelled(own->by_name, own->address);
  return {};
}

void TunnelCompiler::timers() const {
  const auto or_default = [](bool given, const auto& timer, Duration otherwise) {
    return given ? from_proto(timer) : otherwise;
  };
  const v1::TunnelTimeouts& given = written.timeouts();
  const Timeouts& common = settings.timeouts;
  out->resolve_timeout = or_default(given.has_resolve(), given.resolve(), common.resolve);
  out->connect_timeout = or_default(given.has_connect(), given.connect(), common.connect);
  out->tls_timeout = or_default(given.has_tls(), given.tls(), common.tls);
  out->idle = or_default(given.has_idle(), given.idle(), limits::kTunnelIdle);
  out->total = or_default(given.has_total(), given.total(), Duration::zero());
}

ProxyHeaderSent sent(v1::Tunnel::ProxyProtocol written) {
  switch (written) {
    case v1::Tunnel::PROXY_PROTOCOL_V1:
      return ProxyHeaderSent::kOne;
    case v1::Tunnel::PROXY_PROTOCOL_V2:
      return ProxyHeaderSent::kTwo;
    default:
      return ProxyHeaderSent::kNone;
  }
}

Result<Tunnel> compile_tunnel(const Compiling& in,
                              const std::string& name,
                              const v1::Tunnel& written,
                              const Settings& settings) {
  Tunnel out;
  out.name = name;
  for (const std::string& text : written.names()) out.names.push_back(lower(text));
  const TunnelCompiler compiler{in, name, written, settings, &out};
  CULVERT_CHECK(compiler.check_listener());
  CULVERT_CHECK(compiler.destination());
  CULVERT_CHECK(compiler.client_side());
  compiler.timers();
  out.proxy_header = sent(written.proxy_protocol());
  if (!written.via().empty()) out.via = CULVERT_TRY(in.via("Tunnel", name, "via", written.via()));
  out.connections = written.connections();
  out.tenant = written.tenant();
  return out;
}

Result<void> check_against_others(const Compiling& in,
                                  const std::string& own,
                                  const v1::Tunnel& tunnel) {
  for (const auto& [name, other] : in.resources.tunnels) {
    if (name == own) return {};
    if (!in.is_for_us(other.relays())) continue;
    if (const auto flaw = tunnel_clash(tunnel, name, other)) {
      return in.error("Tunnel", own, "listen", *flaw);
    }
  }
  return {};
}

// The relay's own first. Tunnels of one tls:// listener agree about its proxies.
Result<void> add_listeners(const Compiling& in, Snapshot* snapshot) {
  auto& all = snapshot->tunnel_listeners;
  for (const std::string& text : in.resources.relay.listen()) {
    const auto listener = parse_listener(text);
    if (!listener || !listener->raw) continue;
    all.push_back({spelled(true, listener->address), {}, listener->address, {}});
  }
  for (const auto& [name, tunnel] : snapshot->tunnels) {
    if (tunnel.listener.empty()) continue;
    const bool by_name = !tunnel.names.empty();
    auto found = std::find_if(all.begin(), all.end(), [&](const TunnelListener& listener) {
      return by_name && listener.text == tunnel.listener;
    });
    if (found == all.end()) {
      const auto address = parse_tunnel_listener(tunnel.listener);
      if (!address) return in.error("Tunnel", name, "listen", address.error().detail);
      all.push_back({tunnel.listener, by_name ? std::string() : name, address->address, {}});
      found = std::prev(all.end());
    }
    found->proxies.clear();
    for (const std::string& text : in.resources.tunnels.at(name).proxy_protocol_from()) {
      if (const auto network = Network::parse(text)) found->proxies.push_back(*network);
    }
  }
  return {};
}

void warn_of_unreachable(const Compiling& in, const Snapshot& snapshot) {
  const bool by_name =
      std::any_of(snapshot.tunnel_listeners.begin(), snapshot.tunnel_listeners.end(),
                  [](const auto& listener) { return listener.tunnel.empty(); });
  for (const auto& [name, tunnel] : snapshot.tunnels) {
    if (by_name || !tunnel.listener.empty()) continue;
    in.warnings->push_back("the Tunnel " + in_quotes(name) +
                           " has names, but this relay has no tls:// listener; `listen` of the "
                           "Tunnel or of the Relay opens one");
  }
}

}  // namespace

Result<void> compile_tunnels(const Compiling& in, Snapshot* snapshot) {
  for (const auto& [name, written] : in.resources.tunnels) {
    if (!in.is_for_us(written.relays())) continue;
    CULVERT_CHECK(check_against_others(in, name, written));
    snapshot->tunnels.emplace(name,
                              CULVERT_TRY(compile_tunnel(in, name, written, snapshot->settings)));
  }
  CULVERT_CHECK(add_listeners(in, snapshot));
  warn_of_unreachable(in, *snapshot);
  return {};
}

}  // namespace culvert
