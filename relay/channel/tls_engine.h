// TLS of one connection as a machine without I/O: ciphertext in, ciphertext out. It moves as a
// whole between the loop and the handshake pool; one thread at a time touches it.
#pragma once

#include "relay/base/buffer.h"
#include "relay/base/result.h"
#include "relay/channel/handshake_pool.h"
#include "relay/channel/peer_ticket.h"
#include "relay/channel/tls_state.h"

#include <mbedtls/ssl.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace culvert {

class TlsEngine {
 public:
  static Result<std::unique_ptr<TlsEngine>> server(std::shared_ptr<const TlsServerConfig> config);
  // server_name: sent as SNI and held against the certificate (RFC 6125); an IP address is held
  // against its iPAddress entries and not sent. offer_session: one of an earlier connection, which
  // saves the peer showing its certificate.
  static Result<std::unique_ptr<TlsEngine>> client(std::shared_ptr<TlsClientConfig> config,
                                                   const std::string& server_name,
                                                   bool offer_session = true);
  TlsEngine(const TlsEngine&) = delete;
  TlsEngine& operator=(const TlsEngine&) = delete;
  ~TlsEngine();

  // Ciphertext that arrived; what is not used now is kept.
  void feed(std::string_view ciphertext) { in_.append(ciphertext); }
  // As feed(), without a copy of what is used before keep_lent(), until which the bytes stay.
  void lend(std::string_view ciphertext) { lent_ = ciphertext; }
  void keep_lent();
  void feed_end() { in_ended_ = true; }

  Result<HandshakeProgress> handshake();

  enum class ReadState : uint8_t { kBytes, kWantsInput, kCloseNotify, kCut };
  // Decrypts a record. With kBytes its plaintext is `*got`, which lies in the library's buffer and
  // is to be given back by taken().
  Result<ReadState> read(std::string_view* got);
  void taken();
  Result<void> write(std::string_view plaintext);
  void close_notify();
  // Gives memory back that only large records need, or a handshake. Cheap, but not for each record.
  void rest();

  Buffer& out() { return out_; }
  size_t unread() const { return in_.size() + lent_.size(); }
  bool resumed() const { return resumed_; }
  // When the peer's certificate ends, Unix seconds; 0: it has shown none. Of an upstream: also of
  // one that is not accepted, and only where it was shown on this connection.
  int64_t peer_expires_at() const {
    return client_config_ != nullptr ? peer_expires_at_ : peer_.expires_at;
  }
  // The common name of the certificate that the peer has proved to hold, here or, between relays,
  // on the connection that this one resumes. Empty: none, or the handshake is not done.
  const std::string& peer_name() const { return peer_.name; }

 private:
  TlsEngine();
  Result<void> set_up(const mbedtls_ssl_config* config);
  Error failure(int code);
  size_t fetch(unsigned char* to, size_t most);
  void store_session();
  Result<void> identify_peer();
  bool between_records();
  void wake();
  void forget_handshake();

  mbedtls_ssl_context ssl_;
  std::shared_ptr<const TlsServerConfig> server_config_;
  std::shared_ptr<TlsClientConfig> client_config_;
  Buffer in_;
  std::string_view lent_;  // behind in_
  Buffer out_;
  bool in_ended_ = false;
  bool starved_ = false;  // the last call asked for input that was not there
  bool out_of_memory_ = false;
  bool offered_session_ = false;
  bool saw_certificate_ = false;
  int64_t peer_expires_at_ = 0;
  PeerIdentity peer_;     // once the handshake is done
  PeerIdentity carried_;  // what its ticket says
  bool resumed_ = false;
  bool resting_ = false;  // the input buffer is empty, and its record number here
  std::array<unsigned char, MBEDTLS_SSL_SEQUENCE_NUMBER_LEN> record_number_{};
};

}  // namespace culvert
