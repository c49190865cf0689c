// Serialization is deterministic: protobuf writes maps in a random order unless it is told not to,
// and every restart would then send everything again.
#include "control/fleet/catalog.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>

namespace culvert::control {
namespace {

std::string serialized(const google::protobuf::Message& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

v1::Selector selector_of(const v1::RelayToken&) { return {}; }

template <class Spec>
v1::Selector selector_of(const Spec& spec) {
  return spec.relays();
}

template <class Spec>
ItemSet compiled(const std::map<std::string, Spec, std::less<>>& specs) {
  ItemSet items;
  items.reserve(specs.size());
  for (const auto& [name, spec] : specs) {
    items.push_back(compile_item(name, spec, selector_of(spec)));
  }
  return items;
}

}  // namespace

std::shared_ptr<const CatalogItem> compile_item(const std::string& name,
                                                const google::protobuf::Message& spec,
                                                v1::Selector relays) {
  auto item = std::make_shared<CatalogItem>();
  item->name = name;
  item->spec = serialized(spec);
  item->hash = item_hash(item->spec);
  item->relays = std::move(relays);
  return item;
}

bool selects(const v1::Selector& selector, const Place& place) {
  const auto& regions = selector.regions();
  if (!regions.empty() && std::find(regions.begin(), regions.end(), place.region) == regions.end())
    return false;
  return std::all_of(selector.labels().begin(), selector.labels().end(), [&](const auto& wanted) {
    const auto found = place.labels.find(wanted.first);
    return found != place.labels.end() && found->second == wanted.second;
  });
}

Catalog compile_catalog(const ConfigState& state) {
  return {.generation = state.generation,
          .revision = state.revision,
          .types = {compiled(state.upstreams), compiled(state.key_pools), compiled(state.tokens),
                    compiled(state.routes), compiled(state.tunnels), ItemSet()}};
}

Target select(const Catalog& catalog, const Place& place) {
  Target target;
  target.generation = catalog.generation;
  target.revision = catalog.revision;
  for (size_t type = 0; type < kTypeCount; ++type) {
    SetHash hash;
    for (const auto& item : catalog.types[type]) {
      if (!selects(item->relays, place)) continue;
      target.types[type].push_back(item);
      hash.add(item->name, item->hash);
    }
    target.hashes[type] = hash.finish();
  }
  target.hash = whole_hash(target.hashes);
  return target;
}

Target with_items(Target target, size_t type, ItemSet items, const ContentHash& hash) {
  target.types[type] = std::move(items);
  target.hashes[type] = hash;
  target.hash = whole_hash(target.hashes);
  return target;
}

}  // namespace culvert::control
