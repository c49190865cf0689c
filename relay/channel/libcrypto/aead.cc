// EVP, with as few calls for a record as it allows: the nonce goes in without a key, the tag along
// with it. The comparison of tags is libcrypto's, in constant time.
#include "relay/channel/libcrypto/aead.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include <climits>

namespace culvert::libcrypto {
namespace {

// Never freed: threads may still use them while the process ends.
struct Ciphers {
  EVP_CIPHER* aes128 = EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr);
  EVP_CIPHER* aes192 = EVP_CIPHER_fetch(nullptr, "AES-192-GCM", nullptr);
  EVP_CIPHER* aes256 = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  EVP_CIPHER* chacha = EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr);
};

const Ciphers& ciphers() {
  static const Ciphers all = [] {
    const QuietErrors quiet;
    return Ciphers{};
  }();
  return all;
}

bool overlaps(const Message& message) {
  const auto input = reinterpret_cast<uintptr_t>(message.input);
  const auto output = reinterpret_cast<uintptr_t>(message.output);
  return input != output && input < output + message.size && output < input + message.size;
}

bool run(EVP_CIPHER_CTX* context, const Message& message) {
  int written = 0;
  if (message.bound_size > 0 && EVP_CipherUpdate(context, nullptr, &written, message.bound,
                                                 static_cast<int>(message.bound_size)) != 1) {
    return false;
  }
  if (message.size > 0 && EVP_CipherUpdate(context, message.output, &written, message.input,
                                           static_cast<int>(message.size)) != 1) {
    return false;
  }
  uint8_t none[kTagBytes];  // both ciphers are streams: nothing comes out at the end
  return EVP_CipherFinal_ex(context, none, &written) == 1;
}

}  // namespace

const EVP_CIPHER* aes_gcm(unsigned key_bits) {
  if (key_bits == 128) return ciphers().aes128;
  if (key_bits == 256) return ciphers().aes256;
  return key_bits == 192 ? ciphers().aes192 : nullptr;
}

const EVP_CIPHER* chacha_poly() { return ciphers().chacha; }

CipherContext keyed(const EVP_CIPHER* cipher, const uint8_t* key) {
  const QuietErrors quiet;
  CipherContext context(EVP_CIPHER_CTX_new());
  if (context == nullptr ||
      EVP_CipherInit_ex2(context.get(), cipher, key, nullptr, 1, nullptr) != 1) {
    return nullptr;
  }
  return context;
}

bool fits(const Message& message) {
  return message.bound_size <= INT_MAX && message.size <= INT_MAX && !overlaps(message);
}

bool seal(EVP_CIPHER_CTX* context, const Message& message, uint8_t* tag, size_t tag_size) {
  const QuietErrors quiet;
  OSSL_PARAM wanted[] = {
      OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, tag_size), OSSL_PARAM_END};
  return EVP_EncryptInit_ex2(context, nullptr, nullptr, message.nonce, nullptr) == 1 &&
         run(context, message) && EVP_CIPHER_CTX_get_params(context, wanted) == 1;
}

bool open(EVP_CIPHER_CTX* context, const Message& message, const uint8_t* tag, size_t tag_size) {
  const QuietErrors quiet;
  const OSSL_PARAM expected[] = {
      // Only read, though the interface does not say so.
      OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, const_cast<uint8_t*>(tag),
                                        tag_size),
      OSSL_PARAM_END};
  if (EVP_DecryptInit_ex2(context, nullptr, nullptr, message.nonce, expected) == 1 &&
      run(context, message)) {
    return true;
  }
  OPENSSL_cleanse(message.output, message.size);
  return false;
}

}  // namespace culvert::libcrypto
