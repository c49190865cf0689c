// mbedTLS's ChaCha20-Poly1305 context where whole messages are libcrypto's (chachapoly.cc), named
// so by MBEDTLS_CHACHAPOLY_ALT. Plain pointers, so that who includes mbedTLS does not include
// OpenSSL.
#pragma once

struct culvert_native_chachapoly;

typedef struct mbedtls_chachapoly_context {
  void* whole;                               // an EVP_CIPHER_CTX; null: no key was set
  struct culvert_native_chachapoly* native;  // mbedTLS's own; made where it is first asked for
  unsigned char key[32];                     // what that is made with
} mbedtls_chachapoly_context;
