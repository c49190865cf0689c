// The life of a splice: both open → one ended → both ended and flushed, or broken off. A channel
// does not tell that its queue is empty, so the last bytes are looked after by a timer.
#include "relay/stream/splice.h"

#include "relay/base/limits.h"

#include <utility>

namespace culvert {
namespace {

constexpr auto kLook = std::chrono::milliseconds(20);

}  // namespace

Splice::Splice(Loop& loop, Timers timers, SpliceSink& sink)
    : timers_(timers),
      sink_(sink),
      idle_(loop, [this] { idle_expired(); }),
      total_(loop, [this] { finish_both(SpliceEnd::Cause::kTotal); }),
      look_(loop, [this] { look(); }) {
  for (const Side side : {kClient, kDestination}) {
    ends_[side].splice = this;
    ends_[side].other = &ends_[1 - side];
  }
}

Splice::~Splice() {
  for (End& end : ends_) {
    if (end.channel != nullptr) end.channel->mute();
  }
}

void Splice::start(std::unique_ptr<Channel> client,
                   std::unique_ptr<Channel> destination,
                   std::string_view first) {
  ends_[kClient].channel = std::move(client);
  ends_[kDestination].channel = std::move(destination);
  ends_[kClient].bytes = first.size();
  if (!first.empty()) ends_[kDestination].channel->write(first);
  watch_idle();
  if (timers_.total > Duration::zero()) total_.start(timers_.total);
  for (End& end : ends_) {
    end.channel->forward_to(*end.other->channel);
    end.channel->start(end);
    end.channel->resume();
  }
}

void Splice::arrived(End& from, std::string_view bytes) {
  if (over_ || broken_to_ != nullptr) return;
  from.bytes += bytes.size();
  watch_idle();
  Channel& to = *from.other->channel;
  to.write(bytes);
  if (to.queued() > limits::kHighWater) hold(from);
}

// What the other side has not taken yet is all that may wait for it.
void Splice::forwarded(End& from, size_t count) {
  if (over_ || broken_to_ != nullptr) return;
  from.bytes += count;
  watch_idle();
  if (from.other->channel->queued() > 0) hold(from);
}

void Splice::hold(End& from) {
  if (!std::exchange(from.held, true)) from.channel->pause();
}

// The low mark: more may come.
void Splice::drained(End& to) {
  watch_idle();
  if (broken_to_ != nullptr || !std::exchange(to.other->held, false)) return;
  to.other->channel->resume();
}

void Splice::ended(End& from, bool clean) {
  if (over_ || broken_to_ != nullptr || from.ended) return;
  if (!clean && timers_.cuts == Cuts::kBreakOff) {
    return break_off(from, {{}, "TLS ended without saying so, and may have been cut"});
  }
  from.ended = true;
  watch_idle();
  from.other->channel->finish(clean ? Channel::Finish::kClean : Channel::Finish::kCut);
  if (from.other->ended) look();
}

void Splice::failed(End& from, Error error) {
  if (over_) return;
  if (error.code == Code::kOutOfMemory) {
    for (End& end : ends_) end.channel->reset_on_close();
    return over({SpliceEnd::Cause::kOutOfMemory, std::move(error.detail)});
  }
  if (broken_to_ == &from) return over(std::move(end_));
  // Its end had come, and nothing is owed to it any more: what it gets of the other side is lost.
  break_off(from, {{}, std::move(error.detail)});
}

void Splice::break_off(End& from, SpliceEnd end) {
  if (broken_to_ != nullptr) return;
  end.cause = &from == &ends_[kClient] ? SpliceEnd::Cause::kClient : SpliceEnd::Cause::kDestination;
  end_ = std::move(end);
  broken_to_ = from.other;
  idle_.stop();
  total_.stop();
  from.channel->mute();
  from.channel->reset_on_close();
  broken_to_->channel->pause();
  broken_to_->channel->reset_on_close();
  progressed();
  look_.start(kLook);
}

void Splice::look() {
  if (broken_to_ != nullptr) return look_at_broken();
  for (const End& end : ends_) {
    if (end.channel->queued() > 0) return look_.start(kLook);
  }
  over({});
}

// A reset drops what the peer's system has not acknowledged yet, so it waits for as long as more of
// it is.
void Splice::look_at_broken() {
  lingered_ += kLook;
  const bool waits = progressed() || broken_to_->channel->queued() > 0;
  if (waits && lingered_ < limits::kTunnelLinger) return look_.start(kLook);
  over(std::move(end_));
}

void Splice::watch_idle() {
  if (timers_.idle > Duration::zero() && !over_) idle_.start(timers_.idle);
}

// Nothing came in; a slow reader may be taking what waits for it all the same.
void Splice::idle_expired() {
  const bool waits = ends_[kClient].channel->queued() + ends_[kDestination].channel->queued() > 0;
  if (waits && progressed()) return watch_idle();
  finish_both(SpliceEnd::Cause::kIdle);
}

bool Splice::progressed() {
  bool any = false;
  for (End& end : ends_) {
    const uint64_t now = end.channel->acknowledged();
    if (std::exchange(end.acknowledged, now) != now) any = true;
  }
  return any;
}

void Splice::close() {
  if (!over_ && ends_[kClient].channel != nullptr) finish_both(SpliceEnd::Cause::kClosed);
}

void Splice::finish_both(SpliceEnd::Cause cause) {
  for (End& end : ends_) {
    if (end.channel->queued() > 0 || broken_to_ != nullptr) {
      end.channel->reset_on_close();  // an end behind a gap would make it look whole
    } else {
      end.channel->finish(Channel::Finish::kClean);
    }
  }
  over(broken_to_ != nullptr ? std::move(end_) : SpliceEnd{cause, {}});
}

void Splice::over(SpliceEnd end) {
  if (std::exchange(over_, true)) return;
  idle_.stop();
  total_.stop();
  look_.stop();
  for (End& each : ends_) each.channel->mute();
  sink_.on_splice_over(std::move(end));
}

}  // namespace culvert
