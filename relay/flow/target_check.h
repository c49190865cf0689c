// Is a target well? Its name is looked up, a new connection made, and where that is cheap and tells
// something, one GET sent, with nothing of a client in it. By the upstream's strategies in their
// order, by its egress proxy and addresses. Its owner retires it.
#pragma once

#include "relay/flow/attempt.h"
#include "relay/flow/services.h"
#include "relay/upstream/check_record.h"
#include "relay/upstream/strategy_memory.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace culvert {

class TargetCheck;

class TargetCheckSink {
 public:
  virtual ~TargetCheckSink() = default;
  virtual void on_target_checked(TargetCheck& check, CheckFinding finding) = 0;  // once
};

// How a target is asked. A configured path is asked for with a key of the pool where its keys are
// tested; the dialect's list of models without one, and only where the tests of keys do not ask for
// it anyway.
struct CheckCall {
  std::string path;             // as it follows the target's base path; "": it is only connected to
  Secret key;                   // of a pool; empty: none goes up
  Exit exit;  // from where that key leaves
};

CheckCall check_call(const Upstream& upstream,
                     const Url& target,
                     const KeyPoolState* pool,  // of the upstream; null: it has none
                     size_t turn);              // of its keys

// Does that answer speak for the target? Where no statuses are configured, a refusal of who asks
// (401, 402, 403, 407, 429) does, and so does all below 500 where the path is only the dialect's
// usual one. With `keyed` such a refusal is the key's affair whatever is configured.
bool answers_well(int status, const HealthCheckSettings& settings, bool keyed);

struct TargetCheckOrder {
  std::shared_ptr<const Table> table;  // holds the upstream
  const Upstream& upstream;
  size_t target = 0;
  CheckCall call;
  bool of_way = false;  // of the first strategy alone, which rests: nothing else is tried
};

class TargetCheck final : public Retirable, private ConnectSink, private AttemptSink {
 public:
  // False where there is no way that could be checked: an egress proxy, and nothing to ask for.
  static bool possible(const Upstream& upstream, const CheckCall& call);
  // The same of its first strategy: what fetch can do is seen by a call alone.
  static bool possible_of_way(const Upstream& upstream, const CheckCall& call);

  TargetCheck(WorkerServices& services, TargetCheckOrder order, TargetCheckSink& sink);
  ~TargetCheck() override;

  void start();  // the sink is not called from inside
  void stop();   // no more calls of the sink; what is under way is cancelled

 private:
  void on_connection(Connection connection) override;
  void on_no_connection(Error error, const Legs& legs) override;
  void on_connected() override;
  void on_interim(const ResponseHead& /*head*/) override {}
  void on_head(const ResponseHead& head) override;
  void on_body(std::string_view bytes) override;
  void on_end() override;
  void on_attempt_failed(Error error) override;
  void on_upload_drained() override {}

  AttemptPlan plan() const;
  void attempt();
  void end_attempt();
  bool another_way() const;
  void failed(Error error);
  void conclude();
  void timer_fired();

  WorkerServices& services_;
  TargetCheckOrder order_;
  TargetCheckSink* sink_;
  StrategyMemory::Trial trial_;
  std::unique_ptr<Connecting> connecting_;
  std::optional<Connection> connection_;  // only made, and ended with this
  std::unique_ptr<Attempt> attempt_;
  Instant asked_{};
  size_t read_ = 0;
  bool over_ = false;
  CheckFinding finding_;
  Timer timer_;  // the whole check; then tells the finding outside of all calls
};

}  // namespace culvert
