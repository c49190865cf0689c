// Faults at will: the n-th allocation, accept, connect, read or write of the relay's threads fails.
// The whole program's operator new and socket calls go through faults.cc; threads of the test
// itself are exempt.
#pragma once

#include <cstdint>

namespace culvert::test {

enum class FaultKind : uint8_t { kNone, kAllocation, kAccept, kConnect, kReceive, kSend };

struct FaultPlan {
  FaultKind kind = FaultKind::kNone;
  int64_t at = 1;     // the first call that fails, from 1
  int64_t count = 1;  // how many in a row fail
  int error = 0;      // errno; kShort and kEnd instead of it
};

inline constexpr int kShort = -1;  // one byte is moved, and no more
inline constexpr int kEnd = -2;    // a read finds the end

void arm(const FaultPlan& plan);
// Whether the plan's first call happened since arm().
bool disarm();
// For the calling thread, and for good.
void exempt_this_thread();

}  // namespace culvert::test
