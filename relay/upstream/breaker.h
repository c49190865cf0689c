// Circuit breaker of one target: after failures it is left alone, then one request at a time tries
// it. One for the process; any thread. Success takes no lock and, as long as all is well, writes
// one counter.
#pragma once

#include "relay/base/clock.h"
#include "relay/config/snapshot.h"
#include "relay/upstream/rolling_counts.h"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>

namespace culvert {

enum class BreakerState : uint8_t {
  kClosed,    // all requests pass
  kOpen,      // none does
  kHalfOpen,  // the time is up: one request may try it, or does
};
std::string_view to_string(BreakerState state);

class Breaker {
 public:
  explicit Breaker(const Clock& clock) : clock_(clock) {}  // outlives it

  // The right of one request to a target, held while it is there. Tells how it went; what ends
  // without a word (the client left) says nothing, and a probe's turn goes to the next request.
  class Pass {
   public:
    Pass(Pass&& other) noexcept;
    Pass& operator=(Pass&& other) noexcept;
    ~Pass();

    void succeeded();  // an answer that does not speak against the target
    // May follow succeeded(): the answer broke off. unreachable: no connection came about.
    void failed(bool unreachable = false);
    bool probe() const { return probe_; }

   private:
    friend class Breaker;
    Pass(Breaker& breaker, const BreakerSettings& settings, bool probe);

    Breaker* breaker_;  // null: moved from
    const BreakerSettings* settings_;
    uint32_t opening_;
    bool probe_;
  };

  // nullopt: open, or another request is its probe. The settings outlive the pass.
  std::optional<Pass> admit(const BreakerSettings& settings);
  // For where nothing else is left, and for health checks: whatever the state. Its success closes
  // the breaker; its failure does not prolong the time.
  Pass force(const BreakerSettings& settings) { return {*this, settings, false}; }
  // For health checks: the half-open probe's turn, though the time may not be up yet. nullopt: it
  // is not open, or another is its probe.
  std::optional<Pass> probe_early(const BreakerSettings& settings);

  // Whether admit() would refuse now.
  bool refuses(const BreakerSettings& settings) const;
  BreakerState state() const;
  // Open, and nothing but failures to connect in a row: what goes there reaches nobody.
  bool dead(const BreakerSettings& settings) const;
  uint32_t consecutive_failures() const { return consecutive_.load(); }
  int64_t in_flight() const { return in_flight_.load(); }
  Instant open_since() const { return Instant(Duration(open_since_.load())); }  // where it is open
  Instant open_until() const { return Instant(Duration(open_until_.load())); }

 private:
  bool trips(const BreakerSettings& settings) const;
  void open(const BreakerSettings& settings);
  void close();

  const Clock& clock_;
  std::atomic<bool> open_{false};
  std::atomic<bool> probing_{false};
  std::atomic<uint32_t> openings_{0};  // what began before the last one does not count after it
  std::atomic<uint32_t> consecutive_{0};
  std::atomic<uint32_t> unreachable_{0};  // of the last failures, without another outcome between
  std::atomic<int64_t> open_since_{0};  // steady clock, nanoseconds
  std::atomic<int64_t> open_until_{0};
  std::atomic<int64_t> in_flight_{0};
  RollingCounts counts_;  // first: successes, second: failures
  std::mutex mutex_;      // held where the state changes
  std::optional<Instant> closed_at_;
  unsigned doublings_ = 0;
};

}  // namespace culvert
