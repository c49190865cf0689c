// All have room for what most heads are, so that any of them serves.
#include "relay/base/kept_text.h"

#include <algorithm>
#include <array>
#include <utility>

namespace culvert {
namespace {

constexpr size_t kRoom = 1024;
constexpr size_t kMostRoom = 4 * kRoom;  // of a text that is kept

#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kMost = 0;  // so that a use after the end is seen
#else
constexpr size_t kMost = 32;
#endif

struct Texts {
  ~Texts() { count = kMost + 1; }  // what ends later on this thread is not kept
  std::array<std::string, 32> texts;
  size_t count = 0;
};
thread_local Texts texts_;

}  // namespace

std::string kept_text(size_t bytes) {
  Texts& kept = texts_;
  std::string text;
  const bool any = kept.count > 0 && kept.count <= kMost;
  if (any && bytes <= kMostRoom) text = std::move(kept.texts[--kept.count]);
  text.reserve(std::max(bytes, kRoom));
  return text;
}

void keep_text(std::string&& text) {
  Texts& kept = texts_;
  if (kept.count >= kMost || text.capacity() < kRoom || text.capacity() > kMostRoom) return;
  text.clear();
  kept.texts[kept.count++] = std::move(text);
}

}  // namespace culvert
