// The relays of the fleet as they know each other: an item for each that belongs to it, be it there
// or away, with an address or without; who has none is let in by nobody. The same for all relays,
// so that it is compiled once for each change. Pure.
#pragma once

#include "control/fleet/catalog.h"
#include "control/fleet/roster.h"

namespace culvert::control {

struct Peers {
  ItemSet items;
  ContentHash hash{};  // of the set
};

Peers compile_peers(const Roster::Relays& relays);

}  // namespace culvert::control
