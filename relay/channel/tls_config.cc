// Making of TLS configurations. The lists below are the relay's ClientHello and what its listeners
// offer; a test pins them.
#include "relay/channel/tls_config.h"

#include "relay/base/text.h"
#include "relay/channel/peer_ticket.h"
#include "relay/channel/tls_state.h"
#include "relay/crypto/digest.h"
#include "relay/crypto/random_bytes.h"

#include <mbedtls/asn1.h>
#include <mbedtls/error.h>
#include <mbedtls/oid.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <ctime>

namespace culvert {
namespace {

// AEAD with forward secrecy only.
constexpr int kSuites[] = {
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
    MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
    MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    0,
};
// P-256 first: the key share is made for it, and it is the faster one in this library.
constexpr uint16_t kGroups[] = {
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
    0,
};
constexpr uint16_t kSignatures[] = {
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256,
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,
    MBEDTLS_TLS1_3_SIG_NONE,
};
constexpr uint32_t kTicketLifetimeSeconds = 12 * 3600;
constexpr size_t kSessionsKept = 16;

const char** upstream_protocols() {
  static const char* protocols[] = {"http/1.1", nullptr};
  return protocols;
}

// Clients that want HTTP/1.0 say so here too, and would be refused for want of a common protocol.
const char** listener_protocols() {
  static const char* protocols[] = {"http/1.1", "http/1.0", nullptr};
  return protocols;
}

Error invalid(std::string detail) {
  return Error::ours(Code::kInvalidConfig, Stage::kTls, std::move(detail));
}

void set_common(mbedtls_ssl_config* config, bool tls13_only) {
  mbedtls_ssl_conf_rng(config, fill_random, nullptr);
  mbedtls_ssl_conf_ciphersuites(config, kSuites);
  mbedtls_ssl_conf_groups(config, kGroups);
  mbedtls_ssl_conf_sig_algs(config, kSignatures);
  mbedtls_ssl_conf_min_tls_version(
      config, tls13_only ? MBEDTLS_SSL_VERSION_TLS1_3 : MBEDTLS_SSL_VERSION_TLS1_2);
  mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_3);
}

std::string text_of(const mbedtls_x509_buf& bytes) {
  return lower({reinterpret_cast<const char*>(bytes.p), bytes.len});
}

// dNSName entries, and the common name where there are none (RFC 6125 §6.4.4).
std::vector<std::string> names_of(const mbedtls_x509_crt& certificate) {
  std::vector<std::string> names;
  for (const auto* entry = &certificate.subject_alt_names; entry != nullptr; entry = entry->next) {
    if ((entry->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK) == MBEDTLS_X509_SAN_DNS_NAME) {
      names.push_back(text_of(entry->buf));
    }
  }
  if (!names.empty()) return names;
  for (const auto* part = &certificate.subject; part != nullptr; part = part->next) {
    if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &part->oid) == 0) names.push_back(text_of(part->val));
  }
  return names;
}

Result<std::unique_ptr<OwnCertificate>> own_certificate(const CertificatePem& pem) {
  auto own = std::make_unique<OwnCertificate>();
  const auto bytes = [](const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.c_str());
  };
  // PEM input counts its terminating zero.
  int code = mbedtls_x509_crt_parse(&own->chain, bytes(pem.cert), pem.cert.size() + 1);
  if (code != 0) return invalid(tls_error_text(pem.name + ": certificate cannot be read", code));
  code = mbedtls_pk_parse_key(&own->key, bytes(pem.key), pem.key.size() + 1, nullptr, 0,
                              fill_random, nullptr);
  if (code != 0) return invalid(tls_error_text(pem.name + ": private key cannot be read", code));
  if (mbedtls_pk_check_pair(&own->chain.pk, &own->key, fill_random, nullptr) != 0) {
    return invalid(pem.name + ": the private key does not belong to the certificate");
  }
  if (mbedtls_x509_time_is_past(&own->chain.valid_to)) {
    return invalid(pem.name + ": the certificate has expired");
  }
  own->names = names_of(own->chain);
  own->ecdsa = mbedtls_pk_can_do(&own->key, MBEDTLS_PK_ECDSA) != 0;
  return own;
}

