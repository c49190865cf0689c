// The whole is made anew with each change of the configuration: 10,000 routes take some 20 ms, and
// what did not change keeps its hash and is not sent. A change of the roster makes peers alone.
#include "control/fleet/targets.h"

namespace culvert::control {

std::shared_ptr<const Target> Targets::of(const Place& place) {
  const std::lock_guard lock(mutex_);
  follow_configuration();
  follow_roster();
  Made& made = made_[place];
  if (made.target != nullptr && made.peers_version == peers_version_) return made.target;
  Target rest = made.target != nullptr ? *made.target : select(catalog_, place);
  made.target = std::make_shared<const Target>(
      with_items(std::move(rest), kPeerType, peers_.items, peers_.hash));
  made.peers_version = peers_version_;
  return made.target;
}

void Targets::follow_configuration() {
  auto state = configuration_.current();
  if (state == state_) return;
  catalog_ = compile_catalog(*state);
  made_.clear();
  state_ = std::move(state);
}

void Targets::follow_roster() {
  // Read before the relays: a change in between is found by the next call.
  const uint64_t version = roster_.peers_version();
  if (version == peers_version_) return;
  peers_ = compile_peers(roster_.all());
  peers_version_ = version;
}

}  // namespace culvert::control
