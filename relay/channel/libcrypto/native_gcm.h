// mbedTLS's own GCM beside libcrypto's (native_gcm.c compiles it once more, under these names), for
// what EVP does not do: messages in parts, ciphers other than AES, nonces of other lengths, and all
// that is wrong, so that mbedTLS says how.
#pragma once

#include <mbedtls/cipher.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct culvert_native_gcm culvert_native_gcm;

culvert_native_gcm* culvert_native_gcm_new(void);         // NULL: out of memory
void culvert_native_gcm_delete(culvert_native_gcm* ctx);  // NULL does nothing

int culvert_native_gcm_setkey(culvert_native_gcm* ctx,
                              mbedtls_cipher_id_t cipher,
                              const unsigned char* key,
                              unsigned int keybits);
int culvert_native_gcm_starts(culvert_native_gcm* ctx,
                              int mode,
                              const unsigned char* iv,
                              size_t iv_len);
int culvert_native_gcm_update_ad(culvert_native_gcm* ctx, const unsigned char* add, size_t add_len);
int culvert_native_gcm_update(culvert_native_gcm* ctx,
                              const unsigned char* input,
                              size_t input_length,
                              unsigned char* output,
                              size_t output_size,
                              size_t* output_length);
int culvert_native_gcm_finish(culvert_native_gcm* ctx,
                              unsigned char* output,
                              size_t output_size,
                              size_t* output_length,
                              unsigned char* tag,
                              size_t tag_len);
int culvert_native_gcm_crypt_and_tag(culvert_native_gcm* ctx,
                                     int mode,
                                     size_t length,
                                     const unsigned char* iv,
                                     size_t iv_len,
                                     const unsigned char* add,
                                     size_t add_len,
                                     const unsigned char* input,
                                     unsigned char* output,
                                     size_t tag_len,
                                     unsigned char* tag);
int culvert_native_gcm_auth_decrypt(culvert_native_gcm* ctx,
                                    size_t length,
                                    const unsigned char* iv,
                                    size_t iv_len,
                                    const unsigned char* add,
                                    size_t add_len,
                                    const unsigned char* tag,
                                    size_t tag_len,
                                    const unsigned char* input,
                                    unsigned char* output);

#ifdef __cplusplus
}
#endif
