// Which of mbedTLS's hooks the calling thread has come through. The check at start (check.h) reads
// it: a hook that is lost costs no correctness, only speed, and would be silent. Bits of the
// thread's own, because a counter of the process would be written by each record of each thread.
#pragma once

#include <cstdint>

namespace culvert::libcrypto {

enum class Hook : uint8_t {
  kEcdsaSign,
  kEcdsaVerify,
  kEcdhPublic,
  kEcdhShared,
  kKeyShare,
  kKeyAgreement,
  kSha256,
  kSha512,
  kGcm,
  kChachaPoly,
};

extern thread_local constinit uint32_t hooks_called;

constexpr uint32_t bit_of(Hook hook) { return uint32_t{1} << static_cast<uint8_t>(hook); }

inline void called(Hook hook) { hooks_called |= bit_of(hook); }
inline bool was_called(Hook hook) { return (hooks_called & bit_of(hook)) != 0; }

}  // namespace culvert::libcrypto
