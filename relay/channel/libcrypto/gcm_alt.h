// mbedTLS's GCM context where whole messages are libcrypto's (gcm.cc), named so by MBEDTLS_GCM_ALT.
// Plain pointers, so that who includes mbedTLS does not include OpenSSL.
#pragma once

struct culvert_native_gcm;

typedef struct mbedtls_gcm_context {
  void* whole;                        // an EVP_CIPHER_CTX; null: no key of AES was set
  struct culvert_native_gcm* native;  // mbedTLS's own; made where it is first asked for
  unsigned char key[32];              // what that is made with
  unsigned int key_bits;
} mbedtls_gcm_context;
