// The mbedTLS side of tls_config.h, for this room only.
#pragma once

#include "relay/base/secret.h"
#include "relay/channel/tls_config.h"
#include "relay/crypto/seal.h"

#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/x509_crt.h>

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace culvert {

// "what: mbedTLS's own words"
std::string tls_error_text(std::string_view what, int code);
int64_t unix_seconds(const mbedtls_x509_time& time);
std::string common_name(const mbedtls_x509_crt& certificate);  // empty: it has none

struct TrustStore::State {
  State() { mbedtls_x509_crt_init(&chain); }
  ~State() { mbedtls_x509_crt_free(&chain); }
  mbedtls_x509_crt chain;
  size_t count = 0;
  uint64_t id = 0;
};

struct TicketKeys::State {
  State() { mbedtls_ssl_ticket_init(&context); }
  ~State() { mbedtls_ssl_ticket_free(&context); }
  mbedtls_ssl_ticket_context context;
  Secret peers = make_seal_key();  // of the envelopes of relays' tickets (peer_ticket.h)
};

struct OwnCertificate {
  OwnCertificate() {
    mbedtls_x509_crt_init(&chain);
    mbedtls_pk_init(&key);
  }
  OwnCertificate(const OwnCertificate&) = delete;
  OwnCertificate& operator=(const OwnCertificate&) = delete;
  ~OwnCertificate() {
    mbedtls_x509_crt_free(&chain);
    mbedtls_pk_free(&key);
  }
  bool matches(std::string_view server_name) const;

  mbedtls_x509_crt chain;
  mbedtls_pk_context key;
  std::vector<std::string> names;  // lower case; may begin with "*."
  bool ecdsa = false;
};

struct TlsServerConfig::State {
  State() { mbedtls_ssl_config_init(&config); }
  ~State() { mbedtls_ssl_config_free(&config); }
  mbedtls_ssl_config config;
  std::vector<std::unique_ptr<OwnCertificate>> certificates;  // ECDSA before RSA of the same name
  std::shared_ptr<TicketKeys> tickets;
  std::shared_ptr<const TrustStore> clients;
  std::string peers_bound_to;  // the authority that tickets of relays hold under; empty: no relays
  int64_t expires_at = 0;
  int64_t issued_at = 0;
};

struct SessionDeleter {
  void operator()(mbedtls_ssl_session* session) const {
    mbedtls_ssl_session_free(session);
    delete session;
  }
};
using SessionPtr = std::unique_ptr<mbedtls_ssl_session, SessionDeleter>;

struct TlsClientConfig::State {
  State() { mbedtls_ssl_config_init(&config); }
  ~State() { mbedtls_ssl_config_free(&config); }
  SessionPtr take_session();
  void keep_session(SessionPtr session);

  mbedtls_ssl_config config;
  std::shared_ptr<const TrustStore> trust;
  std::unique_ptr<OwnCertificate> certificate;
  std::mutex mutex;
  std::deque<SessionPtr> sessions;  // newest last; bounded
};

}  // namespace culvert
