// The kernel's random numbers, fetched in batches per thread because one is needed for each
// request.
#include "relay/base/random.h"

#include <sys/random.h>

#include <array>
#include <cstdlib>

namespace culvert {
namespace {

class SystemRandom final : public Random {
 public:
  uint64_t next() override {
    thread_local std::array<uint64_t, 32> batch;
    thread_local size_t used = batch.size();
    if (used == batch.size()) {
      // At most 256 bytes: getrandom(2) then never returns fewer, and only fails before the
      // kernel's pool was seeded, when nothing can go on safely.
      if (getrandom(batch.data(), sizeof batch, 0) != sizeof batch) std::abort();
      used = 0;
    }
    return batch[used++];
  }
};

}  // namespace

Random& Random::system() {
  static SystemRandom random;
  return random;
}

std::string random_id(Random& random) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string id(32, '0');
  char* to = id.data();
  for (int half = 0; half < 2; ++half) {
    const uint64_t bits = random.next();
    for (int shift = 60; shift >= 0; shift -= 4) *to++ = kHex[(bits >> shift) & 15U];
  }
  return id;
}

}  // namespace culvert
