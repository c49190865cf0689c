// Checks the targets of the configured upstreams in the background, as their health checks say, and
// tells the health board: a dead target is known before a client finds it, and is back in use
// without having cost one. One worker of the process has one.
#pragma once

#include "relay/channel/timer.h"
#include "relay/flow/services.h"
#include "relay/flow/target_check.h"
#include "relay/upstream/check_schedule.h"

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace culvert {

class TargetProber final : private TargetCheckSink {
 public:
  explicit TargetProber(WorkerServices& services);
  TargetProber(const TargetProber&) = delete;
  TargetProber& operator=(const TargetProber&) = delete;
  ~TargetProber() override;

 private:
  struct Running {
    std::unique_ptr<TargetCheck> check;
    std::shared_ptr<const Table> table;
    const Upstream* upstream;  // of the table
    size_t target;
    std::optional<Breaker::Pass> pass;  // nullopt: only a look
    bool of_way;
  };
  struct Turn {
    CheckTurn when;
    Duration interval{};
    size_t count = 0;  // of checks so far
    bool running = false;
    uint64_t round = 0;  // of the look that last found the target configured
  };
  void on_target_checked(TargetCheck& check, CheckFinding finding) override;
  void look();
  void look_at(const Upstream& upstream, size_t target);
  void begin(const Upstream& upstream, size_t target, CheckDue due, Turn* turn);
  void way_checked(TargetCheck* check, bool well);
  void tell_breaker(Running* ended, bool well) const;
  static std::string name_of(const Upstream& upstream, size_t target);

  WorkerServices& services_;
  std::unordered_map<TargetCheck*, Running> running_;
  std::unordered_map<std::string, Turn> turns_;  // by name_of()
  uint64_t round_ = 0;
  Timer timer_;
};

}  // namespace culvert
