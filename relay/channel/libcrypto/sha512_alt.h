// mbedTLS's SHA-512 and SHA-384 context as libcrypto's (sha2.cc), named so by MBEDTLS_SHA512_ALT.
// Room and alignment alone, so that who includes mbedTLS does not include OpenSSL.
#pragma once

#include <stdint.h>

typedef struct mbedtls_sha512_context {
  uint64_t words[27];
} mbedtls_sha512_context;
