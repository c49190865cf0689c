// The configuration as relays get it: every item serialized and hashed once, and for each place in
// the fleet the part that is meant for it. Pure values, immutable, shared by all streams.
#pragma once

#include "control/config/configuration.h"
#include "control/fleet/content_hash.h"

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace culvert::control {

// Where a relay stands, by which resources choose their relays.
struct Place {
  std::string region;
  std::map<std::string, std::string> labels;
  friend auto operator<=>(const Place&, const Place&) = default;
};

// Whether what has this selector is for relays of that place.
bool selects(const v1::Selector& selector, const Place& place);

struct CatalogItem {
  std::string name;
  std::string spec;  // the same bytes for the same content, also of maps
  ContentHash hash{};
  v1::Selector relays;
};
using ItemSet = std::vector<std::shared_ptr<const CatalogItem>>;  // in the order of the names

struct Catalog {
  uint64_t generation = 0;  // as in ConfigState
  uint64_t revision = 0;
  std::array<ItemSet, kTypeCount> types;
};
// Keys that are disabled go down too: relays leave them out, and know them when they come back.
Catalog compile_catalog(const ConfigState& state);

// What a relay should run.
struct Target {
  uint64_t generation = 0;
  uint64_t revision = 0;
  std::array<ItemSet, kTypeCount> types;
  std::array<ContentHash, kTypeCount> hashes{};  // of the sets
  ContentHash hash{};                            // of the whole
};
Target select(const Catalog& catalog, const Place& place);

}  // namespace culvert::control
