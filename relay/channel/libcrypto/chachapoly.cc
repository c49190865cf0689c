// MBEDTLS_CHACHAPOLY_ALT: whole messages go to libcrypto, messages in parts to mbedTLS's own code:
// there a decryption's tag comes out of finish(), and EVP takes it in. The own context, which TLS
// records never ask for, is made where it is first wanted.
#include "relay/channel/libcrypto/aead.h"
#include "relay/channel/libcrypto/hooks.h"
#include "relay/channel/libcrypto/native_chachapoly.h"

#include <mbedtls/chachapoly.h>
#include <mbedtls/cipher.h>
#include <mbedtls/error.h>

#include <cstring>

namespace culvert::libcrypto {
namespace {

EVP_CIPHER_CTX* whole(const mbedtls_chachapoly_context* context) {
  return static_cast<EVP_CIPHER_CTX*>(context->whole);
}

void clear(mbedtls_chachapoly_context* context) {
  EVP_CIPHER_CTX_free(whole(context));
  culvert_native_chachapoly_delete(context->native);
  OPENSSL_cleanse(context, sizeof *context);
}

// Without a key its bytes are zero, as mbedTLS has it.
int make_native(mbedtls_chachapoly_context* context) {
  if (context->native != nullptr) return 0;
  culvert_native_chachapoly* native = culvert_native_chachapoly_new();
  if (native == nullptr) return MBEDTLS_ERR_CIPHER_ALLOC_FAILED;
  const int code = culvert_native_chachapoly_setkey(native, context->key);
  if (code != 0) {
    culvert_native_chachapoly_delete(native);
  } else {
    context->native = native;
  }
  return code;
}

}  // namespace
}  // namespace culvert::libcrypto

using namespace culvert::libcrypto;  // NOLINT(google-build-using-namespace): the hooks' own names

extern "C" {

void mbedtls_chachapoly_init(mbedtls_chachapoly_context* ctx) { *ctx = {}; }

void mbedtls_chachapoly_free(mbedtls_chachapoly_context* ctx) {
  if (ctx != nullptr) clear(ctx);
}

int mbedtls_chachapoly_setkey(mbedtls_chachapoly_context* ctx, const unsigned char key[32]) {
  clear(ctx);
  if (chacha_poly() == nullptr) return MBEDTLS_ERR_CIPHER_FEATURE_UNAVAILABLE;
  CipherContext made = keyed(chacha_poly(), key);
  if (made == nullptr) return MBEDTLS_ERR_CIPHER_ALLOC_FAILED;
  ctx->whole = made.release();
  std::memcpy(ctx->key, key, sizeof ctx->key);
  return 0;
}

int mbedtls_chachapoly_encrypt_and_tag(mbedtls_chachapoly_context* ctx,
                                       size_t length,
                                       const unsigned char nonce[12],
                                       const unsigned char* aad,
                                       size_t aad_len,
                                       const unsigned char* input,
                                       unsigned char* output,
                                       unsigned char tag[16]) {
  const Message message{nonce, aad, aad_len, input, output, length};
  if (ctx->whole != nullptr && fits(message)) {
    called(Hook::kChachaPoly);
    return seal(whole(ctx), message, tag, kTagBytes) ? 0 : MBEDTLS_ERR_PLATFORM_HW_ACCEL_FAILED;
  }
  const int code = make_native(ctx);
  return code != 0 ? code
                   : culvert_native_chachapoly_encrypt_and_tag(ctx->native, length, nonce, aad,
                                                               aad_len, input, output, tag);
}

int mbedtls_chachapoly_auth_decrypt(mbedtls_chachapoly_context* ctx,
                                    size_t length,
                                    const unsigned char nonce[12],
                                    const unsigned char* aad,
                                    size_t aad_len,
                                    const unsigned char tag[16],
                                    const unsigned char* input,
                                    unsigned char* output) {
  const Message message{nonce, aad, aad_len, input, output, length};
  if (ctx->whole != nullptr && fits(message)) {
    called(Hook::kChachaPoly);
    return open(whole(ctx), message, tag, kTagBytes) ? 0 : MBEDTLS_ERR_CHACHAPOLY_AUTH_FAILED;
  }
  const int code = make_native(ctx);
  return code != 0 ? code
                   : culvert_native_chachapoly_auth_decrypt(ctx->native, length, nonce, aad,
                                                            aad_len, tag, input, output);
}

int mbedtls_chachapoly_starts(mbedtls_chachapoly_context* ctx,
                              const unsigned char nonce[12],
                              mbedtls_chachapoly_mode_t mode) {
  const int code = make_native(ctx);
  return code != 0 ? code : culvert_native_chachapoly_begin(ctx->native, nonce, mode);
}

int mbedtls_chachapoly_update_aad(mbedtls_chachapoly_context* ctx,
                                  const unsigned char* aad,
                                  size_t aad_len) {
  const int code = make_native(ctx);
  return code != 0 ? code : culvert_native_chachapoly_update_aad(ctx->native, aad, aad_len);
}

int mbedtls_chachapoly_update(mbedtls_chachapoly_context* ctx,
                              size_t len,
                              const unsigned char* input,
                              unsigned char* output) {
  const int code = make_native(ctx);
  return code != 0 ? code : culvert_native_chachapoly_update(ctx->native, len, input, output);
}

int mbedtls_chachapoly_finish(mbedtls_chachapoly_context* ctx, unsigned char mac[16]) {
  const int code = make_native(ctx);
  return code != 0 ? code : culvert_native_chachapoly_finish(ctx->native, mac);
}

}  // extern "C"
