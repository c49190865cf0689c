// The relay's own settings.
#include "proto/defaults.h"
#include "proto/listener.h"
#include "proto/scalars.h"
#include "proto/validate_parts.h"
#include "relay/base/denied_headers.h"
#include "relay/base/limits.h"
#include "relay/base/url.h"

#include <algorithm>

namespace culvert {
namespace {

struct Listening {
  std::string path;
  SocketAddress address;
};

// All that parse, the default where none is given. Those over TLS need a certificate.
std::vector<Listening> inspect_listeners(const v1::Relay& relay, Inspection* out) {
  std::vector<Listening> found;
  for (int i = 0; i < relay.listen_size(); ++i) {
    const std::string path = indexed("listen", i);
    const auto listener = parse_listener(relay.listen(i));
    if (!listener) {
      out->say(path, listener.error().detail);
      continue;
    }
    if (listener->tls && relay.certificates_size() == 0) {
      out->say(path, in_quotes(relay.listen(i)) +
                         " has no certificate; needed are certificates, or CULVERT_TLS_CERT and "
                         "CULVERT_TLS_KEY");
    }
    found.push_back({path, listener->address});
  }
  if (relay.listen_size() == 0) {
    found.push_back({"listen", parse_listener(kDefaultListen).value().address});
  }
  return found;
}

void inspect_addresses(const v1::Relay& relay, Inspection* out) {
  const auto listeners = inspect_listeners(relay, out);
  for (size_t i = 0; i < listeners.size(); ++i) {
    for (size_t earlier = 0; earlier < i; ++earlier) {
      if (!clash(listeners[i].address, listeners[earlier].address)) continue;
      out->say(listeners[i].path, "two listeners on " + listeners[i].address.text() +
                                      "; allowed is one for each address and port");
      break;
    }
  }
  const auto admin = SocketAddress::parse(relay.admin_listen().empty() ? kDefaultAdminListen
                                                                       : relay.admin_listen());
  if (!admin) {
    out->say("admin_listen", admin.error().detail);
    return;
  }
  for (const Listening& listener : listeners) {
    if (!clash(listener.address, *admin)) continue;
    out->say(relay.admin_listen().empty() ? listener.path : "admin_listen",
             "the admin listener " + admin->text() +
                 " is where clients are listened to; allowed is another port");
  }
}

void inspect_certificates(const v1::Relay& relay, Inspection* out) {
  for (int i = 0; i < relay.certificates_size(); ++i) {
    const v1::Certificate& pair = relay.certificates(i);
    if (!pair.cert().empty() && !pair.key().empty()) continue;
    const bool cert = !pair.cert().empty();
    out->say(indexed("certificates", i) + (cert                 ? ".cert"
                                           : pair.key().empty() ? ""
                                                                : ".key"),
             cert ? "a certificate without its key; needed are both (CULVERT_TLS_KEY)"
                  : "a certificate's file is missing; needed are cert and key (CULVERT_TLS_CERT)");
  }
}

bool demands_token(const Resources& resources) {
  return effective_preset_auth(resources) ||
         std::any_of(resources.routes.begin(), resources.routes.end(),
                     [](const auto& route) { return route.second.auth(); });
}

void inspect_tokens(const Resources& resources, Inspection* out) {
  const v1::Relay& relay = resources.relay;
  for (int i = 0; i < relay.auth_tokens_size(); ++i) {
    const std::string& token = relay.auth_tokens(i).value();
    if (is_reference(token)) continue;
    out->check(indexed("auth_tokens", i), token_flaw(token));
    if (upstream_exists(resources, token)) {
      out->say(indexed("auth_tokens", i), "a token that is an upstream's alias; choose another");
    }
  }
  // Those of a control service may come at any time; until they do, nobody has one.
  if (relay.auth_tokens_size() == 0 && !resources.attached && demands_token(resources)) {
    out->say("auth_tokens",
             "a token is needed where keys are configured or presets and routes demand one; set "
             "AUTH_TOKEN or auth_tokens, or turn preset_auth (PRESET_AUTH_ENABLED) off");
  }
}

void inspect_generic_allow(const v1::Relay& relay, Inspection* out) {
  for (int i = 0; i < relay.generic_allow_size(); ++i) {
    const std::string& text = relay.generic_allow(i);
    if (Network::parse(text) || HostPattern::parse(text)) continue;
    const bool network = text.find('/') != std::string::npos || text.find(':') != std::string::npos;
    out->say(indexed("generic_allow", i), network ? Network::parse(text).error().detail
                                                  : HostPattern::parse(text).error().detail);
  }
}

void inspect_limits(const v1::Limits& limits, Inspection* out) {
  const auto within = [&](bool given, const char* name, uint64_t value, uint64_t least,
                          uint64_t most) {
    if (given) inspect_number(std::string("limits.") + name, name, value, least, most, out);
  };
  constexpr uint64_t kMiB = 1 << 20;
  within(limits.has_connections(), "connections", limits.connections(), 1, kMiB);
  within(limits.has_connections_per_address(), "connections_per_address",
         limits.connections_per_address(), 1, kMiB);
  within(limits.has_head_bytes(), "head_bytes", limits.head_bytes(), 1024, kMiB);
  within(limits.has_target_bytes(), "target_bytes", limits.target_bytes(), 256, kMiB);
  within(limits.has_head_fields(), "head_fields", limits.head_fields(), 8, 1000);
  within(limits.has_replay_bytes(), "replay_bytes", limits.replay_bytes(), 0,
         limits::kReplayBytesTotal);
  within(true, "handshakes", limits.handshakes(), 0, 256);
}

void inspect_usage(const v1::Usage& usage, Inspection* out) {
  if (!usage.has_spool_bytes() || usage.spool_bytes() >= limits::kSpoolBytesLeast) return;
  out->say("usage.spool_bytes", "spool_bytes of " + std::to_string(usage.spool_bytes()) +
                                    "; allowed are " + std::to_string(limits::kSpoolBytesLeast) +
                                    " and more");
}

void inspect_replay(const v1::Replay& replay, Inspection* out) {
  const auto least = limits::kReplayStreamBytesLeast;
  if (replay.has_stream_bytes() && replay.stream_bytes() < least) {
    out->say("replay.stream_bytes", "stream_bytes of " + std::to_string(replay.stream_bytes()) +
                                        "; allowed are " + std::to_string(least) + " and more");
  }
  const uint64_t stream =
      replay.has_stream_bytes() ? replay.stream_bytes() : limits::kReplayStreamBytes;
  if (replay.has_total_bytes() && replay.total_bytes() < stream) {
    out->say("replay.total_bytes", "total_bytes of " + std::to_string(replay.total_bytes()) +
                                       "; allowed are stream_bytes, " + std::to_string(stream) +
                                       ", and more");
  }
  if (replay.has_streams()) {
    inspect_number("replay.streams", "streams", replay.streams(), 1, limits::kReplayStreamsMost,
                   out);
  }
  if (replay.has_unread()) inspect_timer("replay.unread", replay.unread(), true, out);
  if (replay.has_kept()) inspect_timer("replay.kept", replay.kept(), true, out);
}

void inspect_connect(const v1::Connect& connect, Inspection* out) {
  for (int i = 0; i < connect.ports_size(); ++i) {
    inspect_number(indexed("connect.ports", i), "port", connect.ports(i), 1, 65535, out);
  }
}

// Where it listens, and where others are told to come.
void inspect_peer(const v1::Relay& relay, Inspection* out) {
  const v1::Peer& peer = relay.peer();
  if (!relay.has_peer()) return;
  if (!peer.advertise().empty()) {
    out->check("peer.advertise", control_address_flaw(peer.advertise()));
  }
  const auto listen = SocketAddress::parse(peer.listen());
  if (!listen) return out->say("peer.listen", listen.error().detail);
  if (peer.advertise().empty() && is_unspecified(listen->address)) {
    out->say("peer.advertise", "peer.listen is every address of this machine, of which the other "
                               "relays need one; needed is HOST:PORT");
  }
  const auto admin = SocketAddress::parse(relay.admin_listen().empty() ? kDefaultAdminListen
                                                                       : relay.admin_listen());
  bool taken = admin && clash(*admin, *listen);
  for (const std::string& text : relay.listen()) {
    const auto other = parse_listener(text);
    taken = taken || (other && clash(other->address, *listen));
  }
  if (taken) {
    out->say("peer.listen", in_quotes(peer.listen()) +
                                " is where this relay listens already; allowed is another port");
  }
}

void inspect_cors(const v1::Cors& cors, Inspection* out) {
  for (int i = 0; i < cors.origins_size(); ++i) {
    const std::string& origin = cors.origins(i);
    if (origin == "*") continue;
    const auto url = parse_url(origin);
    const bool sound = url && url->path.empty() && !origin.empty() && origin.back() != '/' &&
                       (url->scheme == "http" || url->scheme == "https");
    const std::string sent = url ? url->scheme + "://" + url->authority() : "";
    if (sound && sent == origin) continue;
    if (sound) {
      out->say(indexed("cors.origins", i),
               in_quotes(origin) + " is an origin that no browser writes like this; allowed is " +
                   in_quotes(sent));
      continue;
    }
    out->say(indexed("cors.origins", i),
             in_quotes(origin) + " is no origin; allowed are * and scheme://host[:port]");
  }
  for (int i = 0; i < cors.headers_size(); ++i) {
    out->check(indexed("cors.headers", i), header_name_flaw(cors.headers(i)));
  }
  if (cors.has_max_age()) inspect_timer("cors.max_age", cors.max_age(), true, out);
}

void inspect_timers(const v1::Relay& relay, Inspection* out) {
  inspect_timeouts("timeouts", relay.timeouts(), out);
  const v1::ClientTimeouts& client = relay.client_timeouts();
  const auto look = [&](bool given, const char* path, const auto& timer) {
    if (given) inspect_timer(path, timer, false, out);
  };
  look(client.has_request_head(), "client_timeouts.request_head", client.request_head());
  look(client.has_request_body(), "client_timeouts.request_body", client.request_body());
  look(client.has_keep_alive(), "client_timeouts.keep_alive", client.keep_alive());
  look(client.has_handshake(), "client_timeouts.handshake", client.handshake());
  look(client.has_write(), "client_timeouts.write", client.write());
  if (relay.has_drain_timeout()) inspect_timer("drain_timeout", relay.drain_timeout(), true, out);
}

}  // namespace

void inspect_relay(const Resources& resources, Inspection* out) {
  const v1::Relay& relay = resources.relay;
  inspect_addresses(relay, out);
  inspect_certificates(relay, out);
  inspect_tokens(resources, out);
  inspect_generic_allow(relay, out);
  inspect_generic_headers(relay, out);
  inspect_limits(relay.limits(), out);
  inspect_usage(relay.usage(), out);
  inspect_connect(relay.connect(), out);
  inspect_peer(relay, out);
  inspect_cors(relay.cors(), out);
  inspect_timers(relay, out);
  inspect_number("verify.keys_per_minute", "keys_per_minute", relay.verify().keys_per_minute(), 0,
                 limits::kVerifyKeysPerMinuteMost, out);
  if (relay.workers() > limits::kWorkersMost) {
    out->say("workers", std::to_string(relay.workers()) +
                            " workers; allowed are 0 (one per core) to " +
                            std::to_string(limits::kWorkersMost));
  }
  inspect_labels("labels", relay.labels(), out);
  inspect_control(relay.control(), out);
  inspect_resume("gemini_resume", relay.gemini_resume(), true, out);
  inspect_replay(relay.replay(), out);
  if (!relay.region().empty()) out->check("region", name_flaw(relay.region()));
}

}  // namespace culvert
