// OpenSSL's memory in this program: counted, and made to fail at the nth allocation of the thread
// that asked for it.
#pragma once

#include <cstdint>

namespace culvert::test {

int64_t live_allocations();  // of all threads

// The calling thread's nth allocation from now on fails, and each one after it; 0: none does.
void fail_allocations_from(int64_t nth);
bool allocation_failed();  // since then

}  // namespace culvert::test
