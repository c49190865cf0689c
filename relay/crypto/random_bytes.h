// The kernel's random bytes, in the two forms that keys and certificates need them. Any thread.
#pragma once

#include <cstddef>
#include <string>

namespace culvert {

std::string random_bytes(size_t count);

// The form of mbedTLS's f_rng. Fails only before the kernel's pool was seeded.
int fill_random(void* unused, unsigned char* out, size_t count);

}  // namespace culvert
