// A TrustStore as OpenSSL wants it, which Debian's libcurl is built with. Decoding all of a usual
// bundle takes OpenSSL 3 more than 40 ms, in which no stream of the worker would move on; so roots
// are looked up in the TrustStore by name, and only the one that a chain asks for is decoded. Both
// strategies trust the same certificates by it. One thread.
#pragma once

#include "relay/channel/tls_config.h"

#include <memory>

struct x509_store_st;

namespace culvert {

class FetchTrust {
 public:
  explicit FetchTrust(std::shared_ptr<const TrustStore> store);
  FetchTrust(const FetchTrust&) = delete;
  FetchTrust& operator=(const FetchTrust&) = delete;
  ~FetchTrust();

  // Makes an SSL_CTX verify by these certificates and no others.
  void install(void* ssl_ctx) const;

 private:
  std::shared_ptr<const TrustStore> trust_;
  x509_store_st* store_;  // nullptr: there was no memory; it trusts nobody
};

}  // namespace culvert
