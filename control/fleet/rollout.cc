// A relay that holds its whole target costs one pointer: the maps exist only while it is on its way
// there, for a thousand relays with 10,000 routes each would not fit otherwise, and only of types
// that change, for a relay that moves is news to a thousand others.
#include "control/fleet/rollout.h"

#include "control/fleet/limits.h"

#include <algorithm>

namespace culvert::control {
namespace {

constexpr size_t kItemOverhead = 16;  // tags and lengths of an item in its message

// What is sent of one type, cut into messages.
class Pieces {
 public:
  Pieces(size_t type, const Target& target)
      : type_(kTypeNames[type]), version_(target.generation), revision_(target.revision) {}

  // The message that an item of this size goes into.
  v1::TypeUpdate& for_bytes(size_t bytes) {
    bytes += kItemOverhead;
    if (pieces_.empty() || used_ + bytes > limits::kUpdateBytes) {
      used_ = 0;
      v1::TypeUpdate& piece = pieces_.emplace_back();
      piece.set_type(type_);
      piece.set_version(version_);
      piece.set_revision(revision_);
    }
    used_ += bytes;
    return pieces_.back();
  }
  std::vector<v1::TypeUpdate> take() { return std::move(pieces_); }

 private:
  std::string type_;
  uint64_t version_;
  uint64_t revision_;
  std::vector<v1::TypeUpdate> pieces_;
  size_t used_ = 0;  // of the last
};

bool holds(const ItemSet& set, std::string_view name) {
  const auto at = std::lower_bound(
      set.begin(), set.end(), name,
      [](const auto& item, std::string_view wanted) { return item->name < wanted; });
  return at != set.end() && (*at)->name == name;
}

}  // namespace

Rollout::Rollout(const v1::Hello& hello) {
  held_.fill(Held());
  for (const std::string& type : hello.types()) {
    if (const auto index = type_index(type)) understood_[*index] = true;
  }
  for (const v1::Inventory& inventory : hello.have()) {
    const auto index = type_index(inventory.type());
    if (!index) continue;
    for (const v1::ItemHash& item : inventory.items()) {
      (*held_[*index])[item.name()] = from_bytes(item.hash()).value_or(ContentHash{});
    }
  }
}

void Rollout::aim(std::shared_ptr<const Target> target) { target_ = std::move(target); }

bool Rollout::settled() const {
  const auto apart = [](const auto& held) { return held.has_value(); };
  return target_ != nullptr && held_target_ == target_ &&
         std::none_of(held_.begin(), held_.end(), apart);
}

std::vector<v1::TypeUpdate> Rollout::next() {
  if (waiting() || target_ == nullptr || settled()) return {};
  take_apart();
  auto updates = upserts();
  if (updates.empty()) updates = removals();
  if (updates.empty()) {
    held_target_ = target_;
    held_.fill(std::nullopt);
  }
  return updates;
}

bool Rollout::acknowledge(const v1::TypeAck& ack) {
  const auto found = unacknowledged_.find(ack.nonce());
  if (found == unacknowledged_.end()) return false;
  if (ack.unknown_type()) {
    understood_[found->second] = false;
    held_[found->second].emplace();
  }
  unacknowledged_.erase(found);
  return true;
}

// From a target that was held whole to the maps again, of types that are to differ from it.
void Rollout::take_apart() {
  for (size_t type = 0; type < kTypeCount; ++type) {
    if (held_[type] || held_target_->hashes[type] == target_->hashes[type]) continue;
    Held& held = held_[type].emplace();
    if (!understood_[type]) continue;
    for (const auto& item : held_target_->types[type]) held[item->name] = item->hash;
  }
}

std::vector<v1::TypeUpdate> Rollout::upserts() {
  std::vector<v1::TypeUpdate> updates;
  for (size_t type = 0; type < kTypeCount; ++type) {
    if (understood_[type] && held_[type]) upserts_of(type, &updates);
  }
  return updates;
}

std::vector<v1::TypeUpdate> Rollout::removals() {
  std::vector<v1::TypeUpdate> updates;
  for (size_t type = kTypeCount; type-- > 0;) {
    if (understood_[type] && held_[type]) removals_of(type, &updates);
  }
  return updates;
}

void Rollout::upserts_of(size_t type, std::vector<v1::TypeUpdate>* out) {
  Pieces pieces(type, *target_);
  Held& held = *held_[type];
  for (const auto& item : target_->types[type]) {
    const auto found = held.find(item->name);
    if (found != held.end() && found->second == item->hash) continue;
    held[item->name] = item->hash;
    v1::Item* added = pieces.for_bytes(item->name.size() + item->spec.size()).add_upserts();
    added->set_name(item->name);
    added->set_spec(item->spec);
  }
  send(type, pieces.take(), out);
}

void Rollout::removals_of(size_t type, std::vector<v1::TypeUpdate>* out) {
  Pieces pieces(type, *target_);
  Held& held = *held_[type];
  for (auto at = held.begin(); at != held.end();) {
    if (holds(target_->types[type], at->first)) {
      ++at;
      continue;
    }
    pieces.for_bytes(at->first.size()).add_removes(at->first);
    at = held.erase(at);
  }
  send(type, pieces.take(), out);
}

void Rollout::send(size_t type,
                   std::vector<v1::TypeUpdate> pieces,
                   std::vector<v1::TypeUpdate>* out) {
  for (size_t i = 0; i < pieces.size(); ++i) {
    const bool last = i + 1 == pieces.size();
    const std::string nonce = std::to_string(++nonces_);
    pieces[i].set_nonce(nonce);
    pieces[i].set_more(!last);
    if (last) unacknowledged_[nonce] = type;
    out->push_back(std::move(pieces[i]));
  }
}

}  // namespace culvert::control
