// Refusals are replaced, not merged: each acknowledgement tells all of its type that is refused.
#include "control/fleet/attendance.h"

#include "control/fleet/limits.h"

namespace culvert::control {
namespace {

// As operators write them, in the order of kTypeNames.
constexpr std::array<std::string_view, kTypeCount> kKinds{"Upstream", "KeyPool", "Token",
                                                          "Route",    "Tunnel",  "Peer"};
// Upstreams of the sums: a relay that invents names must not grow them without end.
constexpr size_t kUpstreamsMost = 2 * limits::kUpstreams;

template <class Errors>
std::map<std::string, std::string> words_of(const Errors& errors) {
  std::map<std::string, std::string> words;
  for (const v1::ItemError& error : errors) words[error.name()] = error.message();
  return words;
}

ContentHash set_hash(const v1::Inventory& inventory) {
  std::map<std::string, ContentHash> items;
  for (const v1::ItemHash& item : inventory.items()) {
    items[item.name()] = from_bytes(item.hash()).value_or(ContentHash{});
  }
  SetHash hash;
  for (const auto& [name, item] : items) hash.add(name, item);
  return hash.finish();
}

}  // namespace

void Attendance::arrived(const Speaker& speaker, const v1::Hello& hello) {
  const std::lock_guard lock(mutex_);
  Presence& presence = present_[speaker.relay];
  if (presence.stream > speaker.stream) return;
  presence.stream = speaker.stream;
  presence.connected = presence.heard = true;
  presence.state = hello.state();
  presence.revision = 0;
  presence.understood.fill(false);
  for (const std::string& name : hello.types()) {
    if (const auto type = type_index(name)) presence.understood[*type] = true;
  }
  take_inventory(hello, &presence);
}

void Attendance::take_inventory(const v1::Hello& hello, Presence* presence) {
  presence->applied.fill(SetHash().finish());
  for (auto& refused : presence->refused) refused.clear();
  for (const v1::Inventory& inventory : hello.have()) {
    const auto type = type_index(inventory.type());
    if (!type) continue;
    const auto applied = from_bytes(inventory.applied_hash());
    presence->applied[*type] = applied ? *applied : set_hash(inventory);
    presence->refused[*type] = words_of(inventory.errors());
  }
}

void Attendance::left(const Speaker& speaker) {
  const std::lock_guard lock(mutex_);
  if (Presence* presence = speaking(speaker)) presence->connected = false;
}

void Attendance::in_state(const Speaker& speaker, const v1::RelayState& state) {
  const std::lock_guard lock(mutex_);
  if (Presence* presence = speaking(speaker)) presence->state = state;
}

void Attendance::acknowledged(const Speaker& speaker, const v1::TypeAck& ack) {
  const std::lock_guard lock(mutex_);
  Presence* presence = speaking(speaker);
  const auto type = type_index(ack.type());
  if (presence == nullptr || !type) return;
  if (const auto applied = from_bytes(ack.applied_hash())) presence->applied[*type] = *applied;
  presence->refused[*type] = words_of(ack.errors());
}

void Attendance::settled(const Speaker& speaker, uint64_t revision) {
  const std::lock_guard lock(mutex_);
  if (Presence* presence = speaking(speaker)) presence->revision = revision;
}

void Attendance::reported(const std::string& relay, const v1::MetricsReport& report) {
  const std::lock_guard lock(mutex_);
  Presence& presence = present_[relay];
  v1::MetricsReport counted = report;  // of several that are kept, one holds the rest
  presence.health.Clear();
  presence.health.mutable_targets()->Swap(counted.mutable_targets());
  presence.health.mutable_pools()->Swap(counted.mutable_pools());
  presence.health.mutable_peers()->Swap(counted.mutable_peers());
  if (report.has_listener_certificate_until()) {
    *presence.health.mutable_listener_certificate_until() = report.listener_certificate_until();
  }
  const Meter::Added added = presence.meter.add(counted);
  all_.add(added.all);
  for (const auto& [name, totals] : added.upstreams) {
    const bool room = upstreams_.size() < kUpstreamsMost || upstreams_.count(name) > 0;
    upstreams_[room ? name : "other"].add(totals);
  }
}

void Attendance::forget(const std::string& relay) {
  const std::lock_guard lock(mutex_);
  present_.erase(relay);
}

void Attendance::describe(const std::string& relay, v1::RelayStatus* status) const {
  const std::lock_guard lock(mutex_);
  const auto found = present_.find(relay);
  if (found == present_.end()) return;
  const Presence& presence = found->second;
  status->set_connected(presence.connected);
  if (const auto rates = presence.meter.rates()) *status->mutable_rates() = *rates;
  if (!presence.heard) return;
  *status->mutable_state() = presence.state;
  status->set_running_hash(to_bytes(whole_hash(presence.applied)));
  status->set_running_revision(presence.revision);
  for (size_t type = 0; type < kTypeCount; ++type) {
    for (const auto& [name, message] : presence.refused[type]) {
      v1::Refusal* refusal = status->add_refusals();
      refusal->set_kind(std::string(kKinds[type]));
      refusal->set_name(name);
      refusal->set_message(message);
    }
  }
}

void Attendance::describe_health(const std::string& relay, v1::RelayStatus* status) const {
  const std::lock_guard lock(mutex_);
  const auto found = present_.find(relay);
  if (found == present_.end()) return;
  const v1::MetricsReport& health = found->second.health;
  *status->mutable_targets() = health.targets();
  *status->mutable_pools() = health.pools();
  *status->mutable_peers() = health.peers();
  if (!health.has_listener_certificate_until()) return;
  *status->mutable_listener_certificate_until() = health.listener_certificate_until();
}

bool Attendance::understands(const std::string& relay, size_t type) const {
  const std::lock_guard lock(mutex_);
  const auto found = present_.find(relay);
  return found == present_.end() || !found->second.heard || found->second.understood[type];
}

std::vector<std::pair<std::string, v1::KeyCondition>> Attendance::key_conditions() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<std::string, v1::KeyCondition>> conditions;
  for (const auto& [relay, presence] : present_) {
    const v1::MetricsReport* last = presence.meter.last();
    // What an absent relay said last is no news of a key.
    if (last == nullptr || !presence.connected) continue;
    for (const v1::KeyCondition& key : last->keys()) conditions.emplace_back(relay, key);
  }
  return conditions;
}

FleetTotals Attendance::totals() const {
  const std::lock_guard lock(mutex_);
  FleetTotals totals{.relays = {}, .all = all_, .upstreams = upstreams_};
  for (const auto& [relay, presence] : present_) {
    if (presence.meter.last() != nullptr) totals.relays[relay] = presence.meter.totals();
  }
  return totals;
}

Attendance::Presence* Attendance::speaking(const Speaker& speaker) {
  const auto found = present_.find(speaker.relay);
  if (found == present_.end() || found->second.stream != speaker.stream) return nullptr;
  return &found->second;
}

}  // namespace culvert::control
