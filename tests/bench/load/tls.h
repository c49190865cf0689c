// What both load programs say to OpenSSL: contexts of TLS 1.3 and their ends. OpenSSL, because the
// relay's own TLS is what is measured.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace culvert::bench {

struct ContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

struct CertificateFree {
  void operator()(X509* certificate) const { X509_free(certificate); }
};

struct SessionFree {
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};

using Context = std::unique_ptr<SSL_CTX, ContextFree>;
using Ssl = std::unique_ptr<SSL, SslFree>;
using Certificate = std::unique_ptr<X509, CertificateFree>;
using Session = std::unique_ptr<SSL_SESSION, SessionFree>;

// nullptr, with `error` set: a file that cannot be read or does not fit.
Context make_server_context(const std::string& cert, const std::string& key, std::string& error);

struct ClientTls {
  std::string ca;      // file of certificates to trust
  std::string groups;  // for the key exchange, in OpenSSL's words; empty: its own choice
  bool resume = false;  // a session from the server goes to the Session that is the SSL's app data
};

// `verified` is the server's certificate once its chain was verified, and outlives the context: the
// same one is not verified again, which would be a third of what a handshake costs the client.
Context make_client_context(const ClientTls& wanted, Certificate& verified, std::string& error);

}  // namespace culvert::bench
