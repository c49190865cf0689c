// What changes from minute to minute (signs of life) stays out: it would be sent to all.
#include "control/fleet/peers.h"

namespace culvert::control {
namespace {

v1::RelayPeer peer_of(const v1::StoredRelay& relay) {
  v1::RelayPeer peer;
  peer.set_region(relay.region());
  peer.set_address(relay.peer_address());
  peer.set_draining(relay.drain());
  return peer;
}

}  // namespace

Peers compile_peers(const Roster::Relays& relays) {
  Peers peers;
  SetHash hash;
  for (const auto& [name, relay] : relays) {
    auto item = compile_item(name, peer_of(*relay), {});
    hash.add(item->name, item->hash);
    peers.items.push_back(std::move(item));
  }
  peers.hash = hash.finish();
  return peers;
}

}  // namespace culvert::control
