// Tunnels: where connections come in, by which names, and where they go.
#include "proto/listener.h"
#include "proto/scalars.h"
#include "proto/validate_parts.h"
#include "relay/base/address.h"
#include "relay/base/limits.h"
#include "relay/base/text.h"
#include "relay/base/url.h"

#include <algorithm>
#include <optional>
#include <set>

namespace culvert {
namespace {

struct Destination {
  HostPort at;
  bool tls = false;
};

std::optional<Destination> inspect_to(const v1::Tunnel& tunnel, Inspection* out) {
  const std::string& text = tunnel.to();
  const bool tls = starts_with_ignoring_case(text, "tls://");
  if (!tls && !starts_with_ignoring_case(text, "tcp://")) {
    out->say("to", in_quotes(text) +
                       " is no destination; allowed are tcp://HOST:PORT and "
                       "tls://HOST:PORT");
    return std::nullopt;
  }
  const auto at = parse_connect_authority(std::string_view(text).substr(6));
  if (!at) {
    out->say("to", in_quotes(text) + ": " + at.error().detail);
    return std::nullopt;
  }
  return Destination{*at, tls};
}

// A name, a pattern, or `*` for the rest.
void inspect_names(const v1::Tunnel& tunnel, Inspection* out) {
  std::set<std::string> seen;
  for (int i = 0; i < tunnel.names_size(); ++i) {
    const std::string& name = tunnel.names(i);
    const std::string path = indexed("names", i);
    const std::string_view host = std::string_view(name).substr(name.starts_with("*.") ? 2 : 0);
    if (name != "*" && !is_host_name(host)) {
      out->say(path, in_quotes(name) +
                         " is no name that TLS clients ask for; allowed are names "
                         "such as api.example.com, patterns such as *.example.com, "
                         "and * for every other");
    } else if (!seen.insert(lower(name)).second) {
      out->say(path, "the name " + in_quotes(name) + " comes twice; name it once");
    }
  }
}

void inspect_listen(const v1::Tunnel& tunnel,
                    const std::optional<Destination>& to,
                    Inspection* out) {
  if (tunnel.listen().empty()) {
    if (tunnel.names_size() > 0) return;
    out->say("", "a tunnel into which nothing leads; needed is listen, or names");
    return;
  }
  const auto listener = parse_tunnel_listener(tunnel.listen());
  if (!listener) return out->say("listen", listener.error().detail);
  if (listener->by_name && tunnel.names_size() == 0) {
    out->say("names", "a tunnel at a tls:// listener without names; needed is one, * takes all");
  }
  if (!listener->by_name && tunnel.names_size() > 0) {
    out->say("names", "names at a tcp:// listener, where none are told; allowed with tls:// ones");
  }
  const auto address = to ? Address::parse(to->at.host) : std::nullopt;
  if (address && leads_into({*address, to->at.port}, listener->address)) {
    out->say("to", "the tunnel's own listener; allowed is any other destination");
  }
}

// What TLS at a side that has none would say is a mistake worth telling.
void inspect_sides(const v1::Tunnel& tunnel,
                   const std::optional<Destination>& to,
                   Inspection* out) {
  const bool by_name = tunnel.names_size() > 0;
  if (to && to->tls && by_name) {
    out->say("to",
             "TLS around connections that are TLS already, because names choose them; "
             "allowed is tcp://HOST:PORT");
  }
  if (to && !to->tls && tunnel.has_tls()) {
    out->say("tls", "settings of TLS for a destination without it; allowed with tls://HOST:PORT");
  }
  if (tunnel.has_client_tls() && by_name) {
    out->say("client_tls",
             "TLS cannot end at the relay where names choose the connections; "
             "allowed with a tcp:// listener");
  }
  if (!tunnel.via().empty()) out->check("via", name_flaw(tunnel.via()));
  if (!tunnel.proxy_protocol_from().empty() && tunnel.listen().empty()) {
    out->say("proxy_protocol_from",
             "PROXY headers are of one listener; needed is listen, which names it");
  }
}

void inspect_pair(const std::string& path, const v1::Certificate& pair, Inspection* out) {
  if (!pair.cert().empty() && !pair.key().empty()) return;
  out->say(path, "a certificate needs two files; needed are cert and key");
}

void inspect_tls(const v1::Tunnel& tunnel, Inspection* out) {
  if (tunnel.tls().has_certificate()) {
    inspect_pair("tls.certificate", tunnel.tls().certificate(), out);
  }
  for (int i = 0; i < tunnel.client_tls().certificates_size(); ++i) {
    inspect_pair(indexed("client_tls.certificates", i), tunnel.client_tls().certificates(i), out);
  }
  const std::string& server_name = tunnel.tls().server_name();
  if (!server_name.empty() && !is_host_name(server_name)) {
    out->say("tls.server_name",
             in_quotes(server_name) + " is no host name; allowed are names such as db.example.com");
  }
}

void inspect_timeouts(const v1::TunnelTimeouts& timeouts, Inspection* out) {
  const auto look = [&](bool given, const char* path, const auto& timer, bool zero) {
    if (given) inspect_timer(path, timer, zero, out);
  };
  look(timeouts.has_resolve(), "timeouts.resolve", timeouts.resolve(), false);
  look(timeouts.has_connect(), "timeouts.connect", timeouts.connect(), false);
  look(timeouts.has_tls(), "timeouts.tls", timeouts.tls(), false);
  look(timeouts.has_idle(), "timeouts.idle", timeouts.idle(), false);
  look(timeouts.has_total(), "timeouts.total", timeouts.total(), true);
}

bool same_relays(const v1::Selector& a, const v1::Selector& b) {
  const auto labels = [](const v1::Selector& relays) {
    return std::map<std::string, std::string>(relays.labels().begin(), relays.labels().end());
  };
  return std::equal(a.regions().begin(), a.regions().end(), b.regions().begin(),
                    b.regions().end()) &&
         labels(a) == labels(b);
}

// Of those that are for the same relays without a doubt; a relay looks at all that it gets.
void inspect_others(const Resources& resources,
                    const std::string& own,
                    const v1::Tunnel& tunnel,
                    Inspection* out) {
  for (const auto& [name, other] : resources.tunnels) {
    if (name == own) return;  // the later one of two is told
    if (!same_relays(tunnel.relays(), other.relays())) continue;
    if (const auto flaw = tunnel_clash(tunnel, name, other)) {
      out->say(tunnel.names_size() > 0 ? "names" : "listen", *flaw);
    }
  }
}

}  // namespace

Flaw tunnel_clash(const v1::Tunnel& tunnel, const std::string& name, const v1::Tunnel& other) {
  const auto mine = parse_tunnel_listener(tunnel.listen());
  const auto theirs = parse_tunnel_listener(other.listen());
  const bool by_name = tunnel.names_size() > 0 && other.names_size() > 0;
  if (mine && theirs && clash(mine->address, theirs->address) &&
      !(by_name && tunnel.listen() == other.listen())) {
    return "the listener " + in_quotes(tunnel.listen()) + " clashes with that of the Tunnel " +
           in_quotes(name) + "; allowed is one for each address and port";
  }
  if (!by_name || tunnel.listen() != other.listen()) return std::nullopt;
  for (const std::string& wanted : tunnel.names()) {
    if (std::any_of(other.names().begin(), other.names().end(),
                    [&](const auto& had) { return equal_ignoring_case(had, wanted); })) {
      return "the Tunnel " + in_quotes(name) + " has the name " + in_quotes(wanted) +
             " already; allowed is one tunnel for each name of a listener";
    }
  }
  if (std::equal(tunnel.proxy_protocol_from().begin(), tunnel.proxy_protocol_from().end(),
                 other.proxy_protocol_from().begin(), other.proxy_protocol_from().end())) {
    return std::nullopt;
  }
  return "the Tunnel " + in_quotes(name) +
         " of the same listener has another proxy_protocol_from; allowed is one for a listener";
}

void inspect_tunnel(const Resources& resources,
                    const std::string& name,
                    const v1::Tunnel& tunnel,
                    Inspection* out) {
  const auto to = inspect_to(tunnel, out);
  inspect_names(tunnel, out);
  inspect_listen(tunnel, to, out);
  inspect_sides(tunnel, to, out);
  inspect_tls(tunnel, out);
  for (int i = 0; i < tunnel.proxy_protocol_from_size(); ++i) {
    const auto network = Network::parse(tunnel.proxy_protocol_from(i));
    if (!network) out->say(indexed("proxy_protocol_from", i), network.error().detail);
  }
  inspect_timeouts(tunnel.timeouts(), out);
  if (tunnel.has_connections()) {
    inspect_number("connections", "connections", tunnel.connections(), 1,
                   limits::kTunnelConnectionsMost, out);
  }
  if (!tunnel.tenant().empty()) out->check("tenant", name_flaw(tunnel.tenant()));
  inspect_selector(tunnel.relays(), out);
  inspect_others(resources, name, tunnel, out);
}

}  // namespace culvert