// ECDSA first: signing with it costs less than half of RSA's.
template <class Predicate>
int offer(mbedtls_ssl_context* ssl,
          const TlsServerConfig::State& state,
          Predicate fits,
          bool* any) {
  for (const bool ecdsa : {true, false}) {
    for (const auto& certificate : state.certificates) {
      if (certificate->ecdsa != ecdsa || !fits(*certificate)) continue;
      *any = true;
      const int code = mbedtls_ssl_set_hs_own_cert(ssl, &certificate->chain, &certificate->key);
      if (code != 0) return code;
    }
  }
  return 0;
}

int choose_certificate(mbedtls_ssl_context* ssl) {
  // The interface asks for a mutable configuration and only reads it.
  auto* config = const_cast<mbedtls_ssl_config*>(mbedtls_ssl_context_get_config(ssl));
  const auto& state =
      *static_cast<const TlsServerConfig::State*>(mbedtls_ssl_conf_get_user_data_p(config));
  size_t length = 0;
  const unsigned char* name = mbedtls_ssl_get_hs_sni(ssl, &length);
  const std::string server_name =
      name == nullptr ? std::string()
                      : lower(std::string_view(reinterpret_cast<const char*>(name), length));
  bool any = false;
  const int code = offer(
      ssl, state, [&](const OwnCertificate& own) { return own.matches(server_name); }, &any);
  if (code != 0 || any) return code;
  const auto& names = state.certificates.front()->names;
  return offer(
      ssl, state, [&](const OwnCertificate& own) { return own.names == names; }, &any);
}

// What tells an authority from another: a digest of its certificates.
std::string identity_of(const TrustStore& authority) {
  std::string all;
  for (const auto* one = &authority.state().chain; one != nullptr; one = one->next) {
    all.append(reinterpret_cast<const char*>(one->raw.p), one->raw.len);
  }
  const Digest digest = sha256(all);
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

std::string common_name(const mbedtls_x509_crt& certificate) {
  for (const auto* part = &certificate.subject; part != nullptr; part = part->next) {
    if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &part->oid) != 0) continue;
    return {reinterpret_cast<const char*>(part->val.p), part->val.len};
  }
  return {};
}

std::string tls_error_text(std::string_view what, int code) {
  std::array<char, 160> words{};
  mbedtls_strerror(code, words.data(), words.size());
  return std::string(what) + ": " + words.data();
}

TrustStore::TrustStore() : state_(std::make_unique<State>()) {}
TrustStore::~TrustStore() = default;
size_t TrustStore::size() const { return state_->count; }
uint64_t TrustStore::id() const { return state_->id; }

std::vector<std::string_view> TrustStore::with_subject(std::string_view name) const {
  const auto view = [](const mbedtls_x509_buf& bytes) {
    return std::string_view(reinterpret_cast<const char*>(bytes.p), bytes.len);
  };
  std::vector<std::string_view> found;
  for (const auto* one = &state_->chain; one != nullptr; one = one->next) {
    if (one->raw.p != nullptr && view(one->subject_raw) == name) found.push_back(view(one->raw));
  }
  return found;
}

Result<std::shared_ptr<const TrustStore>> TrustStore::parse(std::string_view bundle,
                                                            std::string_view extra) {
  static std::atomic<uint64_t> next_id{1};
  std::shared_ptr<TrustStore> store(new TrustStore);
  store->state_->id = next_id.fetch_add(1);
  for (const std::string_view part : {bundle, extra}) {
    if (part.empty()) continue;
    const std::string terminated(part);
    const int code = mbedtls_x509_crt_parse(
        &store->state_->chain, reinterpret_cast<const unsigned char*>(terminated.c_str()),
        terminated.size() + 1);
    if (code < 0) {
      return invalid(tls_error_text("CA certificates cannot be read", code) +
                     "; needed is PEM with a certificate");
    }
  }
  for (const auto* one = &store->state_->chain; one != nullptr; one = one->next) {
    if (one->raw.p != nullptr) ++store->state_->count;
  }
  return std::shared_ptr<const TrustStore>(std::move(store));
}

