// Randomness as a seam. What must not be guessed comes from the kernel; tests pass a seeded one.
#pragma once

#include <cstdint>
#include <string>

namespace culvert {

class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t next() = 0;

  // Uniform in [0, bound); bound > 0. The bias of the modulus is below 2^-32 for bounds of 32 bits.
  uint64_t below(uint64_t bound) { return next() % bound; }

  static Random& system();  // getrandom(2); safe on any thread
};

// xorshift64*: the same seed gives the same numbers, for tests.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed == 0 ? 1 : seed) {}
  uint64_t next() override {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545F4914F6CDD1DULL;
  }

 private:
  uint64_t state_;
};

// 128 bits in 32 hexadecimal digits: ids of requests.
std::string random_id(Random& random);

}  // namespace culvert
