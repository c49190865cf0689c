// An X509_LOOKUP of our own, OpenSSL's way to load certificates when they are needed.
#include "relay/upstream/fetch_trust.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <new>
#include <string_view>

namespace culvert {
namespace {

// What is found goes into the store too: OpenSSL looks there for others of that name. The store's
// reference is the one that keeps it: OpenSSL takes one of its own to what is found, and never
// gives back the one that was taken for it here.
int by_subject(X509_LOOKUP* lookup,
               X509_LOOKUP_TYPE type,
               const X509_NAME* name,
               X509_OBJECT* found) {
  const auto* trust = static_cast<const TrustStore*>(X509_LOOKUP_get_method_data(lookup));
  if (type != X509_LU_X509 || trust == nullptr) return 0;
  unsigned char* der = nullptr;
  const int size = i2d_X509_NAME(name, &der);
  if (size <= 0) return 0;
  int any = 0;
  try {
    for (const std::string_view one :
         trust->with_subject({reinterpret_cast<const char*>(der), static_cast<size_t>(size)})) {
      const auto* bytes = reinterpret_cast<const unsigned char*>(one.data());
      X509* certificate = d2i_X509(nullptr, &bytes, static_cast<long>(one.size()));
      if (certificate == nullptr) continue;
      const bool kept = X509_STORE_add_cert(X509_LOOKUP_get_store(lookup), certificate) == 1;
      if (kept && any == 0) {
        any = X509_OBJECT_set1_X509(found, certificate);
        if (any == 1) X509_free(certificate);
      }
      X509_free(certificate);
    }
  } catch (const std::bad_alloc&) {
    any = 0;  // not trusted
  }
  OPENSSL_free(der);
  return any;
}

X509_LOOKUP_METHOD* method() {
  static X509_LOOKUP_METHOD* const made = [] {
    X509_LOOKUP_METHOD* fresh = X509_LOOKUP_meth_new("culvert");
    if (fresh != nullptr) X509_LOOKUP_meth_set_get_by_subject(fresh, by_subject);
    return fresh;
  }();
  return made;
}

}  // namespace

FetchTrust::FetchTrust(std::shared_ptr<const TrustStore> store)
    : trust_(std::move(store)), store_(X509_STORE_new()) {
  if (store_ == nullptr || trust_ == nullptr || method() == nullptr) return;
  X509_LOOKUP* lookup = X509_STORE_add_lookup(store_, method());
  if (lookup == nullptr) return;
  X509_LOOKUP_set_method_data(lookup, const_cast<TrustStore*>(trust_.get()));
}

FetchTrust::~FetchTrust() { X509_STORE_free(store_); }

void FetchTrust::install(void* ssl_ctx) const {
  SSL_CTX_set1_cert_store(static_cast<SSL_CTX*>(ssl_ctx), store_);
}

}  // namespace culvert
