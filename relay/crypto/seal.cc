// mbedTLS's GCM around one buffer.
#include "relay/crypto/seal.h"

#include "relay/crypto/random_bytes.h"

#include <mbedtls/gcm.h>

#include <cassert>
#include <memory>
#include <new>

namespace culvert {
namespace {

constexpr size_t kNonce = 12;
constexpr size_t kTag = 16;
static_assert(kNonce + kTag == kSealOverhead);

const unsigned char* in(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* out(char* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

class Gcm {
 public:
  explicit Gcm(const Secret& key) {
    assert(key.reveal().size() == kSealKeyBytes);
    mbedtls_gcm_init(&context_);
    // Fails only where memory does.
    if (mbedtls_gcm_setkey(&context_, MBEDTLS_CIPHER_ID_AES, in(key.reveal()), 8 * kSealKeyBytes) !=
        0) {
      mbedtls_gcm_free(&context_);
      throw std::bad_alloc();
    }
  }
  Gcm(const Gcm&) = delete;
  Gcm& operator=(const Gcm&) = delete;
  ~Gcm() { mbedtls_gcm_free(&context_); }

  mbedtls_gcm_context* get() { return &context_; }

 private:
  mbedtls_gcm_context context_{};
};

Error not_opened() {
  return Error::ours(Code::kInternal, Stage::kNone,
                     "it was sealed with another key or for another place, or its bytes changed");
}

}  // namespace

Secret make_seal_key() {
  std::string bytes = random_bytes(kSealKeyBytes);
  Secret key(bytes);
  wipe(bytes.data(), bytes.size());
  return key;
}

std::string seal(const Secret& key, std::string_view plain, std::string_view bound_to) {
  std::string sealed = random_bytes(kNonce);
  sealed.resize(kNonce + plain.size() + kTag);
  Gcm gcm(key);
  const int code = mbedtls_gcm_crypt_and_tag(gcm.get(), MBEDTLS_GCM_ENCRYPT, plain.size(),
                                             in(sealed), kNonce, in(bound_to), bound_to.size(),
                                             in(plain), out(sealed.data()) + kNonce, kTag,
                                             out(sealed.data()) + kNonce + plain.size());
  if (code != 0) throw std::bad_alloc();
  return sealed;
}

Result<std::string> unseal(const Secret& key, std::string_view sealed, std::string_view bound_to) {
  if (sealed.size() < kSealOverhead || key.reveal().size() != kSealKeyBytes) return not_opened();
  std::string plain(sealed.size() - kSealOverhead, '\0');
  Gcm gcm(key);
  const std::string_view text = sealed.substr(kNonce, plain.size());
  const int code = mbedtls_gcm_auth_decrypt(
      gcm.get(), text.size(), in(sealed), kNonce, in(bound_to), bound_to.size(),
      in(sealed.substr(kNonce + plain.size())), kTag, in(text), out(plain.data()));
  if (code != 0) {
    wipe(plain.data(), plain.size());
    return not_opened();
  }
  return plain;
}

}  // namespace culvert
