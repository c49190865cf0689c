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

std::shared_ptr<const CatalogItem> compile_item(const std::string& name,
                                                const google::protobuf::Message& spec,
                                                v1::Selector relays);

// Without peers, which the configuration does not name.
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

// The same with these items of one type. `hash`: of their set.
Target with_items(Target target, size_t type, ItemSet items, const ContentHash& hash);

}  // namespace culvert::control
