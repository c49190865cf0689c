// What a relay is told to do, compiled: checked, with defaults filled in and secrets read.
// Immutable; shared by all workers as shared_ptr<const Snapshot> and swapped whole. A request keeps
// the snapshot that it began with.
#pragma once

#include "relay/base/address.h"
#include "relay/base/clock.h"
#include "relay/base/dialect.h"
#include "relay/base/resume_settings.h"
#include "relay/base/secret.h"
#include "relay/base/url.h"
#include "relay/crypto/digest.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace culvert {

// Where a setting was written: FILE:LINE or a variable; empty where it is a default. For errors
// alone: the same setting written elsewhere is the same.
struct ConfigPlace {
  std::string text;
  friend bool operator==(const ConfigPlace&, const ConfigPlace&) { return true; }
};

enum class KeyPolicy : uint8_t { kRoundRobin, kRandom, kLeastUsed, kSticky };
enum class ClientAddressLogging : uint8_t { kNone, kTruncated, kFull };

struct Timeouts {
  Duration resolve{};
  Duration connect{};
  Duration tls{};
  Duration first_byte{};
  Duration idle{};
  Duration total{};      // zero: none
  Duration heartbeat{};  // zero: none
  friend bool operator==(const Timeouts&, const Timeouts&) = default;
};

struct HeaderRules {
  std::vector<std::string> allow;                        // lower case
  std::vector<std::pair<std::string, std::string>> set;  // in the order of the names
  friend bool operator==(const HeaderRules&, const HeaderRules&) = default;
};

// A way to an upstream (v1::Upstream.strategies).
class Strategy {
 public:
  static const Strategy kSocket;
  static const Strategy kFetch;
  static Strategy via(std::string_view region) { return Strategy("via:" + std::string(region)); }

  bool is_via() const { return text_.starts_with("via:"); }
  std::string_view region() const { return std::string_view(text_).substr(4); }  // of a via
  const std::string& text() const { return text_; }  // as configured
  friend bool operator==(const Strategy&, const Strategy&) = default;

 private:
  explicit Strategy(std::string text) : text_(std::move(text)) {}
  std::string text_;
};
inline const Strategy Strategy::kSocket{"socket"};
inline const Strategy Strategy::kFetch{"fetch"};

// From where a key leaves.
struct Exit {
  std::optional<Address> address;  // of this machine
  std::string via;  // instead: a region, whose relays connect; empty: no matter
  friend bool operator==(const Exit&, const Exit&) = default;
};

// Further tries (v1::Retry, where the defaults stand).
struct RetrySettings {
  uint32_t attempts = 0;           // in all; at least 1
  std::vector<uint16_t> statuses;  // ascending
  Duration backoff{};
  Duration backoff_most{};
  Duration within{};
  uint32_t budget_percent = 0;
  uint32_t budget_least = 0;
  friend bool operator==(const RetrySettings&, const RetrySettings&) = default;
};

// What is absent stays as the upstream has it.
struct RetryOverrides {
  std::optional<uint32_t> attempts;
  std::optional<std::vector<uint16_t>> statuses;
  std::optional<Duration> backoff, backoff_most, within;
  friend bool operator==(const RetryOverrides&, const RetryOverrides&) = default;
};
RetrySettings merged(const RetrySettings& base, const RetryOverrides& overrides);

struct BreakerSettings {
  bool on = true;
  uint32_t consecutive_failures = 0;  // 0: not by these
  uint32_t error_percent = 0;         // 0: not by these
  uint32_t requests_least = 0;
  Duration window{};
  Duration open{};
  uint32_t ejected_percent_most = 0;
  friend bool operator==(const BreakerSettings&, const BreakerSettings&) = default;
};

struct HealthCheckSettings {
  bool on = true;
  Duration interval{};
  Duration timeout{};
  std::string path;                // empty: the dialect's, or only a connection
  std::vector<uint16_t> statuses;  // empty: 200 to 299
  bool keys = true;
  friend bool operator==(const HealthCheckSettings&, const HealthCheckSettings&) = default;
};

struct ConcurrencySettings {
  uint32_t most = 0;
  uint32_t least = 0;
  bool fixed = false;
  uint32_t queue = 0;
  Duration queue_age{};
  friend bool operator==(const ConcurrencySettings&, const ConcurrencySettings&) = default;
};

struct Target {
  Url url;
  uint32_t weight = 1;
  friend bool operator==(const Target&, const Target&) = default;
};

