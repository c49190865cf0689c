// A replaced line unplugs itself later: the number tells it that its place is another's.
#include "control/fleet/switchboard.h"

namespace culvert::control {
namespace {

Error stopping() {
  return Error::ours(Code::kOverloaded, Stage::kNone, "the control service is stopping");
}

}  // namespace

Switchboard::Plug::Plug(Switchboard& board, std::string relay, LineKind kind, Line& line)
    : board_(board), place_(std::move(relay), kind) {
  const std::lock_guard lock(board_.mutex_);
  number_ = ++board_.numbers_;
  if (board_.closed_) line.end(stopping());
  Plugged& plugged = board_.lines_[place_];
  if (plugged.line != nullptr) {
    plugged.line->end(Error::client(Code::kClientGone, Stage::kNone,
                                    "another stream of this relay has taken its place"));
  }
  plugged = {number_, &line};
}

Switchboard::Plug::~Plug() {
  const std::lock_guard lock(board_.mutex_);
  const auto found = board_.lines_.find(place_);
  if (found != board_.lines_.end() && found->second.number == number_) board_.lines_.erase(found);
}

void Switchboard::wake_all() {
  const std::lock_guard lock(mutex_);
  for (const auto& [place, plugged] : lines_) plugged.line->wake();
}

void Switchboard::check_all(Instant now) {
  const std::lock_guard lock(mutex_);
  for (const auto& [place, plugged] : lines_) plugged.line->check(now);
}

void Switchboard::wake(const std::string& relay) {
  const std::lock_guard lock(mutex_);
  const auto found = lines_.find({relay, LineKind::kSync});
  if (found != lines_.end()) found->second.line->wake();
}

void Switchboard::end(const std::string& relay, const Error& why) {
  const std::lock_guard lock(mutex_);
  for (const LineKind kind : {LineKind::kSync, LineKind::kMetrics, LineKind::kLedger}) {
    const auto found = lines_.find({relay, kind});
    if (found != lines_.end()) found->second.line->end(why);
  }
}

void Switchboard::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (const auto& [place, plugged] : lines_) plugged.line->end(stopping());
}

size_t Switchboard::size() const {
  const std::lock_guard lock(mutex_);
  return lines_.size();
}

}  // namespace culvert::control
