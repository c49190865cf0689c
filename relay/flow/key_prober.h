// Tests the keys of the configured pools in the background: isolated ones, so that they come back
// by themselves, and of the others one after the other as the upstream's health check says, so that
// a bad one is known before a client finds it. Looks after what time alone changes in the pools,
// too. One worker of the process has one.
#pragma once

#include "relay/channel/timer.h"
#include "relay/flow/key_check.h"
#include "relay/flow/services.h"

#include <memory>
#include <string>
#include <unordered_map>

namespace culvert {

class KeyProber final : private KeyCheckSink {
 public:
  explicit KeyProber(WorkerServices& services);
  KeyProber(const KeyProber&) = delete;
  KeyProber& operator=(const KeyProber&) = delete;
  ~KeyProber() override;

 private:
  struct Running {
    std::unique_ptr<KeyCheck> check;
    std::shared_ptr<const KeyPoolState> pool;
    KeyProbe probe;
  };
  void on_key_checked(KeyCheck& check, const KeyCheckResult& result) override;
  struct Turn {
    Instant at;        // of the next check
    size_t index = 0;  // whose it is
  };
  void look();
  void look_at(const std::shared_ptr<const KeyPoolState>& pool);
  void check_next(const std::shared_ptr<const KeyPoolState>& pool,
                  const HealthCheckSettings& settings);
  void begin(const std::shared_ptr<const KeyPoolState>& pool, const KeyProbe& probe);

  WorkerServices& services_;
  std::unordered_map<KeyCheck*, Running> running_;
  std::unordered_map<std::string, Turn> turns_;  // by pool
  Timer timer_;
};

}  // namespace culvert
