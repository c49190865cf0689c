// The allocator, and main(): both have to come before whatever calls OpenSSL.
#include "tests/unit/channel/libcrypto/allocations.h"

#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <psa/crypto.h>

#include <atomic>
#include <cstdlib>

namespace culvert::test {
namespace {

std::atomic<int64_t> live{0};
thread_local int64_t fails_at = 0;
thread_local int64_t asked = 0;

bool fails() { return fails_at > 0 && ++asked >= fails_at; }

void* allocate(size_t size, const char* /*file*/, int /*line*/) {
  if (fails()) return nullptr;
  void* memory = std::malloc(size);
  if (memory != nullptr) ++live;
  return memory;
}

void release(void* memory, const char* /*file*/, int /*line*/) {
  if (memory != nullptr) --live;
  std::free(memory);
}

void* reallocate(void* memory, size_t size, const char* file, int line) {
  if (memory == nullptr) return allocate(size, file, line);
  if (size == 0) {
    release(memory, file, line);
    return nullptr;
  }
  return fails() ? nullptr : std::realloc(memory, size);
}

}  // namespace

int64_t live_allocations() { return live.load(); }

void fail_allocations_from(int64_t nth) {
  fails_at = nth;
  asked = 0;
}

bool allocation_failed() { return fails_at > 0 && asked >= fails_at; }

}  // namespace culvert::test

int main(int argc, char** argv) {
  if (CRYPTO_set_mem_functions(culvert::test::allocate, culvert::test::reallocate,
                               culvert::test::release) != 1 ||
      psa_crypto_init() != PSA_SUCCESS) {
    return 2;
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
