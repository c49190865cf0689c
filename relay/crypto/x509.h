// mbedTLS's X.509 objects, each freed by its scope, and the steps that signing requests,
// certificates and authorities share. Included by the sources of certificates.h only. Safe on any
// thread. Errors are kInvalidConfig; out of memory is std::bad_alloc.
#pragma once

#include "relay/base/result.h"
#include "relay/base/secret.h"

#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

#include <string>
#include <string_view>

namespace culvert::x509 {

inline constexpr size_t kPemBytes = 16 * 1024;  // more than any certificate of ours

template <class T, void (*Init)(T*), void (*Free)(T*)>
class Scoped {
 public:
  Scoped() { Init(&value_); }
  Scoped(const Scoped&) = delete;
  Scoped& operator=(const Scoped&) = delete;
  ~Scoped() { Free(&value_); }
  T* get() { return &value_; }
  T* operator->() { return &value_; }

 private:
  T value_{};
};
using Key = Scoped<mbedtls_pk_context, mbedtls_pk_init, mbedtls_pk_free>;
using Certificate = Scoped<mbedtls_x509_crt, mbedtls_x509_crt_init, mbedtls_x509_crt_free>;

Error invalid(std::string detail);
Error invalid(std::string_view what, int code);  // in mbedTLS's words

// As mbedTLS reads and writes texts; PEM is given with the zero at its end.
const unsigned char* bytes(const std::string& text);

Result<void> read_key(const Secret& pem, mbedtls_pk_context* key);
Result<void> read_pem(std::string_view pem, mbedtls_x509_crt* certificate);

void generate_key(mbedtls_pk_context* key);  // ECDSA P-256
Secret key_pem(mbedtls_pk_context* key);

// The name as a subject. What has a meaning there is not part of any name of ours.
Result<std::string> subject_of(std::string_view name);
// Empty where the subject has none.
std::string common_name(const mbedtls_x509_name& subject);

}  // namespace culvert::x509
