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

struct SessionFree {
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};

using Context = std::unique_ptr<SSL_CTX, ContextFree>;
using Ssl = std::unique_ptr<SSL, SslFree>;
using Session = std::unique_ptr<SSL_SESSION, SessionFree>;

// nullptr, with `error` set: a file that cannot be read or does not fit.
Context make_server_context(const std::string& cert, const std::string& key, std::string& error);
// `resume`: a session that the server gives goes to the Session that is the SSL's app data.
Context make_client_context(const std::string& ca, bool resume, std::string& error);

}  // namespace culvert::bench
