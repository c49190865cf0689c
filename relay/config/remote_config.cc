// Bookkeeping of items; how a change becomes what runs is remote_settling's.
#include "relay/config/remote_config.h"

#include "relay/base/limits.h"
#include "relay/config/remote_settling.h"
#include "relay/crypto/digest.h"

#include <algorithm>

namespace culvert {
namespace {

constexpr size_t kHashBytes = 16;
constexpr size_t kMessageBytes = 1024;
constexpr int64_t kLatest = 9'000'000'000;  // Unix seconds; what a WallTime can hold

std::string half_digest(std::string_view bytes) {
  const Digest digest = sha256(bytes);
  return {digest.begin(), digest.begin() + kHashBytes};
}

}  // namespace

std::optional<size_t> remote_type(std::string_view type) {
  const auto found = std::find(kRemoteTypes.begin(), kRemoteTypes.end(), type);
  if (found == kRemoteTypes.end()) return std::nullopt;
  return static_cast<size_t>(found - kRemoteTypes.begin());
}

std::string item_hash(std::string_view spec) { return half_digest(spec); }

std::vector<v1::TypeAck> RemoteConfig::apply(const v1::TypeUpdate& change,
                                             const Resources& local,
                                             const Check& check) {
  const size_t type = *remote_type(change.type());
  std::array<std::string, kRemoteTypes.size()> before;
  for (size_t i = 0; i < before.size(); ++i) before[i] = answer(i).SerializeAsString();
  Type& changed = types_[type];
  for (const v1::Item& item : change.upserts()) changed.items[item.name()].wanted = item.spec();
  for (const std::string& name : change.removes()) {
    const auto found = changed.items.find(name);
    if (found != changed.items.end()) found->second.wanted.reset();
  }
  changed.version = change.version();
  if (change.has_revision()) revision_ = change.revision();
  settle(local, check);
  std::vector<v1::TypeAck> acks{answer(type)};
  acks.front().set_nonce(change.nonce());
  for (size_t i = 0; i < before.size(); ++i) {
    v1::TypeAck other = answer(i);
    if (i != type && other.SerializeAsString() != before[i]) acks.push_back(std::move(other));
  }
  return acks;
}

std::vector<v1::TypeAck> RemoteConfig::settle_again(const Resources& local, const Check& check) {
  std::array<Items, kRemoteTypes.size()> before;
  for (size_t type = 0; type < types_.size(); ++type) {
    before[type] = types_[type].items;
    for (auto& [name, item] : types_[type].items) item.running.reset();
  }
  settle(local, check);
  // What is refused in its new form may still be good in the one that ran.
  std::vector<Step> older;
  for (size_t type = 0; type < types_.size(); ++type) {
    for (const auto& [name, item] : before[type]) {
      const auto now = types_[type].items.find(name);
      const bool runs = now != types_[type].items.end() && now->second.running.has_value();
      if (!runs && item.running && item.running != item.wanted) {
        older.push_back({type, name, item.running});
      }
    }
  }
  RemoteSettling settling(merged(local, false), local, check);
  for (const Step& step : older) settling.add({step.type, step.name, step.form});
  settling.run();
  for (const RemoteStep& step : settling.taken()) {
    types_[step.type].items[step.name].running = step.form;
  }
  return answers();
}

std::vector<v1::TypeAck> RemoteConfig::answers() const {
  std::vector<v1::TypeAck> acks;
  for (size_t type = 0; type < types_.size(); ++type) {
    if (types_[type].version != 0) acks.push_back(answer(type));
  }
  return acks;
}

void RemoteConfig::settle(const Resources& local, const Check& check) {
  RemoteSettling settling(merged(local, false), local, check);
  for (Step& step : steps()) {
    types_[step.type].items[step.name].refusal.clear();
    settling.add({step.type, std::move(step.name), std::move(step.form)});
  }
  settling.run();
  for (const RemoteStep& step : settling.taken()) take({step.type, step.name, step.form});
  for (const RemoteRefusal& refusal : settling.refused()) {
    types_[refusal.type].items[refusal.name].refusal = refusal.message.substr(0, kMessageBytes);
  }
}

// Made in the order of the types, taken away in the opposite one.
std::vector<RemoteConfig::Step> RemoteConfig::steps() const {
  std::vector<Step> made;
  std::vector<Step> removed;
  for (size_t type = 0; type < types_.size(); ++type) {
    for (const auto& [name, item] : types_[type].items) {
      if (item.wanted == item.running && item.wanted) continue;
      (item.wanted ? made : removed).push_back({type, name, item.wanted});
    }
  }
  made.insert(made.end(), removed.rbegin(), removed.rend());
  return made;
}

void RemoteConfig::take(const Step& step) {
  Items& items = types_[step.type].items;
  if (!step.form) {
    items.erase(step.name);
  } else {
    items[step.name].running = step.form;
  }
}

v1::TypeAck RemoteConfig::answer(size_t type) const {
  v1::TypeAck ack;
  ack.set_type(std::string(kRemoteTypes[type]));
  ack.set_version(types_[type].version);
  ack.set_applied_hash(type_hash(kRemoteTypes[type]));
  for (const auto& [name, item] : types_[type].items) {
    if (item.refusal.empty()) continue;
    v1::ItemError* error = ack.add_errors();
    error->set_name(name);
    error->set_message(item.refusal);
  }
  return ack;
}

Resources RemoteConfig::merged(const Resources& local, bool stale) const {
  Resources whole = local;
  whole.attached = true;
  for (size_t type = 0; type < types_.size(); ++type) {
    const bool tokens = kRemoteTypes[type] == "token";
    if (stale && tokens) continue;
    for (const auto& [name, item] : types_[type].items) {
      if (!item.running || !put_remote(type, name, *item.running, &whole)) continue;
      if (stale && kRemoteTypes[type] == "key_pool") whole.withheld_pools.insert(name);
    }
  }
  leave_out_absent(local, &whole);
  return whole;
}

std::vector<v1::Inventory> RemoteConfig::inventory() const {
  std::vector<v1::Inventory> out;
  for (size_t type = 0; type < types_.size(); ++type) {
    if (types_[type].version == 0) continue;
    v1::Inventory& of_type = out.emplace_back();
    of_type.set_type(std::string(kRemoteTypes[type]));
    of_type.set_version(types_[type].version);
    for (const auto& [name, item] : types_[type].items) {
      if (!item.wanted) continue;
      v1::ItemHash* hash = of_type.add_items();
      hash->set_name(name);
      hash->set_hash(item_hash(*item.wanted));
    }
  }
  return out;
}

std::string RemoteConfig::kept(WallTime contact) const {
  v1::KeptConfiguration out;
  out.mutable_contact()->set_seconds(
      std::chrono::duration_cast<std::chrono::seconds>(contact.time_since_epoch()).count());
  if (revision_) out.set_revision(*revision_);
  for (size_t type = 0; type < types_.size(); ++type) {
    if (types_[type].version == 0) continue;
    v1::KeptType* of_type = out.add_types();
    of_type->set_type(std::string(kRemoteTypes[type]));
    of_type->set_version(types_[type].version);
    for (const auto& [name, item] : types_[type].items) {
      v1::KeptItem* kept = of_type->add_items();
      kept->set_name(name);
      if (item.wanted) kept->set_wanted(*item.wanted);
      if (item.running && item.running != item.wanted) kept->set_running(*item.running);
    }
  }
  return out.SerializeAsString();
}

Result<WallTime> RemoteConfig::restore(std::string_view kept) {
  v1::KeptConfiguration in;
  if (!in.ParseFromArray(kept.data(), static_cast<int>(kept.size()))) {
    return Error::ours(Code::kSystem, Stage::kNone, "the kept configuration cannot be read");
  }
  std::array<Type, kRemoteTypes.size()> types;
  for (const v1::KeptType& of_type : in.types()) {
    const auto type = remote_type(of_type.type());
    if (!type || of_type.version() == 0) continue;  // of a version that knew more
    types[*type].version = of_type.version();
    for (const v1::KeptItem& item : of_type.items()) {
      Item& into = types[*type].items[item.name()];
      if (item.has_wanted()) into.wanted = item.wanted();
      into.running = item.has_running() ? item.running() : into.wanted;
    }
  }
  types_ = std::move(types);
  revision_ = in.has_revision() ? std::optional<uint64_t>(in.revision()) : std::nullopt;
  return WallTime(std::chrono::seconds(std::clamp<int64_t>(in.contact().seconds(), 0, kLatest)));
}

std::string RemoteConfig::type_hash(std::string_view type) const {
  std::string text;
  for (const auto& [name, item] : types_[*remote_type(type)].items) {
    if (item.running) text.append(name).append(1, '\0').append(item_hash(*item.running));
  }
  return half_digest(text);
}

std::string RemoteConfig::overall_hash() const {
  std::string text;
  for (const std::string_view type : kRemoteTypes) {
    text.append(type).append(1, '\0').append(type_hash(type));
  }
  return half_digest(text);
}

size_t RemoteConfig::items() const {
  size_t count = 0;
  for (const Type& type : types_) count += type.items.size();
  return count;
}

size_t RemoteConfig::refused() const {
  size_t count = 0;
  for (const Type& type : types_) {
    count += static_cast<size_t>(
        std::count_if(type.items.begin(), type.items.end(),
                      [](const auto& item) { return !item.second.refusal.empty(); }));
  }
  return count;
}

bool RemoteConfig::empty() const {
  return std::all_of(types_.begin(), types_.end(),
                     [](const Type& type) { return type.version == 0; });
}

}  // namespace culvert
