// What TLS connections share: certificates, trust, suites, tickets. Immutable once made and safe on
// any thread; connections hold it by shared_ptr, so a reload leaves running ones as they are.
// Suites, groups and signature algorithms are one short list for all (privacy: TLS; RFC 8446,
// 5246).
#pragma once

#include "relay/base/result.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

// CA certificates in PEM.
class TrustStore {
 public:
  // `bundle`: a whole file's PEM; `extra`: PEM of more, may be empty. Certificates that this
  // library cannot read (unusual curves) are passed over; a text that holds none is an error. Where
  // both are empty, the store trusts nobody.
  static Result<std::shared_ptr<const TrustStore>> parse(std::string_view bundle,
                                                         std::string_view extra);
  ~TrustStore();

  struct State;
  const State& state() const { return *state_; }
  size_t size() const;
  // The certificates (DER) whose subject is that name (DER, byte for byte); they live as long as
  // the store. For a TLS library other than this room's.
  std::vector<std::string_view> with_subject(std::string_view name) const;
  uint64_t id() const;  // of this store in this process; never given twice

 private:
  TrustStore();
  std::unique_ptr<State> state_;
};

// Keys that protect session tickets (RFC 5077, 8446): shared by all workers and kept over reloads
// of certificates, so that a client may come back to any of them.
class TicketKeys {
 public:
  static Result<std::shared_ptr<TicketKeys>> create();
  ~TicketKeys();

  struct State;
  State& state() { return *state_; }

 private:
  TicketKeys();
  std::unique_ptr<State> state_;
};

struct CertificatePem {
  std::string name;  // where it comes from, for errors
  std::string cert;
  std::string key;
};

class TlsServerConfig {
 public:
  // Chosen by SNI among the names of the certificates; where several fit (ECDSA and RSA of one
  // name) the client's algorithms decide, ECDSA first; where none fits, the first certificate. Each
  // is checked: the key belongs to it, it has not expired.
  static Result<std::shared_ptr<const TlsServerConfig>> create(
      const std::vector<CertificatePem>& certificates, std::shared_ptr<TicketKeys> tickets);
  // For bytes of any protocol: takes no part in ALPN, and resumes nothing, because a ticket of
  // another listener would stand in for the client's certificate. clients: whose certificates they
  // have to show; null: none.
  static Result<std::shared_ptr<const TlsServerConfig>> create_raw(
      const std::vector<CertificatePem>& certificates, std::shared_ptr<const TrustStore> clients);
  // For other relays: TLS 1.3 alone, no ALPN. They have to show a certificate of the authority, and
  // may resume until it ends (peer_ticket.h); who came is TlsChannel::peer_name().
  static Result<std::shared_ptr<const TlsServerConfig>> create_peer(
      const CertificatePem& certificate,
      std::shared_ptr<const TrustStore> authority,
      std::shared_ptr<TicketKeys> tickets);
  ~TlsServerConfig();

  struct State;
  const State& state() const { return *state_; }
  int64_t expires_at() const;  // Unix seconds: the first of the certificates to end
  int64_t issued_at() const;   // from when on that one is good

 private:
  TlsServerConfig();
  Result<void> set_up(const std::vector<CertificatePem>& certificates);
  void require_certificates_of(std::shared_ptr<const TrustStore> clients);
  std::unique_ptr<State> state_;
};

struct TlsClientOptions {
  std::shared_ptr<const TrustStore> trust = {};
  bool tls13_only = false;
  bool raw = false;                                // bytes of any protocol: offers none by ALPN
  std::optional<CertificatePem> certificate = {};  // shown where it is asked for
};

// Sessions of past connections to one upstream, each used once (unlinkable, RFC 8446 App. C.4).
class TlsClientConfig {
 public:
  static Result<std::shared_ptr<TlsClientConfig>> create(const TlsClientOptions& options);
  ~TlsClientConfig();

  struct State;
  State& state() { return *state_; }

 private:
  TlsClientConfig();
  std::unique_ptr<State> state_;
};

}  // namespace culvert