TicketKeys::TicketKeys() : state_(std::make_unique<State>()) {}
TicketKeys::~TicketKeys() = default;

Result<std::shared_ptr<TicketKeys>> TicketKeys::create() {
  std::shared_ptr<TicketKeys> keys(new TicketKeys);
  const int code = mbedtls_ssl_ticket_setup(&keys->state_->context, fill_random, nullptr,
                                            MBEDTLS_CIPHER_AES_256_GCM, kTicketLifetimeSeconds);
  if (code != 0) {
    return Error::ours(Code::kInternal, Stage::kTls, tls_error_text("session tickets", code));
  }
  return keys;
}

bool OwnCertificate::matches(std::string_view server_name) const {
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    if (name == server_name) return true;
    if (!name.starts_with("*.")) return false;
    const auto dot = server_name.find('.');  // a wildcard stands for one label (RFC 6125 §6.4.3)
    return dot != std::string_view::npos && dot > 0 &&
           server_name.substr(dot) == std::string_view(name).substr(1);
  });
}

TlsServerConfig::TlsServerConfig() : state_(std::make_unique<State>()) {}
TlsServerConfig::~TlsServerConfig() = default;
int64_t TlsServerConfig::expires_at() const { return state_->expires_at; }
int64_t TlsServerConfig::issued_at() const { return state_->issued_at; }

int64_t unix_seconds(const mbedtls_x509_time& time) {
  std::tm utc{};
  utc.tm_year = time.year - 1900;
  utc.tm_mon = time.mon - 1;
  utc.tm_mday = time.day;
  utc.tm_hour = time.hour;
  utc.tm_min = time.min;
  utc.tm_sec = time.sec;
  return timegm(&utc);
}

Result<std::shared_ptr<const TlsServerConfig>> TlsServerConfig::create(
    const std::vector<CertificatePem>& certificates, std::shared_ptr<TicketKeys> tickets) {
  std::shared_ptr<TlsServerConfig> made(new TlsServerConfig);
  CULVERT_CHECK(made->set_up(certificates));
  State& state = *made->state_;
  state.tickets = std::move(tickets);
  mbedtls_ssl_conf_alpn_protocols(&state.config, listener_protocols());
  mbedtls_ssl_conf_session_tickets_cb(&state.config, mbedtls_ssl_ticket_write,
                                      mbedtls_ssl_ticket_parse, &state.tickets->state().context);
  return std::shared_ptr<const TlsServerConfig>(std::move(made));
}

Result<std::shared_ptr<const TlsServerConfig>> TlsServerConfig::create_raw(
    const std::vector<CertificatePem>& certificates, std::shared_ptr<const TrustStore> clients) {
  std::shared_ptr<TlsServerConfig> made(new TlsServerConfig);
  CULVERT_CHECK(made->set_up(certificates));
  if (clients != nullptr) made->require_certificates_of(std::move(clients));
  return std::shared_ptr<const TlsServerConfig>(std::move(made));
}

Result<std::shared_ptr<const TlsServerConfig>> TlsServerConfig::create_peer(
    const CertificatePem& certificate,
    std::shared_ptr<const TrustStore> authority,
    std::shared_ptr<TicketKeys> tickets) {
  std::shared_ptr<TlsServerConfig> made(new TlsServerConfig);
  CULVERT_CHECK(made->set_up({certificate}));
  State& state = *made->state_;
  state.peers_bound_to = "relays under " + identity_of(*authority);
  state.tickets = std::move(tickets);
  made->require_certificates_of(std::move(authority));
  mbedtls_ssl_conf_min_tls_version(&state.config, MBEDTLS_SSL_VERSION_TLS1_3);
  mbedtls_ssl_conf_session_tickets_cb(&state.config, write_peer_ticket, parse_peer_ticket, &state);
  return std::shared_ptr<const TlsServerConfig>(std::move(made));
}

