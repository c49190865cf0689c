// The relay's own settings.
#include "proto/defaults.h"
#include "proto/listener.h"
#include "proto/scalars.h"
#include "proto/validate.h"
#include "proto/words.h"
#include "relay/base/limits.h"
#include "relay/base/text.h"
#include "relay/config/compile_parts.h"

#include <algorithm>

namespace culvert {
namespace {

constexpr uint16_t kHttpsPort = 443;

struct SettingsCompiler {
  const Compiling& in;
  const v1::Relay& relay;
  Settings* out;

  Error error(std::string_view path, std::string_view message) const {
    return in.error("Relay", in.resources.relay_name, path, message);
  }
  ConfigPlace place(std::string_view path) const {
    return in.place("Relay", in.resources.relay_name, path);
  }
  Result<void> listeners() const;
  Result<void> certificates() const;
  Result<void> tokens() const;
  Result<void> ca_file() const;
  void generic_allow() const;
  void timers() const;
  void bounds() const;
  void logs_and_cors() const;
};

Result<void> SettingsCompiler::listeners() const {
  std::vector<std::string> texts(relay.listen().begin(), relay.listen().end());
  if (texts.empty()) texts.emplace_back(kDefaultListen);
  for (const std::string& text : texts) {
    const auto listener = parse_listener(text);
    if (!listener) return error("listen", listener.error().detail);
    if (listener->raw) continue;  // a tunnel's, see compile_tunnels
    out->listen.push_back({text, listener->tls, listener->address});
  }
  const auto admin = SocketAddress::parse(relay.admin_listen().empty() ? kDefaultAdminListen
                                                                       : relay.admin_listen());
  if (!admin) return error("admin_listen", admin.error().detail);
  out->admin_listen = *admin;
  return {};
}

// The files are read again by who serves them; here only what cannot work is found early.
Result<void> SettingsCompiler::certificates() const {
  for (int i = 0; i < relay.certificates_size(); ++i) {
    const std::string path = "certificates[" + std::to_string(i) + "]";
    const v1::Certificate& pair = relay.certificates(i);
    const auto cert = read_certificates(in.surroundings, pair.cert());
    if (!cert) return error(path + ".cert", cert.error().detail);
    const auto key = check_private_key(in.surroundings, pair.key());
    if (!key) return error(path + ".key", key.error().detail);
    out->certificates.push_back({pair.cert(), pair.key(), place(path + ".cert")});
  }
  return {};
}

Result<void> SettingsCompiler::tokens() const {
  for (int i = 0; i < relay.auth_tokens_size(); ++i) {
    const std::string path = "auth_tokens[" + std::to_string(i) + "]";
    auto token = in.surroundings.secret(relay.auth_tokens(i).value());
    if (!token) return error(path, token.error().detail);
    if (const auto flaw = token_flaw(token->reveal())) return error(path, *flaw);
    const bool known = std::find(out->auth_tokens.begin(), out->auth_tokens.end(), *token) !=
                       out->auth_tokens.end();
    if (!known) out->auth_tokens.push_back(*std::move(token));
  }
  out->preset_auth = effective_preset_auth(in.resources);
  return {};
}

Result<void> SettingsCompiler::ca_file() const {
  out->ca_file = relay.ca_file().empty() ? kDefaultCaFile : relay.ca_file();
  const auto bundle = read_certificates(in.surroundings, out->ca_file);
  if (!relay.ca_file().empty()) out->ca_place = place("ca_file");
  if (bundle) return {};
  if (!relay.ca_file().empty()) return error("ca_file", bundle.error().detail);
  out->ca_file.clear();  // to read it again would fail a start that needs no upstream with TLS
  in.warnings->push_back(bundle.error().detail +
                         "; no upstream's certificate can be verified: install ca-certificates or "
                         "set SSL_CERT_FILE");
  return {};
}

void SettingsCompiler::generic_allow() const {
  for (const std::string& text : relay.generic_allow()) {
    if (auto network = Network::parse(text)) {
      out->allow_networks.push_back(*network);
    } else if (auto host = HostPattern::parse(text)) {
      out->allow_hosts.push_back(*std::move(host));
    }
  }
  const auto& ports = relay.connect().ports();
  for (const uint32_t port : ports) out->connect_ports.push_back(static_cast<uint16_t>(port));
  if (ports.empty()) out->connect_ports = {kHttpsPort};
  if (const auto listen = SocketAddress::parse(relay.peer().listen())) out->peer_listen = *listen;
  out->peer_advertise = relay.peer().advertise();
  for (const std::string& name : relay.generic_headers_allow()) {
    out->generic_headers.push_back(lower(name));
  }
}

void SettingsCompiler::timers() const {
  const auto or_default = [](bool given, const auto& written, Duration otherwise) {
    return given ? from_proto(written) : otherwise;
  };
  const v1::ClientTimeouts& client = relay.client_timeouts();
  out->timeouts = merged(default_timeouts(), compile_timeouts(relay.timeouts()));
  out->drain_timeout =
      or_default(relay.has_drain_timeout(), relay.drain_timeout(), limits::kDrainTimeout);
  out->request_head =
      or_default(client.has_request_head(), client.request_head(), limits::kRequestHeadTimeout);
  out->request_body =
      or_default(client.has_request_body(), client.request_body(), limits::kRequestBodyTimeout);
  out->keep_alive =
      or_default(client.has_keep_alive(), client.keep_alive(), limits::kKeepAliveTimeout);
  out->handshake =
      or_default(client.has_handshake(), client.handshake(), limits::kClientHandshakeTimeout);
  out->write = or_default(client.has_write(), client.write(), limits::kClientWriteTimeout);
  const v1::Replay& kept = relay.replay();
  out->replay.unread = or_default(kept.has_unread(), kept.unread(), limits::kReplayUnread);
  out->replay.kept = or_default(kept.has_kept(), kept.kept(), limits::kReplayKept);
}

void SettingsCompiler::bounds() const {
  const v1::Limits& given = relay.limits();
  out->connections = given.has_connections() ? given.connections() : limits::kConnections;
  out->connections_per_address = given.has_connections_per_address()
                                     ? given.connections_per_address()
                                     : limits::kConnectionsPerAddress;
  out->head_bytes = given.has_head_bytes() ? given.head_bytes() : limits::kHeadBytes;
  out->head_fields = given.has_head_fields() ? given.head_fields() : limits::kHeadFields;
  out->target_bytes = given.has_target_bytes() ? given.target_bytes() : limits::kTargetBytes;
  out->body_bytes = given.body_bytes();
  out->replay_bytes = given.has_replay_bytes() ? given.replay_bytes() : limits::kReplayBytes;
  const v1::Replay& kept = relay.replay();
  out->replay.on = !kept.off();
  out->replay.stream_bytes =
      kept.has_stream_bytes() ? kept.stream_bytes() : limits::kReplayStreamBytes;
  out->replay.total_bytes = kept.has_total_bytes() ? kept.total_bytes() : limits::kReplayTotalBytes;
  out->replay.streams = kept.has_streams() ? kept.streams() : limits::kReplayStreams;
  const uint32_t cores = std::max(in.surroundings.cores, 1U);
  out->workers = relay.workers() != 0 ? relay.workers() : std::min(cores, limits::kWorkersMost);
  out->handshake_threads = given.handshakes() != 0 ? given.handshakes() : std::max(cores / 2, 1U);
}

void SettingsCompiler::logs_and_cors() const {
  out->access_log = !relay.access_log().off();
  switch (relay.access_log().client_address()) {
    case v1::AccessLog::CLIENT_ADDRESS_TRUNCATED:
      out->client_address = ClientAddressLogging::kTruncated;
      break;
    case v1::AccessLog::CLIENT_ADDRESS_FULL:
      out->client_address = ClientAddressLogging::kFull;
      break;
    default:
      out->client_address = ClientAddressLogging::kNone;
  }
  out->cors.origins.assign(relay.cors().origins().begin(), relay.cors().origins().end());
  for (const std::string& name : relay.cors().headers()) out->cors.headers.push_back(lower(name));
  out->cors.max_age =
      relay.cors().has_max_age() ? from_proto(relay.cors().max_age()) : limits::kCorsMaxAge;
}

}  // namespace

Result<Settings> compile_settings(const Compiling& in) {
  const v1::Relay& relay = in.resources.relay;
  Settings settings;
  const SettingsCompiler compiler{in, relay, &settings};
  CULVERT_CHECK(compiler.listeners());
  CULVERT_CHECK(compiler.certificates());
  CULVERT_CHECK(compiler.tokens());
  CULVERT_CHECK(compiler.ca_file());
  compiler.generic_allow();
  compiler.timers();
  compiler.bounds();
  compiler.logs_and_cors();
  settings.state_dir = relay.state_dir().empty() ? in.surroundings.state_dir : relay.state_dir();
  settings.debug = relay.debug();
  settings.region = relay.region();
  settings.usage_spool = relay.usage().spool();
  settings.spool_bytes =
      relay.usage().has_spool_bytes() ? relay.usage().spool_bytes() : limits::kSpoolBytes;
  settings.aggressive_fallback = !relay.has_aggressive_fallback() || relay.aggressive_fallback();
  settings.verify_keys_per_minute = relay.verify().has_keys_per_minute()
                                        ? relay.verify().keys_per_minute()
                                        : limits::kVerifyKeysPerMinute;
  const v1::Control& control = relay.control();
  settings.control.assign(control.addresses().begin(), control.addresses().end());
  settings.control_max_age =
      control.has_max_age() ? from_proto(control.max_age()) : limits::kControlMaxAge;
  settings.control_first_wait =
      control.has_first_wait() ? from_proto(control.first_wait()) : limits::kControlFirstWait;
  return settings;
}

}  // namespace culvert
