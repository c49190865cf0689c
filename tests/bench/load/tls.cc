// Both contexts read ahead: one recv for a whole record instead of one for its head and one for its
// body.
#include "tests/bench/load/tls.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

namespace culvert::bench {
namespace {

std::string last_error(const std::string& what) {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return what + ": " + (reason == nullptr ? "unknown" : reason);
}

Context make(const SSL_METHOD* method) {
  Context context(SSL_CTX_new(method));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  // What was cut is found by HTTP's own framing.
  SSL_CTX_set_options(context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context.get(), 1);
  return context;
}

int verify(X509_STORE_CTX* chain, void* to) {
  Certificate& verified = *static_cast<Certificate*>(to);
  X509* leaf = X509_STORE_CTX_get0_cert(chain);
  if (verified && X509_cmp(verified.get(), leaf) == 0) return 1;
  const int good = X509_verify_cert(chain);
  if (good == 1 && X509_up_ref(leaf) == 1) verified.reset(leaf);
  return good;
}

// Takes the session over.
int keep_session(SSL* ssl, SSL_SESSION* session) {
  static_cast<Session*>(SSL_get_app_data(ssl))->reset(session);
  return 1;
}

constexpr size_t kClientReadBytes = 65536;  // four full records with one recv

}  // namespace

Context make_server_context(const std::string& cert, const std::string& key, std::string& error) {
  Context context = make(TLS_server_method());
  if (SSL_CTX_use_certificate_chain_file(context.get(), cert.c_str()) != 1) {
    error = last_error(cert);
    return nullptr;
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1) {
    error = last_error(key);
    return nullptr;
  }
  // Tickets carry the session, and one is what a client needs; nothing is kept here.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context.get(), 1);
  return context;
}

Context make_client_context(const ClientTls& wanted, Certificate& verified, std::string& error) {
  Context context = make(TLS_client_method());
  if (SSL_CTX_load_verify_locations(context.get(), wanted.ca.c_str(), nullptr) != 1) {
    error = last_error(wanted.ca);
    return nullptr;
  }
  if (!wanted.groups.empty() &&
      SSL_CTX_set1_groups_list(context.get(), wanted.groups.c_str()) != 1) {
    error = last_error(wanted.groups);
    return nullptr;
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context.get(), &verify, &verified);
  SSL_CTX_set_default_read_buffer_len(context.get(), kClientReadBytes);
  SSL_CTX_set_session_cache_mode(context.get(),
                                 wanted.resume ? SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL
                                               : SSL_SESS_CACHE_OFF);
  if (wanted.resume) SSL_CTX_sess_set_new_cb(context.get(), &keep_session);
  return context;
}

}  // namespace culvert::bench
