// Decided under the lock, woken after it: a task that is posted may run at once on its thread.
#include "relay/upstream/concurrency.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace culvert {

// Held by the wait and by the task that wakes it, whichever lives longer.
struct SlotWait::Ticket {
  PostTask post;
  SlotSink* sink = nullptr;        // the waiter's thread; null: nobody waits any more
  WaitingLine::Number number = 0;  // the rest is written before the waking is posted
  ConcurrencySettings settings;
  std::optional<Slot> slot;
  std::optional<Error> error;

  void deliver() {
    SlotSink* to = std::exchange(sink, nullptr);
    std::optional<Slot> granted = std::exchange(slot, std::nullopt);
    if (to == nullptr) return;  // a slot that nobody wants goes to the next
    if (granted) return to->on_slot(std::move(*granted));
    to->on_no_slot(std::move(*error));
  }
};

Load load_of_status(int status) {
  return status == 503 || status == 529 ? Load::kOverloaded : Load::kGood;
}

Load load_of_error(const Error& error) {
  return error.code == Code::kConnectTimeout ? Load::kOverloaded : Load::kNone;
}

Slot::Slot(std::shared_ptr<Concurrency> owner, const ConcurrencySettings& settings, Instant began)
    : owner_(std::move(owner)), settings_(settings), began_(began) {}

Slot::Slot(Slot&& other) noexcept = default;

Slot& Slot::operator=(Slot&& other) noexcept {
  std::swap(owner_, other.owner_);
  std::swap(settings_, other.settings_);
  std::swap(began_, other.began_);
  return *this;
}

Slot::~Slot() {
  if (owner_ != nullptr) owner_->leave(settings_);
}

void Slot::report(Load load) { owner_->tell(load, began_, settings_); }

SlotWait::SlotWait(std::shared_ptr<Concurrency> owner, std::shared_ptr<Ticket> ticket)
    : owner_(std::move(owner)), ticket_(std::move(ticket)) {}

SlotWait::~SlotWait() {
  ticket_->sink = nullptr;
  owner_->give_up(ticket_->number);
}

Concurrency::Concurrency(std::string upstream, const Clock& clock)
    : upstream_(std::move(upstream)), clock_(clock) {}

Result<Concurrency::Entry> Concurrency::enter(const ConcurrencySettings& settings,
                                              Priority priority,
                                              PostTask post,
                                              SlotSink& sink) {
  Tickets woken;
  Entry entry;
  {
    const std::lock_guard lock(mutex_);
    settle(settings, &woken);
    if (line_.empty() && room(settings)) {
      ++in_flight_;
      entry.slot = Slot(shared_from_this(), settings, clock_.now());
    } else if (const auto place = line_.enter(priority, clock_.now(), settings); place.number) {
      if (place.displaced) refuse(*place.displaced, &woken);
      auto ticket = std::make_shared<SlotWait::Ticket>();
      ticket->post = std::move(post);
      ticket->sink = &sink;
      ticket->number = *place.number;
      ticket->settings = settings;
      tickets_[ticket->number] = ticket;
      entry.wait.reset(new SlotWait(shared_from_this(), std::move(ticket)));
    }
  }
  wake(woken);
  if (!entry.slot && !entry.wait) return overloaded(settings);
  return entry;
}

void Concurrency::expire(const ConcurrencySettings& settings) {
  Tickets woken;
  {
    const std::lock_guard lock(mutex_);
    settle(settings, &woken);
  }
  wake(woken);
}

Concurrency::Report Concurrency::report(const ConcurrencySettings& settings) const {
  const std::lock_guard lock(mutex_);
  return {limit_.limit(settings), in_flight_, line_.size()};
}

void Concurrency::tell(Load load, Instant began, const ConcurrencySettings& settings) {
  if (load == Load::kNone) return;
  const std::lock_guard lock(mutex_);
  const Instant now = clock_.now();
  if (load == Load::kOverloaded) return limit_.overloaded(now, began, in_flight_, settings);
  limit_.good(now, !line_.empty() || !room(settings), settings);
}

void Concurrency::leave(const ConcurrencySettings& settings) {
  Tickets woken;
  {
    const std::lock_guard lock(mutex_);
    --in_flight_;
    settle(settings, &woken);
  }
  wake(woken);
}

void Concurrency::give_up(WaitingLine::Number number) {
  const std::lock_guard lock(mutex_);
  line_.leave(number);
  tickets_.erase(number);
}

bool Concurrency::room(const ConcurrencySettings& settings) const {
  return in_flight_ < limit_.limit(settings);
}

// Sends away who is too old, then lets in who is next.
void Concurrency::settle(const ConcurrencySettings& settings, Tickets* woken) {
  if (line_.empty()) return;
  for (const WaitingLine::Number number : line_.take_expired(clock_.now(), settings)) {
    refuse(number, woken);
  }
  while (room(settings)) {
    const auto number = line_.take_next();
    if (!number) return;
    auto ticket = tickets_.extract(*number).mapped();
    ++in_flight_;
    ticket->slot = Slot(shared_from_this(), ticket->settings, clock_.now());
    woken->push_back(std::move(ticket));
  }
}

void Concurrency::refuse(WaitingLine::Number number, Tickets* woken) {
  auto ticket = tickets_.extract(number).mapped();
  ticket->error = overloaded(ticket->settings);
  woken->push_back(std::move(ticket));
}

void Concurrency::wake(const Tickets& tickets) {
  for (const auto& ticket : tickets) {
    ticket->post([ticket] { ticket->deliver(); });
  }
}

Error Concurrency::overloaded(const ConcurrencySettings& settings) const {
  Error error = Error::ours(Code::kOverloaded, Stage::kLimit,
                            "too many requests wait for " + upstream_ + " already");
  const auto age = std::chrono::ceil<std::chrono::seconds>(settings.queue_age);
  error.retry_after = std::max<int64_t>(1, age.count());
  return error;
}

}  // namespace culvert
