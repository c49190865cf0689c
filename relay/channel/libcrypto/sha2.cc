// MBEDTLS_SHA256_ALT and MBEDTLS_SHA512_ALT, with the shorter digest of each. libcrypto's low-level
// functions: the state is a plain structure, so that a context costs no allocation, is copied by
// assignment and cannot fail.
#include "relay/channel/libcrypto/hooks.h"
#include "relay/channel/libcrypto/openssl.h"

#include <mbedtls/sha256.h>
#include <mbedtls/sha512.h>

namespace culvert::libcrypto {
namespace {

static_assert(sizeof(mbedtls_sha256_context) >= sizeof(SHA256_CTX));
static_assert(alignof(mbedtls_sha256_context) >= alignof(SHA256_CTX));
static_assert(sizeof(mbedtls_sha512_context) >= sizeof(SHA512_CTX));
static_assert(alignof(mbedtls_sha512_context) >= alignof(SHA512_CTX));

SHA256_CTX* state(mbedtls_sha256_context* context) {
  return reinterpret_cast<SHA256_CTX*>(context->words);
}
SHA512_CTX* state(mbedtls_sha512_context* context) {
  return reinterpret_cast<SHA512_CTX*>(context->words);
}

}  // namespace
}  // namespace culvert::libcrypto

using namespace culvert::libcrypto;  // NOLINT(google-build-using-namespace): the hooks' own names

extern "C" {

void mbedtls_sha256_init(mbedtls_sha256_context* ctx) { *ctx = {}; }

void mbedtls_sha256_free(mbedtls_sha256_context* ctx) {
  if (ctx != nullptr) OPENSSL_cleanse(ctx, sizeof *ctx);
}

void mbedtls_sha256_clone(mbedtls_sha256_context* dst, const mbedtls_sha256_context* src) {
  *dst = *src;
}

int mbedtls_sha256_starts(mbedtls_sha256_context* ctx, int is224) {
  if (is224 != 0 && is224 != 1) return MBEDTLS_ERR_SHA256_BAD_INPUT_DATA;
  called(Hook::kSha256);
  static_cast<void>(is224 == 1 ? SHA224_Init(state(ctx)) : SHA256_Init(state(ctx)));
  return 0;
}

int mbedtls_sha256_update(mbedtls_sha256_context* ctx, const unsigned char* input, size_t ilen) {
  SHA256_Update(state(ctx), input, ilen);
  return 0;
}

// 28 bytes after a start with is224: the state knows.
int mbedtls_sha256_finish(mbedtls_sha256_context* ctx, unsigned char* output) {
  SHA256_Final(output, state(ctx));
  mbedtls_sha256_free(ctx);
  return 0;
}

void mbedtls_sha512_init(mbedtls_sha512_context* ctx) { *ctx = {}; }

void mbedtls_sha512_free(mbedtls_sha512_context* ctx) {
  if (ctx != nullptr) OPENSSL_cleanse(ctx, sizeof *ctx);
}

void mbedtls_sha512_clone(mbedtls_sha512_context* dst, const mbedtls_sha512_context* src) {
  *dst = *src;
}

int mbedtls_sha512_starts(mbedtls_sha512_context* ctx, int is384) {
  if (is384 != 0 && is384 != 1) return MBEDTLS_ERR_SHA512_BAD_INPUT_DATA;
  called(Hook::kSha512);
  static_cast<void>(is384 == 1 ? SHA384_Init(state(ctx)) : SHA512_Init(state(ctx)));
  return 0;
}

int mbedtls_sha512_update(mbedtls_sha512_context* ctx, const unsigned char* input, size_t ilen) {
  SHA512_Update(state(ctx), input, ilen);
  return 0;
}

int mbedtls_sha512_finish(mbedtls_sha512_context* ctx, unsigned char* output) {
  SHA512_Final(output, state(ctx));
  mbedtls_sha512_free(ctx);
  return 0;
}

}  // extern "C"
