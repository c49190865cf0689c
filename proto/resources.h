// All resources that a relay is told, and where each of their fields was written. What a file, the
// environment and, later, the control service produce, and what validation and the relay consume.
// Values; no I/O.
#pragma once

#include "culvert/v1/link.pb.h"
#include "culvert/v1/resources.pb.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace culvert {

// Where a field comes from: `FILE:LINE`, or the name of an environment variable.
class Places {
 public:
  void put(std::string_view kind, std::string_view name, std::string_view path, std::string place);
  // Of the field, or of the nearest one around it; "KIND NAME" where nothing is known. Paths are
  // written `targets[0].url`; the empty path is the resource itself.
  std::string find(std::string_view kind, std::string_view name, std::string_view path) const;
  // Forgets what is below a path, for a field that is being replaced.
  void erase(std::string_view kind, std::string_view name, std::string_view path);
  // Takes over all that `from` knows of a resource, where several files are joined.
  void copy(const Places& from, std::string_view kind, std::string_view name);

 private:
  std::map<std::string, std::string, std::less<>> places_;
};

struct Resources {
  std::string relay_name;  // empty where no document and no variable speaks of the relay
  v1::Relay relay;
  std::map<std::string, v1::Upstream, std::less<>> upstreams;
  std::map<std::string, v1::KeyPool, std::less<>> key_pools;
  std::map<std::string, v1::Route, std::less<>> routes;
  std::map<std::string, v1::Tunnel, std::less<>> tunnels;
  std::map<std::string, v1::RelayToken, std::less<>> tokens;  // by id; of the control service only
  std::map<std::string, v1::RelayPeer, std::less<>> peers;    // of the control service only
  // Of a relay that has joined a control service: tokens may come at any time.
  bool attached = false;
  // Key pools of the control service whose keys may have been taken back since: they pay for
  // nothing, but are there.
  std::set<std::string, std::less<>> withheld_pools;
  Places places;
};

// The name of the pool that pays for an upstream where nothing names another one: of several the
// one with the upstream's name, else the only one. nullopt: there is none.
std::optional<std::string> own_pool(const Resources& resources, const std::string& upstream);

}  // namespace culvert