void TlsServerConfig::require_certificates_of(std::shared_ptr<const TrustStore> clients) {
  state_->clients = std::move(clients);
  mbedtls_ssl_conf_authmode(&state_->config, MBEDTLS_SSL_VERIFY_REQUIRED);
  // Only read, though the interface does not say so.
  mbedtls_ssl_conf_ca_chain(
      &state_->config, const_cast<mbedtls_x509_crt*>(&state_->clients->state().chain), nullptr);
}

Result<void> TlsServerConfig::set_up(const std::vector<CertificatePem>& certificates) {
  if (certificates.empty()) return invalid("a listener with TLS needs a certificate");
  State& state = *state_;
  for (const CertificatePem& pem : certificates) {
    auto own = CULVERT_TRY(own_certificate(pem));
    const int64_t end = unix_seconds(own->chain.valid_to);
    if (state.expires_at == 0 || end < state.expires_at) {
      state.expires_at = end;
      state.issued_at = unix_seconds(own->chain.valid_from);
    }
    state.certificates.push_back(std::move(own));
  }
  const int code =
      mbedtls_ssl_config_defaults(&state.config, MBEDTLS_SSL_IS_SERVER,
                                  MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
  if (code != 0) return invalid(tls_error_text("TLS settings", code));
  set_common(&state.config, false);
  mbedtls_ssl_conf_tls13_key_exchange_modes(&state.config,
                                            MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL |
                                                MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL);
  mbedtls_ssl_conf_set_user_data_p(&state.config, &state);
  mbedtls_ssl_conf_cert_cb(&state.config, choose_certificate);
  return {};
}

TlsClientConfig::TlsClientConfig() : state_(std::make_unique<State>()) {}
TlsClientConfig::~TlsClientConfig() = default;

Result<std::shared_ptr<TlsClientConfig>> TlsClientConfig::create(const TlsClientOptions& options) {
  std::shared_ptr<TlsClientConfig> made(new TlsClientConfig);
  State& state = *made->state_;
  state.trust = options.trust;
  const int code =
      mbedtls_ssl_config_defaults(&state.config, MBEDTLS_SSL_IS_CLIENT,
                                  MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
  if (code != 0) return invalid(tls_error_text("TLS settings", code));
  set_common(&state.config, options.tls13_only);
  if (!options.raw) mbedtls_ssl_conf_alpn_protocols(&state.config, upstream_protocols());
  if (options.certificate) {
    state.certificate = CULVERT_TRY(own_certificate(*options.certificate));
    OwnCertificate& own = *state.certificate;
    const int shown = mbedtls_ssl_conf_own_cert(&state.config, &own.chain, &own.key);
    if (shown != 0) return invalid(tls_error_text(options.certificate->name, shown));
  }
  mbedtls_ssl_conf_authmode(&state.config, MBEDTLS_SSL_VERIFY_REQUIRED);
  // Only read, though the interface does not say so.
  mbedtls_ssl_conf_ca_chain(&state.config,
                            const_cast<mbedtls_x509_crt*>(&state.trust->state().chain), nullptr);
  mbedtls_ssl_conf_session_tickets(&state.config, MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
  mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
      &state.config, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
  mbedtls_ssl_conf_tls13_key_exchange_modes(&state.config,
                                            MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL |
                                                MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL);
  return made;
}

SessionPtr TlsClientConfig::State::take_session() {
  const std::lock_guard lock(mutex);
  if (sessions.empty()) return nullptr;
  SessionPtr session = std::move(sessions.back());
  sessions.pop_back();
  return session;
}

void TlsClientConfig::State::keep_session(SessionPtr session) {
  const std::lock_guard lock(mutex);
  sessions.push_back(std::move(session));
  if (sessions.size() > kSessionsKept) sessions.pop_front();
}

}  // namespace culvert
