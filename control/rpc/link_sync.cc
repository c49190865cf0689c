// The reader waits while the inbox is full, so a relay that floods waits for its own messages.
#include "control/rpc/link_sync.h"

#include "control/fleet/limits.h"

#include <thread>

namespace culvert::control {

grpc::Status SyncCall::run(Dialogue& dialogue) {
  std::thread reader([this] { read_all(); });
  if (const auto heard = converse(dialogue); !heard) end(heard.error());
  // A reader that still reads is woken by the end of the call alone.
  if (!heard_out()) end(Error::ours(Code::kClientGone, Stage::kNone, "the stream has broken"));
  reader.join();
  return status();
}

void SyncCall::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_all();
}

// A write waits for as long as the relay does not read, and a stopped process reads nothing.
void SyncCall::check(Instant now) {
  {
    const std::lock_guard lock(mutex_);
    if (!writing_ || now - *writing_ < patience_) return;
  }
  end(Error::client(Code::kIdleTimeout, Stage::kNone, "the relay does not read"));
}

void SyncCall::on_end() {
  const std::lock_guard lock(mutex_);
  done_ = true;
  changed_.notify_all();
}

void SyncCall::read_all() {
  v1::SyncUp message;
  while (stream_.Read(&message)) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return inbox_.size() < limits::kInbox || done_; });
    if (done_) break;
    inbox_.push_back(std::move(message));
    changed_.notify_all();
  }
  const std::lock_guard lock(mutex_);
  read_out_ = true;
  changed_.notify_all();
}

Result<void> SyncCall::converse(Dialogue& dialogue) {
  while (!over()) {
    if (const auto message = take(dialogue.due())) CULVERT_CHECK(dialogue.hear(*message));
    if (over()) break;
    for (const v1::SyncDown& message : CULVERT_TRY(dialogue.speak())) {
      if (!write(message)) return {};
    }
  }
  return {};
}

bool SyncCall::write(const v1::SyncDown& message) {
  const auto note = [this](std::optional<Instant> since) {
    const std::lock_guard lock(mutex_);
    writing_ = since;
  };
  note(clock_.now());
  const bool written = stream_.Write(message);
  note(std::nullopt);
  return written;
}

std::optional<v1::SyncUp> SyncCall::take(Instant until) {
  std::unique_lock lock(mutex_);
  const auto something = [this] { return !inbox_.empty() || woken_ || read_out_ || done_; };
  changed_.wait_for(lock, std::max(until - clock_.now(), Duration::zero()), something);
  woken_ = false;
  if (inbox_.empty()) return std::nullopt;
  v1::SyncUp message = std::move(inbox_.front());
  inbox_.pop_front();
  changed_.notify_all();
  return message;
}

bool SyncCall::heard_out() const {
  const std::lock_guard lock(mutex_);
  return read_out_;
}

bool SyncCall::over() const {
  const std::lock_guard lock(mutex_);
  return done_ || (read_out_ && inbox_.empty());
}

}  // namespace culvert::control
