// Brings one relay from what it holds to what it should run: what is missing or changed first, in
// the order in which types need each other; what has to go only when all of that is acknowledged
// (make before break). Nothing is sent that the relay has. Pure; one per Sync stream.
#pragma once

#include "control/fleet/catalog.h"
#include "culvert/v1/link.pb.h"

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace culvert::control {

class Rollout {
 public:
  // The relay's inventory and the types that it understands; others are never sent.
  explicit Rollout(const v1::Hello& hello);

  void aim(std::shared_ptr<const Target> target);
  // What is to be sent now, in this order. Empty while something is not acknowledged, and when
  // nothing is left to do.
  std::vector<v1::TypeUpdate> next();
  // False where nothing waits for this acknowledgement.
  bool acknowledge(const v1::TypeAck& ack);

  bool waiting() const { return !unacknowledged_.empty(); }
  // The relay has all of the target (it may have refused some of it).
  bool settled() const;

 private:
  using Held = std::map<std::string, ContentHash, std::less<>>;

  void take_apart();
  std::vector<v1::TypeUpdate> upserts();
  std::vector<v1::TypeUpdate> removals();
  void upserts_of(size_t type, std::vector<v1::TypeUpdate>* out);
  void removals_of(size_t type, std::vector<v1::TypeUpdate>* out);
  void send(size_t type, std::vector<v1::TypeUpdate> pieces, std::vector<v1::TypeUpdate>* out);

  std::array<bool, kTypeCount> understood_{};
  // nullopt while held_target_ says it
  std::array<std::optional<Held>, kTypeCount> held_;
  std::shared_ptr<const Target> target_;
  std::shared_ptr<const Target> held_target_;     // that was reached last; null: none yet
  std::map<std::string, size_t> unacknowledged_;  // nonce → type
  uint64_t nonces_ = 0;
};

}  // namespace culvert::control