struct Upstream {
  std::string name;
  // By a document, a variable, a key pool or a route. A preset that nobody names is there for
  // whoever asks for it, and neither checked nor told about.
  bool named = false;
  Dialect dialect = Dialect::kOpaque;
  std::vector<Target> targets;  // not empty; at least one weight above 0
  std::string key_header;       // spelled as it is sent
  std::string key_scheme;       // "Bearer", or empty
  std::string ca_pem;           // extra CA certificates; empty: none
  ConfigPlace ca_place;
  std::string server_name;  // empty: the target's host
  bool tls13_only = false;
  bool far_tls = false;  // of a via: the other relay speaks TLS with it
  Timeouts timeouts;
  HeaderRules headers;
  std::string user_agent;  // empty: the client's own is sent
  bool isolate_tenants = false;
  std::vector<Strategy> strategies;  // in the order of trying; not empty
  Secret egress_proxy;               // URL of the fetch strategy's proxy; empty: none
  RetrySettings retry;
  BreakerSettings breaker;
  HealthCheckSettings health_check;
  ConcurrencySettings concurrency;
  ResumeSettings resume;
  friend bool operator==(const Upstream&, const Upstream&) = default;
};

// Of one key at one relay; 0: no limit.
struct KeyLimits {
  uint32_t requests_per_minute = 0;
  uint64_t tokens_per_minute = 0;
  uint32_t requests_per_day = 0;
  uint64_t tokens_per_day = 0;
  friend bool operator==(const KeyLimits&, const KeyLimits&) = default;
};

struct KeyPool {
  std::string name;
  std::string upstream;
  std::vector<Secret> keys;  // no key twice; empty: all are disabled or withheld
  KeyPolicy policy = KeyPolicy::kRoundRobin;
  Duration rest{};
  Duration isolation{};
  KeyLimits limits;
  std::vector<Exit> exits;  // of each key; empty: no matter
  bool probe = true;
  friend bool operator==(const KeyPool&, const KeyPool&) = default;
};

struct Destination {
  std::string upstream;
  uint32_t weight = 1;
  std::string key_pool;  // empty: the upstream's own
  std::string model;     // empty: as the client named it
  friend bool operator==(const Destination&, const Destination&) = default;
};

// Overrides of an upstream's timers: what is absent stays.
struct TimeoutOverrides {
  std::optional<Duration> resolve, connect, tls, first_byte, idle, total, heartbeat;
  friend bool operator==(const TimeoutOverrides&, const TimeoutOverrides&) = default;
};
Timeouts merged(const Timeouts& base, const TimeoutOverrides& overrides);

enum class Priority : uint8_t { kHigh, kNormal, kLow };

struct Route {
  std::string name;
  std::string path_prefix;  // "" or "/a/b"
  std::vector<HostPattern> hosts;
  std::vector<std::string> models;                           // "*" stands for any text
  std::vector<std::pair<std::string, std::string>> headers;  // lower-case name → value or "*"
  std::vector<Destination> to;
  std::vector<Destination> fallback;  // in the order of trying
  bool sticky_tenant = false;
  std::string sticky_header;  // lower case; empty: not by a header
  RetryOverrides retry;
  ResumeOverrides resume;
  Priority priority = Priority::kNormal;
  HeaderRules header_rules;
  TimeoutOverrides timeouts;
  std::optional<std::string> rewrite_prefix;
  bool auth = false;
  bool replay = false;  // its streams are kept unasked
  friend bool operator==(const Route&, const Route&) = default;
};

struct CertificateFiles {
  std::string cert;
  std::string key;
  ConfigPlace place;
  friend bool operator==(const CertificateFiles&, const CertificateFiles&) = default;
};

enum class ProxyHeaderSent : uint8_t { kNone, kOne, kTwo };

// Connections that are carried byte for byte to one destination (v1::Tunnel).
struct Tunnel {
  std::string name;
  std::string listener;            // as configured; empty: all that choose by name
  std::vector<std::string> names;  // lower case, `*.` in front of patterns, "*"; empty: a tcp one
  std::string host;
  uint16_t port = 0;
  bool tls = false;    // towards the destination
  std::string ca_pem;  // extra CA certificates; empty: none
  ConfigPlace ca_place;
  std::string server_name;
  bool tls13_only = false;
  std::optional<CertificateFiles> certificate;  // shown to the destination
  bool ends_tls = false;                        // the client's TLS ends here
  std::vector<CertificateFiles> client_certificates;  // not empty where it does
  std::string client_ca_pem;  // whose certificates clients have to show; empty: none
  ConfigPlace client_ca_place;
  ProxyHeaderSent proxy_header = ProxyHeaderSent::kNone;
  std::string via;  // a region, whose relays connect; empty: this relay does
  Duration resolve_timeout{};
  Duration connect_timeout{};
  Duration tls_timeout{};
  Duration idle{};
  Duration total{};        // zero: none
  size_t connections = 0;  // 0: as many as the relay takes
  std::string tenant;
  friend bool operator==(const Tunnel&, const Tunnel&) = default;
};

