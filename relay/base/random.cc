// The kernel's random numbers, fetched in batches per thread because one is needed for each
// request.
#include "relay/base/random.h"

#include <fmt/format.h>
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
  return fmt::format("{:016x}{:016x}", random.next(), random.next());
}

}  // namespace culvert
