// Who is there and what they say: the live state of each relay, kept while the service runs. What a
// stream says counts until the relay's next stream begins. Owned by main. Safe on any thread.
#pragma once

#include "control/fleet/content_hash.h"
#include "control/fleet/meter.h"
#include "culvert/v1/admin.pb.h"
#include "culvert/v1/link.pb.h"

#include <array>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace culvert::control {

// Which Sync stream speaks; later ones have higher numbers.
struct Speaker {
  std::string relay;
  uint64_t stream = 0;
};

struct FleetTotals {
  std::map<std::string, Totals> relays;  // those that have reported
  Totals all;                            // also of relays that were removed
  UpstreamTotals upstreams;              // of the whole fleet
};

class Attendance {
 public:
  void arrived(const Speaker& speaker, const v1::Hello& hello);
  void left(const Speaker& speaker);
  void in_state(const Speaker& speaker, const v1::RelayState& state);
  void acknowledged(const Speaker& speaker, const v1::TypeAck& ack);
  // The relay has all of that revision of the configuration.
  void settled(const Speaker& speaker, uint64_t revision);
  void reported(const std::string& relay, const v1::MetricsReport& report);
  // It does not belong to the fleet any more.
  void forget(const std::string& relay);

  // Fills in what is known here: connected, state, running_*, refusals, rates.
  void describe(const std::string& relay, v1::RelayStatus* status) const;
  // And what it last said of its targets, pools, peers and certificates: of one relay, not of a
  // fleet.
  void describe_health(const std::string& relay, v1::RelayStatus* status) const;
  // False where it has said in its Hello that it does not.
  bool understands(const std::string& relay, size_t type) const;
  std::vector<std::pair<std::string, v1::KeyCondition>> key_conditions() const;
  FleetTotals totals() const;

 private:
  struct Presence {
    uint64_t stream = 0;
    bool connected = false;
    bool heard = false;  // a Hello came
    v1::RelayState state;
    std::array<bool, kTypeCount> understood{};
    std::array<ContentHash, kTypeCount> applied{};
    std::array<std::map<std::string, std::string>, kTypeCount> refused;  // name → why
    uint64_t revision = 0;
    Meter meter;
    v1::MetricsReport health;  // targets, pools, peers and certificates of the last report
  };
  // Null where a later stream of that relay has spoken.
  Presence* speaking(const Speaker& speaker);
  static void take_inventory(const v1::Hello& hello, Presence* presence);

  mutable std::mutex mutex_;
  std::map<std::string, Presence> present_;
  Totals all_;
  UpstreamTotals upstreams_;
};

}  // namespace culvert::control
