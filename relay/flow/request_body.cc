// One string; what may not be repeated is dropped as soon as it was sent.
#include "relay/flow/request_body.h"

#include "relay/base/kept_text.h"

#include <utility>

namespace culvert {

bool ReplayBudget::take(size_t bytes) {
  const size_t before = used_.fetch_add(bytes, std::memory_order_relaxed);
  if (before + bytes <= most_) return true;
  used_.fetch_sub(bytes, std::memory_order_relaxed);
  return false;
}

RequestBody::RequestBody(ReplayBudget& budget, size_t most) : budget_(budget), most_(most) {}

RequestBody::~RequestBody() {
  budget_.give(reserved_);
  keep_text(std::move(bytes_));
}

void RequestBody::append(std::string_view bytes) {
  if (replayable_) {
    if (bytes_.size() + bytes.size() <= most_ && budget_.take(bytes.size())) {
      reserved_ += bytes.size();
    } else {
      stop_replay();
    }
  }
  if (bytes_.capacity() < bytes.size() && bytes_.empty()) bytes_ = kept_text(bytes.size());
  bytes_.append(bytes);
}

void RequestBody::mark_sent() {
  sent_ = bytes_.size();
  if (!replayable_) stop_replay();
}

void RequestBody::stop_replay() {
  replayable_ = false;
  budget_.give(reserved_);
  reserved_ = 0;
  gone_ = gone_ || sent_ > 0;
  bytes_.erase(0, sent_);
  if (bytes_.empty()) keep_text(std::exchange(bytes_, {}));
  sent_ = 0;
}

}  // namespace culvert
