// What a configuration means, checked as a whole: references, URLs, headers, tokens, listeners.
// Pure: secrets that are references and files are not read here; relay/config checks them when it
// has read them, with the same words.
#pragma once

#include "proto/resources.h"

#include <optional>
#include <string>
#include <vector>

namespace culvert {

struct Finding {
  std::string kind;
  std::string name;
  std::string path;     // of the field; resources.places knows where it was written
  std::string message;  // what is wrong; what is allowed
};

// Everything that is wrong, in the order of the resources. Empty: the configuration can be
// compiled.
std::vector<Finding> validate(const Resources& resources);

// Whether presets demand a token where nobody says so: when keys are configured, because then each
// request that passes may cost their owner (surface: PRESET_AUTH_ENABLED).
bool effective_preset_auth(const Resources& resources);

// Why two Tunnels cannot be at one relay: of the first, `name` is the other's.
std::optional<std::string> tunnel_clash(const v1::Tunnel& tunnel,
                                        const std::string& name,
                                        const v1::Tunnel& other);

}  // namespace culvert
