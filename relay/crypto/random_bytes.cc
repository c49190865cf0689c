// Straight from getrandom(2): keys made of these bytes are in no buffer of ours.
#include "relay/crypto/random_bytes.h"

#include <sys/random.h>

#include <algorithm>
#include <cassert>

namespace culvert {

int fill_random(void* /*unused*/, unsigned char* out, size_t count) {
  while (count > 0) {
    const size_t part = std::min<size_t>(count, 256);  // never fewer than asked, up to here
    if (getrandom(out, part, 0) != static_cast<ssize_t>(part)) return -1;
    out += part;
    count -= part;
  }
  return 0;
}

std::string random_bytes(size_t count) {
  std::string bytes(count, '\0');
  const int code = fill_random(nullptr, reinterpret_cast<unsigned char*>(bytes.data()), count);
  assert(code == 0);  // only before the kernel's pool was seeded
  static_cast<void>(code);
  return bytes;
}

}  // namespace culvert
