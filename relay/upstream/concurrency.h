// How many requests are at one upstream at once, of all workers: a slot for each, a line of those
// that wait for one. One for each upstream and process; any thread. What decides is in
// adaptive_limit.h and waiting_line.h; this adds the lock and the waking.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/result.h"
#include "relay/config/snapshot.h"
#include "relay/upstream/adaptive_limit.h"
#include "relay/upstream/waiting_line.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace culvert {

class Concurrency;

// What an attempt tells of its upstream's load.
enum class Load : uint8_t { kNone, kGood, kOverloaded };
Load load_of_status(int status);         // 503 and 529 are overload; any other answer is none
Load load_of_error(const Error& error);  // no connection in time is; other errors tell nothing

// The right to be at the upstream; ends when destroyed.
class Slot {
 public:
  Slot(Slot&& other) noexcept;
  Slot& operator=(Slot&& other) noexcept;
  ~Slot();
  void report(Load load);  // at the answer's head, or where none came; at most once

 private:
  friend class Concurrency;
  Slot(std::shared_ptr<Concurrency> owner, const ConcurrencySettings& settings, Instant began);
  std::shared_ptr<Concurrency> owner_;  // null: moved from
  ConcurrencySettings settings_;
  Instant began_;
};

class SlotSink {
 public:
  virtual ~SlotSink() = default;
  virtual void on_slot(Slot slot) = 0;
  virtual void on_no_slot(Error error) = 0;  // kOverloaded, with retry_after
};

// Runs a task on the waiter's own thread: `[&loop](auto task) { loop.post(std::move(task)); }`.
using PostTask = std::function<void(std::function<void()>)>;

// A place in the line. Destroying gives it up; the sink is called at most once, never after that.
// Belongs to the waiter's thread.
class SlotWait {
 public:
  SlotWait(const SlotWait&) = delete;
  SlotWait& operator=(const SlotWait&) = delete;
  ~SlotWait();

 private:
  friend class Concurrency;
  struct Ticket;
  SlotWait(std::shared_ptr<Concurrency> owner, std::shared_ptr<Ticket> ticket);
  std::shared_ptr<Concurrency> owner_;
  std::shared_ptr<Ticket> ticket_;
};

class Concurrency : public std::enable_shared_from_this<Concurrency> {
 public:
  Concurrency(std::string upstream, const Clock& clock);  // the clock outlives it

  struct Entry {
    std::optional<Slot> slot;        // at once, or
    std::unique_ptr<SlotWait> wait;  // the sink is called later, at the latest by expire()
  };
  // Errors: kOverloaded, with retry_after.
  Result<Entry> enter(const ConcurrencySettings& settings,
                      Priority priority,
                      PostTask post,
                      SlotSink& sink);

  // Sends away whoever has waited for longer than it may. Also done whenever anybody comes or goes;
  // a waiter that sets its timer to queue_age and calls this is never forgotten.
  void expire(const ConcurrencySettings& settings);

  struct Report {
    uint32_t limit = 0;
    uint32_t in_flight = 0;
    size_t waiting = 0;
  };
  Report report(const ConcurrencySettings& settings) const;

 private:
  friend class Slot;
  friend class SlotWait;
  using Tickets = std::vector<std::shared_ptr<SlotWait::Ticket>>;
  void tell(Load load, Instant began, const ConcurrencySettings& settings);
  void leave(const ConcurrencySettings& settings);
  void give_up(WaitingLine::Number number);
  bool room(const ConcurrencySettings& settings) const;
  void settle(const ConcurrencySettings& settings, Tickets* woken);
  void refuse(WaitingLine::Number number, Tickets* woken);
  static void wake(const Tickets& tickets);
  Error overloaded(const ConcurrencySettings& settings) const;

  const std::string upstream_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  AdaptiveLimit limit_;
  WaitingLine line_;
  uint32_t in_flight_ = 0;
  std::unordered_map<WaitingLine::Number, std::shared_ptr<SlotWait::Ticket>> tickets_;
};

}  // namespace culvert
