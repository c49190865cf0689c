// mbedTLS's own ChaCha20-Poly1305 beside libcrypto's (native_chachapoly.c compiles it once more,
// under these names), for messages in parts, and for all that is wrong, so that mbedTLS says how.
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct culvert_native_chachapoly culvert_native_chachapoly;

culvert_native_chachapoly* culvert_native_chachapoly_new(void);         // NULL: out of memory
void culvert_native_chachapoly_delete(culvert_native_chachapoly* ctx);  // NULL does nothing

int culvert_native_chachapoly_setkey(culvert_native_chachapoly* ctx, const unsigned char key[32]);
// mode: mbedtls_chachapoly_mode_t
int culvert_native_chachapoly_begin(culvert_native_chachapoly* ctx,
                                    const unsigned char nonce[12],
                                    int mode);
int culvert_native_chachapoly_update_aad(culvert_native_chachapoly* ctx,
                                         const unsigned char* aad,
                                         size_t aad_len);
int culvert_native_chachapoly_update(culvert_native_chachapoly* ctx,
                                     size_t len,
                                     const unsigned char* input,
                                     unsigned char* output);
int culvert_native_chachapoly_finish(culvert_native_chachapoly* ctx, unsigned char mac[16]);
int culvert_native_chachapoly_encrypt_and_tag(culvert_native_chachapoly* ctx,
                                              size_t length,
                                              const unsigned char nonce[12],
                                              const unsigned char* aad,
                                              size_t aad_len,
                                              const unsigned char* input,
                                              unsigned char* output,
                                              unsigned char tag[16]);
int culvert_native_chachapoly_auth_decrypt(culvert_native_chachapoly* ctx,
                                           size_t length,
                                           const unsigned char nonce[12],
                                           const unsigned char* aad,
                                           size_t aad_len,
                                           const unsigned char tag[16],
                                           const unsigned char* input,
                                           unsigned char* output);

#ifdef __cplusplus
}
#endif
