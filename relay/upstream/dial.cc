// Two legs, one after the other.
#include "relay/upstream/dial.h"

#include <new>

namespace culvert {

Dial::Dial(Loop& loop, Resolver& resolver, const Clock& clock, DialPlan plan, DialSink& sink)
    : loop_(loop),
      clock_(clock),
      plan_(std::move(plan)),
      sink_(sink),
      leg_started_(clock.now()),
      lookup_(loop, resolver, plan_.host, plan_.policy, plan_.resolve_timeout, *this),
      timer_(loop, [this] { on_timer(); }) {}

Dial::~Dial() {
  if (race_ != nullptr) loop_.retire(std::move(race_));
}

void Dial::on_addresses(Addresses addresses) {
  resolve_took_ = since_last();
  if (plan_.bind) {
    std::erase_if(addresses,
                  [this](const Address& one) { return one.is_v4() != plan_.bind->is_v4(); });
    if (addresses.empty()) {
      return fail(Error::upstream(Code::kConnectFailed, Stage::kConnect, Retry::kOtherKey,
                                  "the name has no address of the family of the address that the "
                                  "key is to leave from"));
    }
  }
  timer_.start(plan_.connect_timeout);
  race_ = std::make_unique<Race>(loop_, std::move(addresses), plan_.port, plan_.bind,
                                 static_cast<RaceSink&>(*this));
}

void Dial::on_no_addresses(Error error) {
  resolve_took_ = since_last();
  fail(std::move(error));
}

void Dial::on_connected(Fd connection, const Address& /*peer*/) {
  connect_took_ = since_last();
  timer_.stop();
  over_ = true;
  try {
    sink_.on_dialled(std::move(connection));
  } catch (const std::bad_alloc&) {  // whoever calls could not tell the sink
    sink_.on_not_dialled(Error::ours(Code::kOutOfMemory, Stage::kConnect, "out of memory"));
  }
}

void Dial::on_not_connected(Error error) {
  connect_took_ = since_last();
  fail(std::move(error));
}

void Dial::on_timer() {
  connect_took_ = since_last();
  fail(Error::upstream(Code::kConnectTimeout, Stage::kConnect, Retry::kOtherUpstream,
                       "connecting took too long"));
}

Duration Dial::since_last() {
  const Instant now = clock_.now();
  return now - std::exchange(leg_started_, now);
}

void Dial::fail(Error error) {
  if (over_) return;
  over_ = true;
  timer_.stop();
  sink_.on_not_dialled(std::move(error));
}

}  // namespace culvert
