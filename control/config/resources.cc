// One switch over the kinds in each direction; a new kind is added here.
#include "control/config/resources.h"

#include "proto/yaml.h"
#include "relay/base/secret.h"
#include "relay/crypto/digest.h"

#include <fmt/format.h>
#include <google/protobuf/util/message_differencer.h>

namespace culvert::control {
namespace {

constexpr size_t kKeyIdBytes = 6;

const google::protobuf::Message* spec_of(const v1::Resource& resource) {
  switch (resource.spec_case()) {
    case v1::Resource::kUpstream:
      return &resource.upstream();
    case v1::Resource::kKeyPool:
      return &resource.key_pool();
    case v1::Resource::kRoute:
      return &resource.route();
    case v1::Resource::kTunnel:
      return &resource.tunnel();
    case v1::Resource::SPEC_NOT_SET:
      return nullptr;
  }
  return nullptr;
}

}  // namespace

bool is_kind(std::string_view kind) {
  return kind == "Upstream" || kind == "KeyPool" || kind == "Route" || kind == "Tunnel";
}

std::string_view kind_words() { return "allowed are Upstream, KeyPool, Route and Tunnel"; }

std::string kind_of(const v1::Resource& resource) {
  const auto* spec = spec_of(resource);
  return spec == nullptr ? std::string() : spec->GetDescriptor()->name();
}

ResourceName name_of(const v1::Resource& resource) { return {kind_of(resource), resource.name()}; }

bool same(const v1::Resource& a, const v1::Resource& b) {
  return google::protobuf::util::MessageDifferencer::Equals(a, b);
}

std::string to_masked_yaml(const v1::Resource& resource) {
  const auto* spec = spec_of(resource);
  return spec == nullptr ? std::string() : to_yaml(kind_of(resource), resource.name(), *spec);
}

void mask_secrets(v1::Resource* resource) {
  each_secret_of(resource, [](const auto&, const auto&, v1::Secret* secret) {
    secret->set_value(mask(secret->value()));
  });
}

void each_secret_of(v1::Resource* resource, const SecretVisitor& visit) {
  if (resource->has_upstream()) each_secret(resource->mutable_upstream(), visit);
  if (resource->has_key_pool()) each_secret(resource->mutable_key_pool(), visit);
  if (resource->has_route()) each_secret(resource->mutable_route(), visit);
  if (resource->has_tunnel()) each_secret(resource->mutable_tunnel(), visit);
}

Resources to_resources(const ResourceMap& all) {
  Resources resources;
  for (const auto& [name, stored] : all) {
    const v1::Resource& resource = stored.resource();
    if (resource.has_upstream()) resources.upstreams[name.name] = resource.upstream();
    if (resource.has_key_pool()) resources.key_pools[name.name] = resource.key_pool();
    if (resource.has_route()) resources.routes[name.name] = resource.route();
    if (resource.has_tunnel()) resources.tunnels[name.name] = resource.tunnel();
  }
  return resources;
}

void put(const v1::Resource& resource, ConfigState* state) {
  if (resource.has_upstream()) state->upstreams[resource.name()] = resource.upstream();
  if (resource.has_key_pool()) state->key_pools[resource.name()] = resource.key_pool();
  if (resource.has_route()) state->routes[resource.name()] = resource.route();
  if (resource.has_tunnel()) state->tunnels[resource.name()] = resource.tunnel();
}

std::string key_id(std::string_view key) {
  const Digest digest = sha256(key);
  std::string id;
  for (size_t i = 0; i < kKeyIdBytes; ++i) id += fmt::format("{:02x}", digest[i]);
  return id;
}

}  // namespace culvert::control
