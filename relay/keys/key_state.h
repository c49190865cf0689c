// What is known of one key at one upstream, in all pools that hold it. Atomics where every choice
// looks: choosing waits for nobody.
#pragma once

#include "relay/keys/key_meter.h"
#include "relay/keys/model_rests.h"
#include "relay/keys/refusal_kind.h"

#include <atomic>
#include <cstdint>
#include <string_view>

namespace culvert {

enum class KeyHealth : uint8_t { kReady, kResting, kIsolated };
std::string_view to_string(KeyHealth health);

struct KeyState {
  // What every choice reads comes first, in as few cache lines as can be: a pool has a thousand.
  std::atomic<int64_t> rests_until{0};  // steady clock, nanoseconds; so are the others
  std::atomic<int64_t> isolated_until{0};
  std::atomic<int64_t> in_flight{0};
  std::atomic<uint64_t> used{0};
  std::atomic<bool> suspect{false};       // was refused; the next use is a test
  std::atomic<bool> being_tested{false};  // one request at a time (half-open)
  ModelRests models;

  std::atomic<RefusalKind> reason{RefusalKind::kNone};  // of the last rest or isolation
  std::atomic<uint64_t> setbacks{0};                    // refusals so far
  std::atomic<uint32_t> failures{0};  // isolations and failed probes since it last paid
  std::atomic<int64_t> probe_at{0};   // when it is tested in the background; 0: not at all
  KeyMeter meter;
};

}  // namespace culvert
