// MBEDTLS_GCM_ALT: whole AES messages with a nonce of 12 bytes go to libcrypto, all else to
// mbedTLS's own code. In parts they cannot go there: a decryption's tag comes out of finish(), and
// EVP takes it in. The own context, which TLS records never ask for, is made where it is first
// wanted.
#include "relay/channel/libcrypto/aead.h"
#include "relay/channel/libcrypto/hooks.h"
#include "relay/channel/libcrypto/native_gcm.h"

#include <mbedtls/cipher.h>
#include <mbedtls/error.h>
#include <mbedtls/gcm.h>

#include <cstring>

namespace culvert::libcrypto {
namespace {

constexpr size_t kLeastTagBytes = 4;  // NIST SP 800-38D, 5.2.1.2

EVP_CIPHER_CTX* whole(const mbedtls_gcm_context* context) {
  return static_cast<EVP_CIPHER_CTX*>(context->whole);
}

void clear(mbedtls_gcm_context* context) {
  EVP_CIPHER_CTX_free(whole(context));
  culvert_native_gcm_delete(context->native);
  OPENSSL_cleanse(context, sizeof *context);
}

// Keyed as the context is; without a key it says itself what is missing.
int make_native(mbedtls_gcm_context* context) {
  if (context->native != nullptr) return 0;
  culvert_native_gcm* native = culvert_native_gcm_new();
  if (native == nullptr) return MBEDTLS_ERR_CIPHER_ALLOC_FAILED;
  int code = 0;
  if (context->whole != nullptr) {
    code =
        culvert_native_gcm_setkey(native, MBEDTLS_CIPHER_ID_AES, context->key, context->key_bits);
  }
  if (code != 0) {
    culvert_native_gcm_delete(native);
  } else {
    context->native = native;
  }
  return code;
}

int set_aes_key(mbedtls_gcm_context* context, const uint8_t* key, unsigned bits) {
  const EVP_CIPHER* cipher = aes_gcm(bits);
  if (cipher == nullptr) return MBEDTLS_ERR_CIPHER_FEATURE_UNAVAILABLE;
  CipherContext made = keyed(cipher, key);
  if (made == nullptr) return MBEDTLS_ERR_CIPHER_ALLOC_FAILED;
  context->whole = made.release();
  std::memcpy(context->key, key, bits / 8);
  context->key_bits = bits;
  return 0;
}

bool takes(const mbedtls_gcm_context* context,
           const Message& message,
           size_t nonce_size,
           size_t tag_size) {
  return context->whole != nullptr && nonce_size == kNonceBytes && tag_size >= kLeastTagBytes &&
         tag_size <= kTagBytes && fits(message);
}

}  // namespace
}  // namespace culvert::libcrypto

using namespace culvert::libcrypto;  // NOLINT(google-build-using-namespace): the hooks' own names

extern "C" {

void mbedtls_gcm_init(mbedtls_gcm_context* ctx) { *ctx = {}; }

void mbedtls_gcm_free(mbedtls_gcm_context* ctx) {
  if (ctx != nullptr) clear(ctx);
}

int mbedtls_gcm_setkey(mbedtls_gcm_context* ctx,
                       mbedtls_cipher_id_t cipher,
                       const unsigned char* key,
                       unsigned int keybits) {
  const bool aes =
      cipher == MBEDTLS_CIPHER_ID_AES && (keybits == 128 || keybits == 192 || keybits == 256);
  clear(ctx);
  if (aes) return set_aes_key(ctx, key, keybits);
  const int code = make_native(ctx);
  return code != 0 ? code : culvert_native_gcm_setkey(ctx->native, cipher, key, keybits);
}

int mbedtls_gcm_crypt_and_tag(mbedtls_gcm_context* ctx,
                              int mode,
                              size_t length,
                              const unsigned char* iv,
                              size_t iv_len,
                              const unsigned char* add,
                              size_t add_len,
                              const unsigned char* input,
                              unsigned char* output,
                              size_t tag_len,
                              unsigned char* tag) {
  const Message message{iv, add, add_len, input, output, length};
  if (mode == MBEDTLS_GCM_ENCRYPT && takes(ctx, message, iv_len, tag_len)) {
    called(Hook::kGcm);
    return seal(whole(ctx), message, tag, tag_len) ? 0 : MBEDTLS_ERR_PLATFORM_HW_ACCEL_FAILED;
  }
  const int code = make_native(ctx);
  return code != 0 ? code
                   : culvert_native_gcm_crypt_and_tag(ctx->native, mode, length, iv, iv_len, add,
                                                      add_len, input, output, tag_len, tag);
}

int mbedtls_gcm_auth_decrypt(mbedtls_gcm_context* ctx,
                             size_t length,
                             const unsigned char* iv,
                             size_t iv_len,
                             const unsigned char* add,
                             size_t add_len,
                             const unsigned char* tag,
                             size_t tag_len,
                             const unsigned char* input,
                             unsigned char* output) {
  const Message message{iv, add, add_len, input, output, length};
  if (takes(ctx, message, iv_len, tag_len)) {
    called(Hook::kGcm);
    return open(whole(ctx), message, tag, tag_len) ? 0 : MBEDTLS_ERR_GCM_AUTH_FAILED;
  }
  const int code = make_native(ctx);
  return code != 0 ? code
                   : culvert_native_gcm_auth_decrypt(ctx->native, length, iv, iv_len, add, add_len,
                                                     tag, tag_len, input, output);
}

int mbedtls_gcm_starts(mbedtls_gcm_context* ctx, int mode, const unsigned char* iv, size_t iv_len) {
  const int code = make_native(ctx);
  return code != 0 ? code : culvert_native_gcm_starts(ctx->native, mode, iv, iv_len);
}

int mbedtls_gcm_update_ad(mbedtls_gcm_context* ctx, const unsigned char* add, size_t add_len) {
  const int code = make_native(ctx);
  return code != 0 ? code : culvert_native_gcm_update_ad(ctx->native, add, add_len);
}

int mbedtls_gcm_update(mbedtls_gcm_context* ctx,
                       const unsigned char* input,
                       size_t input_length,
                       unsigned char* output,
                       size_t output_size,
                       size_t* output_length) {
  const int code = make_native(ctx);
  return code != 0 ? code
                   : culvert_native_gcm_update(ctx->native, input, input_length, output,
                                               output_size, output_length);
}

int mbedtls_gcm_finish(mbedtls_gcm_context* ctx,
                       unsigned char* output,
                       size_t output_size,
                       size_t* output_length,
                       unsigned char* tag,
                       size_t tag_len) {
  const int code = make_native(ctx);
  return code != 0 ? code
                   : culvert_native_gcm_finish(ctx->native, output, output_size, output_length, tag,
                                               tag_len);
}

}  // extern "C"
