// What is configured, as the rest of the service reads it: one immutable state after another. The
// fleet compiles from it what each relay gets; the admin service changes it through Changes.
#pragma once

#include "culvert/v1/link.pb.h"
#include "culvert/v1/resources.pb.h"
#include "relay/base/clock.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace culvert::control {

// Secrets are plain in here: it never leaves the process but over the link, to the relays that it
// is for.
struct ConfigState {
  uint64_t generation = 0;  // of the store: ascends with every change of what stands here
  uint64_t revision = 0;    // of the configuration, as operators count it: 0 before the first apply
  std::map<std::string, v1::Upstream, std::less<>> upstreams;
  std::map<std::string, v1::KeyPool, std::less<>> key_pools;
  std::map<std::string, v1::Route, std::less<>> routes;
  std::map<std::string, v1::Tunnel, std::less<>> tunnels;
  // Of clients, by id. Those that died lately stand here with the time of their end as `expires`.
  std::map<std::string, v1::RelayToken, std::less<>> tokens;
};

class Configuration {
 public:
  virtual ~Configuration() = default;

  // Never null. Any thread.
  virtual std::shared_ptr<const ConfigState> current() const = 0;
  // Waits until the generation is above `after`; after `most`, or when the service ends, the
  // current one.
  virtual std::shared_ptr<const ConfigState> wait(uint64_t after, Duration most) const = 0;
};

}  // namespace culvert::control
