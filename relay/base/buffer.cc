// Compaction is amortised: bytes move only when at least half of the storage was consumed.
#include "relay/base/buffer.h"

namespace culvert {

void Buffer::append(std::string_view bytes) {
  if (start_ > 0 && start_ >= bytes_.size() / 2) {
    bytes_.erase(0, start_);
    start_ = 0;
  }
  bytes_.append(bytes);
}

void Buffer::reserve(size_t size) { bytes_.reserve(start_ + size); }

void Buffer::consume(size_t count) {
  start_ += count;
  if (start_ == bytes_.size()) clear();
}

void Buffer::release() {
  if (empty()) std::string().swap(bytes_);
}

void Buffer::clear() {
  start_ = 0;
  if (bytes_.capacity() > 4096) {
    std::string().swap(bytes_);
  } else {
    bytes_.clear();
  }
}

}  // namespace culvert
