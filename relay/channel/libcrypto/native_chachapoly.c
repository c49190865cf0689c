// mbedTLS's own chachapoly.c, from the source that is being built, under the names of
// native_chachapoly.h. The renaming is the preprocessor's: nothing of mbedTLS is copied here or
// changed there.
#include <mbedtls/build_info.h>

#undef MBEDTLS_CHACHAPOLY_ALT
#undef MBEDTLS_SELF_TEST  // tests the names of before, in the library's own chachapoly.c

#define mbedtls_chachapoly_context culvert_native_chachapoly
#define mbedtls_chachapoly_init culvert_native_chachapoly_init
#define mbedtls_chachapoly_free culvert_native_chachapoly_free
#define mbedtls_chachapoly_setkey culvert_native_chachapoly_setkey
#define mbedtls_chachapoly_starts culvert_native_chachapoly_starts
#define mbedtls_chachapoly_update_aad culvert_native_chachapoly_update_aad
#define mbedtls_chachapoly_update culvert_native_chachapoly_update
#define mbedtls_chachapoly_finish culvert_native_chachapoly_finish
#define mbedtls_chachapoly_encrypt_and_tag culvert_native_chachapoly_encrypt_and_tag
#define mbedtls_chachapoly_auth_decrypt culvert_native_chachapoly_auth_decrypt

#include <library/chachapoly.c>

#include "relay/channel/libcrypto/native_chachapoly.h"

culvert_native_chachapoly* culvert_native_chachapoly_new(void) {
  culvert_native_chachapoly* ctx = mbedtls_calloc(1, sizeof *ctx);
  if (ctx != NULL) culvert_native_chachapoly_init(ctx);
  return ctx;
}

void culvert_native_chachapoly_delete(culvert_native_chachapoly* ctx) {
  culvert_native_chachapoly_free(ctx);
  mbedtls_free(ctx);
}

int culvert_native_chachapoly_begin(culvert_native_chachapoly* ctx,
                                    const unsigned char nonce[12],
                                    int mode) {
  return culvert_native_chachapoly_starts(ctx, nonce, (mbedtls_chachapoly_mode_t) mode);
}
