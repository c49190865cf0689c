// Which of mbedTLS's hooks the calling thread has come through. The check at start (check.h) reads
// it: a hook that is lost costs no correctness, only eight handshakes out of nine, and would be
// silent. A bit of the thread's own, because a counter for all threads would be written by each of
// their records.
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

inline void called(Hook hook) { hooks_called |= uint32_t{1} << static_cast<uint8_t>(hook); }

}  // namespace culvert::libcrypto
