// mbedTLS's SHA-256 context as libcrypto's (sha2.cc), named so by MBEDTLS_SHA256_ALT. Room and
// alignment alone, so that who includes mbedTLS does not include OpenSSL.
#pragma once

#include <stdint.h>

typedef struct mbedtls_sha256_context {
  uint32_t words[28];
} mbedtls_sha256_context;
