// A resource of the admin contract in the forms that the service needs: by kind and name, as YAML,
// inside the maps that proto/validate takes. One place knows which kinds there are. Pure.
#pragma once

#include "control/config/configuration.h"
#include "culvert/v1/admin.pb.h"
#include "culvert/v1/stored.pb.h"
#include "proto/resources.h"
#include "proto/secret_fields.h"

#include <map>
#include <string>
#include <string_view>

namespace culvert::control {

struct ResourceName {
  std::string kind;  // as files write it: `Upstream`
  std::string name;
  friend auto operator<=>(const ResourceName&, const ResourceName&) = default;
};

using ResourceMap = std::map<ResourceName, v1::StoredResource>;

bool is_kind(std::string_view kind);
std::string_view kind_words();  // what is allowed

std::string kind_of(const v1::Resource& resource);  // empty: without a spec
ResourceName name_of(const v1::Resource& resource);
bool same(const v1::Resource& a, const v1::Resource& b);

std::string to_masked_yaml(const v1::Resource& resource);
void mask_secrets(v1::Resource* resource);
void each_secret_of(v1::Resource* resource, const SecretVisitor& visit);  // paths are the spec's

// Without a Relay: that one has no place in a service.
Resources to_resources(const ResourceMap& all);
void put(const v1::Resource& resource, ConfigState* state);

// Of a key, as `culvert key list` shows it: 12 hexadecimal digits of its SHA-256.
std::string key_id(std::string_view key);

}  // namespace culvert::control
