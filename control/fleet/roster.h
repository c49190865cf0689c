// The relays that belong to the fleet, as the store keeps them: `fleet/relay/NAME`. Owned by main.
// Safe on any thread; reading is from memory, changing waits for the store.
#pragma once

#include "control/store/store.h"
#include "culvert/v1/fleet.pb.h"
#include "relay/base/result.h"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace culvert::control {

class Roster {
 public:
  using Relay = std::shared_ptr<const v1::StoredRelay>;
  using Relays = std::map<std::string, Relay>;

  explicit Roster(Store& store) : store_(store) {}

  // Reads what other replicas changed; once before all else. True where a relay came, went, or is
  // to behave differently (a sign of life is no such change).
  Result<bool> refresh();

  // Another number whenever a relay came, went, or changed what other relays know of it.
  uint64_t peers_version() const;
  Relay find(const std::string& name) const;  // null: not of the fleet
  Relays all() const;
  // Whether a certificate of that name and serial number may speak for the relay.
  bool accepts(const std::string& name, const std::string& serial) const;

  // Writes what `change` makes of the relay; again where somebody else was faster. Errors:
  // kNotFound, and whatever the store says.
  Result<Relay> change(const std::string& name,
                       const std::function<void(v1::StoredRelay*)>& change);
  Result<void> remove(const std::string& name);

  // For transactions that do more than this: the entry with its revision, nullopt where there is
  // none; its key; and what such a transaction has written.
  Result<std::optional<Entry>> entry(const std::string& name) const;
  static std::string key(const std::string& name);
  void written(const std::string& name, const v1::StoredRelay& relay, uint64_t revision);

 private:
  struct Known {
    Relay relay;
    uint64_t revision = 0;
  };
  Result<std::map<std::string, Known>> read() const;
  // All three under the lock.
  void keep(const std::string& name, Known fresh);
  bool drop(const std::string& name);
  bool outdated(const std::string& name, uint64_t revision) const;

  Store& store_;
  mutable std::mutex mutex_;
  std::map<std::string, Known> known_;
  std::map<std::string, uint64_t> removed_;  // here, by the store's revision of that
  uint64_t peers_version_ = 1;
};

}  // namespace culvert::control
