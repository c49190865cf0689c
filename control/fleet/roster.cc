// Memory follows the store and never runs ahead of it: a change shows when it is committed. An
// older reading that comes late loses against what is known by its revision.
#include "control/fleet/roster.h"

#include "control/fleet/limits.h"

#include <algorithm>

namespace culvert::control {
namespace {

constexpr std::string_view kPrefix = "fleet/relay/";
constexpr int kTries = 16;  // two writers of one relay meet rarely, and one of them always wins

Error not_found(const std::string& name) {
  return Error::client(Code::kNotFound, Stage::kNone, "there is no relay " + name);
}

Error contended() {
  return Error::ours(Code::kSystem, Stage::kNone, "the store did not take the change; try again");
}

Result<v1::StoredRelay> parsed(const Entry& entry) {
  v1::StoredRelay relay;
  if (relay.ParseFromString(entry.value)) return relay;
  return Error::ours(Code::kInternal, Stage::kNone, "the store's " + entry.key + " is broken");
}

// What other relays know of it.
bool same_peer(const v1::StoredRelay& a, const v1::StoredRelay& b) {
  return a.drain() == b.drain() && a.region() == b.region() && a.peer_address() == b.peer_address();
}

// All but the signs of life.
bool same_wishes(const v1::StoredRelay& a, const v1::StoredRelay& b) {
  const auto serials = [](const v1::StoredRelay& relay) {
    std::string all;
    for (const auto& certificate : relay.certificates()) all += certificate.serial() + " ";
    return all;
  };
  return same_peer(a, b) && serials(a) == serials(b) &&
         std::map<std::string, std::string>(a.labels().begin(), a.labels().end()) ==
             std::map<std::string, std::string>(b.labels().begin(), b.labels().end());
}

}  // namespace

std::string Roster::key(const std::string& name) { return std::string(kPrefix) + name; }

Result<bool> Roster::refresh() {
  const uint64_t before = CULVERT_TRY(store_.revision());
  auto read_now = CULVERT_TRY(read());
  const std::lock_guard lock(mutex_);
  bool changed = false;
  for (auto at = known_.begin(); at != known_.end();) {
    // What was written here after the reading began is not missing from it.
    const bool gone = read_now.count(at->first) == 0 && at->second.revision <= before;
    const std::string name = (at++)->first;
    changed |= gone && drop(name);
  }
  for (auto& [name, fresh] : read_now) {
    const auto found = known_.find(name);
    if (outdated(name, fresh.revision)) continue;
    changed |= found == known_.end() || !same_wishes(*found->second.relay, *fresh.relay);
    keep(name, std::move(fresh));
  }
  return changed;
}

Result<std::map<std::string, Roster::Known>> Roster::read() const {
  std::map<std::string, Known> all;
  // Enrolment keeps the number below the bound; a second page means somebody else wrote.
  const auto entries =
      CULVERT_TRY(store_.list(std::string(kPrefix), limits::kRelays + 1, std::string()));
  for (const Entry& entry : entries) {
    auto relay = CULVERT_TRY(parsed(entry));
    all[entry.key.substr(kPrefix.size())] = {
        std::make_shared<const v1::StoredRelay>(std::move(relay)), entry.revision};
  }
  return all;
}

uint64_t Roster::peers_version() const {
  const std::lock_guard lock(mutex_);
  return peers_version_;
}

Roster::Relay Roster::find(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(name);
  return found == known_.end() ? nullptr : found->second.relay;
}

Roster::Relays Roster::all() const {
  const std::lock_guard lock(mutex_);
  Relays relays;
  for (const auto& [name, known] : known_) relays[name] = known.relay;
  return relays;
}

bool Roster::accepts(const std::string& name, const std::string& serial) const {
  const Relay relay = find(name);
  if (relay == nullptr) return false;
  const auto& good = relay->certificates();
  return std::any_of(good.begin(), good.end(),
                     [&](const auto& certificate) { return certificate.serial() == serial; });
}

Result<Roster::Relay> Roster::change(const std::string& name,
                                     const std::function<void(v1::StoredRelay*)>& change) {
  for (int i = 0; i < kTries; ++i) {
    const auto found = CULVERT_TRY(entry(name));
    if (!found) return not_found(name);
    auto relay = CULVERT_TRY(parsed(*found));
    change(&relay);
    const Commit commit = CULVERT_TRY(
        store_.commit({{found->key, found->revision}}, {{found->key, relay.SerializeAsString()}}));
    if (!commit.done) continue;
    written(name, relay, commit.revision);
    return std::make_shared<const v1::StoredRelay>(std::move(relay));
  }
  return contended();
}

Result<void> Roster::remove(const std::string& name) {
  for (int i = 0; i < kTries; ++i) {
    const auto found = CULVERT_TRY(entry(name));
    if (!found) return not_found(name);
    const Commit commit =
        CULVERT_TRY(store_.commit({{found->key, found->revision}}, {{found->key, std::nullopt}}));
    if (!commit.done) continue;
    const std::lock_guard lock(mutex_);
    drop(name);
    removed_[name] = commit.revision;
    return {};
  }
  return contended();
}

Result<std::optional<Entry>> Roster::entry(const std::string& name) const {
  return store_.get(key(name));
}

void Roster::written(const std::string& name, const v1::StoredRelay& relay, uint64_t revision) {
  const std::lock_guard lock(mutex_);
  if (outdated(name, revision)) return;
  keep(name, {std::make_shared<const v1::StoredRelay>(relay), revision});
}

void Roster::keep(const std::string& name, Known fresh) {
  Known& known = known_[name];
  if (known.relay == nullptr || !same_peer(*known.relay, *fresh.relay)) ++peers_version_;
  known = std::move(fresh);
}

bool Roster::drop(const std::string& name) {
  const bool dropped = known_.erase(name) > 0;
  if (dropped) ++peers_version_;
  return dropped;
}

bool Roster::outdated(const std::string& name, uint64_t revision) const {
  const auto found = known_.find(name);
  if (found != known_.end()) return found->second.revision >= revision;
  const auto removed = removed_.find(name);
  return removed != removed_.end() && removed->second > revision;
}

}  // namespace culvert::control
