// One stretch of address space, cut into slots. A free slot keeps its pages while few are free,
// because handshakes come in bursts; beyond that they go back to the system.
#include "relay/channel/tls_memory.h"

#include <mbedtls/platform.h>
#include <mbedtls/ssl.h>
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>

namespace culvert {
namespace {

constexpr size_t kSlot = 20 * 1024;  // pages for a record, its header and its tag
constexpr size_t kRecord = 16 * 1024;
static_assert(MBEDTLS_SSL_IN_CONTENT_LEN >= kRecord && MBEDTLS_SSL_IN_CONTENT_LEN + 1024 < kSlot);

class Slots {
 public:
  static constexpr size_t kMost = 800 * 1024;  // 16 GB of addresses, of 400,000 connections
  static constexpr size_t kWarm = 64;

  bool reserve() {
    base_ = map(kMost * kSlot);
    next_ = reinterpret_cast<uint32_t*>(map(kMost * sizeof(uint32_t)));
    if (base_ == nullptr || next_ == nullptr) return false;
    // A huge page would hold a hundred of them, touched or not.
    madvise(base_, kMost * kSlot, MADV_NOHUGEPAGE);
    return true;
  }

  // Zeros; null where no slot is left.
  void* take(size_t used) {
    const std::lock_guard lock(mutex_);
    if (warm_.first != kNone) {
      void* slot = at(pop(&warm_));
      std::memset(slot, 0, used);
      return slot;
    }
    if (cold_.first != kNone) return at(pop(&cold_));
    return touched_ < kMost ? at(touched_++) : nullptr;
  }

  bool owns(const void* memory) const {
    const auto* bytes = static_cast<const std::byte*>(memory);
    return base_ != nullptr && bytes >= base_ && bytes < base_ + kMost * kSlot;
  }

  void rest(void* memory) { madvise(memory, kSlot, MADV_DONTNEED); }

  void give_back(void* memory) {
    const auto slot = static_cast<uint32_t>(
        static_cast<size_t>(static_cast<std::byte*>(memory) - base_) / kSlot);
    const std::lock_guard lock(mutex_);
    if (warm_.count < kWarm) return push(&warm_, slot);
    madvise(memory, kSlot, MADV_DONTNEED);
    push(&cold_, slot);
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct List {
    uint32_t first = kNone;
    size_t count = 0;
  };

  static std::byte* map(size_t bytes) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? nullptr : static_cast<std::byte*>(memory);
  }
  void* at(uint32_t slot) { return base_ + slot * kSlot; }
  void push(List* list, uint32_t slot) {
    next_[slot] = list->first;
    list->first = slot;
    ++list->count;
  }
  uint32_t pop(List* list) {
    const uint32_t slot = list->first;
    list->first = next_[slot];
    --list->count;
    return slot;
  }

  std::byte* base_ = nullptr;
  uint32_t* next_ = nullptr;  // of each free slot
  List warm_;
  List cold_;
  uint32_t touched_ = 0;
  std::mutex mutex_;
};

// mbedTLS asks through plain functions, until the process ends.
Slots& slots() {
  static Slots all;
  return all;
}

void* take(size_t count, size_t size) {
  size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes)) return nullptr;
  if (bytes > kRecord && bytes <= kSlot) {
    if (void* slot = slots().take(bytes)) return slot;
  }
  return std::calloc(count, size);
}

void give_back(void* memory) {
  slots().owns(memory) ? slots().give_back(memory) : std::free(memory);
}

}  // namespace

bool rest_tls_buffer(void* buffer) {
  if (!slots().owns(buffer)) return false;
  slots().rest(buffer);
  return true;
}

bool page_tls_buffers() {
  return slots().reserve() && mbedtls_platform_set_calloc_free(take, give_back) == 0;
}

}  // namespace culvert
