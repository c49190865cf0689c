// mbedTLS's own gcm.c, from the source that is being built, under the names of native_gcm.h. The
// renaming is the preprocessor's: nothing of mbedTLS is copied here or changed there.
#include <mbedtls/build_info.h>

#undef MBEDTLS_GCM_ALT
#undef MBEDTLS_SELF_TEST  // tests the names of before, in the library's own gcm.c

#define mbedtls_gcm_context culvert_native_gcm
#define mbedtls_gcm_init culvert_native_gcm_init
#define mbedtls_gcm_free culvert_native_gcm_free
#define mbedtls_gcm_setkey culvert_native_gcm_setkey
#define mbedtls_gcm_starts culvert_native_gcm_starts
#define mbedtls_gcm_update_ad culvert_native_gcm_update_ad
#define mbedtls_gcm_update culvert_native_gcm_update
#define mbedtls_gcm_finish culvert_native_gcm_finish
#define mbedtls_gcm_crypt_and_tag culvert_native_gcm_crypt_and_tag
#define mbedtls_gcm_auth_decrypt culvert_native_gcm_auth_decrypt

#include <library/gcm.c>

#include "relay/channel/libcrypto/native_gcm.h"

culvert_native_gcm* culvert_native_gcm_new(void) {
  culvert_native_gcm* ctx = mbedtls_calloc(1, sizeof *ctx);
  if (ctx != NULL) culvert_native_gcm_init(ctx);
  return ctx;
}

void culvert_native_gcm_delete(culvert_native_gcm* ctx) {
  culvert_native_gcm_free(ctx);
  mbedtls_free(ctx);
}