// Where connections of tunnels come in.
struct TunnelListener {
  std::string text;    // as configured
  std::string tunnel;  // of a tcp:// one; empty: the ClientHello's name chooses
  SocketAddress address;
  std::vector<Network> proxies;  // that begin with a PROXY header; empty: none does
  friend bool operator==(const TunnelListener&, const TunnelListener&) = default;
};

// Another relay of the fleet, or this one (v1::RelayPeer).
struct Peer {
  std::string name;
  std::string region;
  std::string host;  // empty: no relay goes through it
  uint16_t port = 0;
  bool draining = false;
  friend bool operator==(const Peer&, const Peer&) = default;
};

// A client's token that the control service made: only its digest is known here.
struct IssuedToken {
  std::string id;
  std::string tenant;
  Digest sha256{};
  std::optional<WallTime> expires;  // absent: never
  friend bool operator==(const IssuedToken&, const IssuedToken&) = default;
};

struct ListenerSettings {
  std::string text;  // as configured, for logs
  bool tls = false;  // ends here
  SocketAddress address;
  friend bool operator==(const ListenerSettings&, const ListenerSettings&) = default;
};

struct CorsSettings {
  std::vector<std::string> origins;  // "*" or scheme://host[:port]; empty: off
  std::vector<std::string> headers;
  Duration max_age{};
  friend bool operator==(const CorsSettings&, const CorsSettings&) = default;
};

// Streams that are kept for clients that lost their connection (v1::Replay).
struct ReplaySettings {
  bool on = true;
  size_t stream_bytes = 0;
  size_t total_bytes = 0;
  uint32_t streams = 0;
  Duration unread{};
  Duration kept{};
  friend bool operator==(const ReplaySettings&, const ReplaySettings&) = default;
};

struct Settings {
  std::vector<ListenerSettings> listen;
  SocketAddress admin_listen;
  uint32_t workers = 1;
  uint32_t handshake_threads = 1;
  std::vector<CertificateFiles> certificates;
  std::vector<Secret> auth_tokens;
  bool preset_auth = false;
  std::vector<Network> allow_networks;
  std::vector<HostPattern> allow_hosts;
  std::vector<uint16_t> connect_ports;       // that CONNECT may reach; not empty
  std::optional<SocketAddress> peer_listen;  // for other relays
  std::string peer_advertise;                // HOST:PORT they are told; empty: where it listens
  std::vector<std::string> generic_headers;  // lower case; pass beside the usual ones
  std::string ca_file;                       // the bundle for upstreams; empty: there is none
  ConfigPlace ca_place;
  Duration drain_timeout{};
  Duration request_head{};
  Duration request_body{};
  Duration keep_alive{};
  Duration handshake{};
  Duration write{};
  std::string state_dir;
  size_t connections = 0;
  size_t connections_per_address = 0;
  size_t head_bytes = 0;
  size_t head_fields = 0;
  size_t target_bytes = 0;
  uint64_t body_bytes = 0;  // 0: no limit
  size_t replay_bytes = 0;
  CorsSettings cors;
  bool access_log = true;
  ClientAddressLogging client_address = ClientAddressLogging::kNone;
  bool debug = false;
  std::string region;
  bool usage_spool = false;  // also without a control service
  uint64_t spool_bytes = 0;
  std::vector<std::string> control;  // HOST:PORT of the control service; empty: as joined
  Duration control_max_age{};
  Duration control_first_wait{};
  Timeouts timeouts;  // of hosts that no Upstream names (generic proxy)
  bool aggressive_fallback = true;
  ReplaySettings replay;
  uint32_t verify_keys_per_minute = 0;  // of a stranger's address; 0: none without a token
  friend bool operator==(const Settings&, const Settings&) = default;
};

struct Snapshot {
  Settings settings;
  std::map<std::string, Upstream, std::less<>> upstreams;  // by alias, presets included
  std::vector<KeyPool> pools;  // of an upstream's several the one with its name is its own
  std::vector<Route> routes;                               // most specific first
  std::map<std::string, Tunnel, std::less<>> tunnels;
  // Those that tunnels name, and the relay's own tls:// ones, which have no entry in
  // Settings::listen.
  std::vector<TunnelListener> tunnel_listeners;
  std::vector<IssuedToken> tokens;                         // in the order of their ids
  std::vector<Peer> peers;                                 // in the order of their names

  const Upstream* upstream(std::string_view alias) const {
    const auto found = upstreams.find(alias);
    return found == upstreams.end() ? nullptr : &found->second;
  }
  // By upstream, the pool that pays where nothing names another one: of several the one with the
  // upstream's name, else the only one.
  std::map<std::string_view, const KeyPool*> own_pools() const;
  friend bool operator==(const Snapshot&, const Snapshot&) = default;
};

}  // namespace culvert
