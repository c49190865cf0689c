// Memory of what every request makes and ends: each thread keeps some of it for the next one.
// malloc keeps nothing above 1 KiB for a thread, and joins and splits such pieces each time.
#pragma once

#include <cassert>
#include <cstddef>
#include <new>
#include <utility>

namespace culvert {

// A base of the class T itself, which nothing derives from.
template <class T>
class Recycled {
 public:
  static constexpr size_t kKept = 32;

  static void* operator new(size_t bytes) {
    assert(bytes == sizeof(T));
    Pieces& pieces = pieces_;
    if (pieces.first == nullptr) return ::operator new(bytes);
    --pieces.count;
    return std::exchange(pieces.first, pieces.first->next);
  }

  static void operator delete(void* memory) {
    Pieces& pieces = pieces_;
    if (pieces.count == kMost) return ::operator delete(memory);
    ++pieces.count;
    pieces.first = ::new (memory) Piece{pieces.first};
  }

 private:
#if defined(__SANITIZE_ADDRESS__)
  static constexpr size_t kMost = 0;  // so that a use after the end is seen
#else
  static constexpr size_t kMost = kKept;
#endif

  struct Piece {
    Piece* next;
  };
  struct Pieces {
    ~Pieces() {
      while (first != nullptr) ::operator delete(std::exchange(first, first->next));
      count = kMost;  // what ends later on this thread is not kept
    }
    Piece* first = nullptr;
    size_t count = 0;
  };
  static inline thread_local Pieces pieces_;
};

}  // namespace culvert
