// Puts the parts together: presets under upstreams, and routes in the order in which they are
// tried.
#include "relay/config/compile.h"

#include "proto/config_error.h"
#include "proto/presets.h"
#include "proto/scalars.h"
#include "relay/base/limits.h"
#include "relay/base/secret.h"
#include "relay/base/text.h"
#include "relay/config/compile_parts.h"

#include <algorithm>
#include <tuple>

namespace culvert {
namespace {

// What is left out of an upstream with a preset's name is the preset's.
v1::Upstream with_preset(const std::string& name, const v1::Upstream& written) {
  const Preset* preset = find_preset(name);
  if (preset == nullptr) return written;
  v1::Upstream out = written;
  const v1::Upstream base = to_upstream(*preset);
  if (!out.has_dialect()) out.set_dialect(base.dialect());
  if (out.targets_size() == 0) *out.mutable_targets() = base.targets();
  return out;
}

Result<void> add_upstreams(const Compiling& in, Snapshot* snapshot) {
  const Timeouts& defaults = snapshot->settings.timeouts;
  for (const auto& [name, written] : in.resources.upstreams) {
    if (!in.is_for_us(written.relays())) continue;
    auto made = CULVERT_TRY(compile_upstream(in, name, with_preset(name, written), defaults));
    made.named = true;
    snapshot->upstreams.emplace(name, std::move(made));
  }
  for (const Preset& preset : presets()) {
    const std::string name(preset.alias);
    if (snapshot->upstreams.count(name) != 0) continue;
    auto made = CULVERT_TRY(compile_upstream(in, name, to_upstream(preset), defaults));
    snapshot->upstreams.emplace(name, std::move(made));
  }
  return {};
}

Result<void> add_pools(const Compiling& in, Snapshot* snapshot) {
  for (const auto& [name, written] : in.resources.key_pools) {
    const bool upstream_here = snapshot->upstream(written.upstream()) != nullptr;
    if (!in.is_for_us(written.relays()) || !upstream_here) continue;
    snapshot->pools.push_back(CULVERT_TRY(compile_key_pool(in, name, written)));
  }
  const auto own = snapshot->own_pools();
  for (const KeyPool& pool : snapshot->pools) {
    if (own.count(pool.upstream) != 0) continue;
    return in.error("KeyPool", pool.name, "upstream",
                    "of the key pools of " + in_quotes(pool.upstream) +
                        " that are for this relay, none has its name; needed is one, because it is "
                        "the one that pays where a route names none");
  }
  return {};
}

// More conditions first, then the longer prefix, then the name.
auto rank(const Route& route) {
  const size_t conditions = (route.path_prefix.empty() ? 0U : 1U) +
                            (route.hosts.empty() ? 0U : 1U) + (route.models.empty() ? 0U : 1U) +
                            route.headers.size();
  return std::tuple(~conditions, ~route.path_prefix.size(), std::string_view(route.name));
}

void warn_of_idle_keys(const Compiling& in, const Snapshot& snapshot) {
  const bool token = in.resources.attached || !snapshot.settings.auth_tokens.empty();
  if (snapshot.pools.empty() || token) return;
  in.warnings->push_back(
      "keys are configured but no token: nobody can use them, because only a request with a relay "
      "token is paid with the relay's keys; AUTH_TOKEN sets one");
}

void warn_of_idle_listener(const Compiling& in) {
  if (!in.resources.relay.has_peer() || in.resources.attached) return;
  in.warnings->push_back(
      "peer.listen is for the other relays of a control service, and this relay has joined none: "
      "nothing listens there");
}

void note_named(Snapshot* snapshot) {
  const auto note = [&](const std::string& name) {
    if (const auto found = snapshot->upstreams.find(name); found != snapshot->upstreams.end()) {
      found->second.named = true;
    }
  };
  for (const KeyPool& pool : snapshot->pools) note(pool.upstream);
  for (const Route& route : snapshot->routes) {
    for (const Destination& one : route.to) note(one.upstream);
    for (const Destination& one : route.fallback) note(one.upstream);
  }
}

}  // namespace

bool Compiling::is_for_us(const v1::Selector& relays) const {
  const v1::Relay& us = resources.relay;
  const auto& regions = relays.regions();
  if (!regions.empty() && std::find(regions.begin(), regions.end(), us.region()) == regions.end()) {
    return false;
  }
  return std::all_of(relays.labels().begin(), relays.labels().end(), [&](const auto& label) {
    const auto ours = us.labels().find(label.first);
    return ours != us.labels().end() && ours->second == label.second;
  });
}

Result<std::string> Compiling::via(std::string_view kind,
                                   std::string_view name,
                                   std::string_view path,
                                   std::string_view region) const {
  if (region == resources.relay.region()) return std::string();
  if (resources.attached) return std::string(region);
  return error(kind, name, path,
               "the region " + in_quotes(region) +
                   " is reached through other relays, which only a relay that has joined a control "
                   "service knows; `culvert-relay join` joins one");
}

Error Compiling::error(std::string_view kind,
                       std::string_view name,
                       std::string_view path,
                       std::string_view message) const {
  return config_error(resources.places.find(kind, name, path), message);
}

Result<std::shared_ptr<const Snapshot>> compile(const Resources& resources,
                                                const Surroundings& surroundings,
                                                std::vector<std::string>* warnings) {
  const Compiling in{resources, surroundings, warnings};
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->settings = CULVERT_TRY(compile_settings(in));
  CULVERT_CHECK(add_upstreams(in, snapshot.get()));
  CULVERT_CHECK(add_pools(in, snapshot.get()));
  for (const auto& [name, written] : resources.routes) {
    if (!in.is_for_us(written.relays())) continue;
    snapshot->routes.push_back(CULVERT_TRY(compile_route(in, name, written, *snapshot)));
  }
  CULVERT_CHECK(compile_tunnels(in, snapshot.get()));
  note_named(snapshot.get());
  snapshot->tokens = compile_tokens(resources);
  snapshot->peers = CULVERT_TRY(compile_peers(in));
  std::sort(snapshot->routes.begin(), snapshot->routes.end(),
            [](const Route& a, const Route& b) { return rank(a) < rank(b); });
  warn_of_idle_keys(in, *snapshot);
  warn_of_idle_listener(in);
  return std::shared_ptr<const Snapshot>(std::move(snapshot));
}

Timeouts default_timeouts() {
  return {limits::kResolveTimeout,   limits::kConnectTimeout, limits::kTlsTimeout,
          limits::kFirstByteTimeout, limits::kIdleTimeout,    Duration::zero(),
          Duration::zero()};
}

TimeoutOverrides compile_timeouts(const v1::Timeouts& written) {
  TimeoutOverrides out;
  if (written.has_resolve()) out.resolve = from_proto(written.resolve());
  if (written.has_connect()) out.connect = from_proto(written.connect());
  if (written.has_tls()) out.tls = from_proto(written.tls());
  if (written.has_first_byte()) out.first_byte = from_proto(written.first_byte());
  if (written.has_idle()) out.idle = from_proto(written.idle());
  if (written.has_total()) out.total = from_proto(written.total());
  if (written.has_heartbeat()) out.heartbeat = from_proto(written.heartbeat());
  return out;
}

HeaderRules compile_headers(const v1::HeaderRules& written) {
  HeaderRules out;
  for (const std::string& name : written.allow()) out.allow.push_back(lower(name));
  std::sort(out.allow.begin(), out.allow.end());
  out.allow.erase(std::unique(out.allow.begin(), out.allow.end()), out.allow.end());
  out.set.assign(written.set().begin(), written.set().end());
  std::sort(out.set.begin(), out.set.end(),
            [](const auto& a, const auto& b) { return LessIgnoringCase()(a.first, b.first); });
  return out;
}

Result<std::string> read_certificates(const Surroundings& surroundings, const std::string& path) {
  auto text = CULVERT_TRY(surroundings.file(path));
  if (text.find("-----BEGIN CERTIFICATE-----") != std::string::npos) return text;
  return Error::ours(Code::kInvalidConfig, Stage::kNone,
                     "the file " + path + " holds no certificate; allowed is PEM");
}

Result<void> check_private_key(const Surroundings& surroundings, const std::string& path) {
  auto text = CULVERT_TRY(surroundings.file(path));
  const bool sound = text.find("PRIVATE KEY-----") != std::string::npos;
  wipe(text.data(), text.size());
  if (sound) return {};
  return Error::ours(Code::kInvalidConfig, Stage::kNone,
                     "the file " + path + " holds no private key; allowed is PEM");
}

}  // namespace culvert
