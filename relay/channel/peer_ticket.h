// Session tickets (RFC 8446 §4.6.1) that carry who the client is. mbedTLS restores no certificate
// from one of TLS 1.3, and the relay that is come to has to know which relay comes, also when it
// resumes. Owned by whoever holds the TicketKeys; safe on any thread.
#pragma once

#include <mbedtls/ssl.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace culvert {

// The certificate that a client has shown, as far as it outlives its connection.
struct PeerIdentity {
  std::string name;        // its common name; empty: none was shown
  int64_t expires_at = 0;  // Unix seconds
};

// The callbacks of mbedTLS know a configuration and no connection: this ties them to the one that
// calls them, on this thread, while it lasts.
class PeerTicketScope {
 public:
  // known: what a ticket that is written carries. carried: what the last ticket that was read said;
  // empty where it was not taken. The library reads no further one after that which it takes. Both
  // outlive the scope.
  PeerTicketScope(const PeerIdentity& known, PeerIdentity& carried);
  PeerTicketScope(const PeerTicketScope&) = delete;
  PeerTicketScope& operator=(const PeerTicketScope&) = delete;
  ~PeerTicketScope();

  const PeerIdentity& known() const { return known_; }
  PeerIdentity& carried() { return carried_; }

 private:
  const PeerIdentity& known_;
  PeerIdentity& carried_;
  PeerTicketScope* outside_;
};

// For mbedtls_ssl_conf_session_tickets_cb, with the TlsServerConfig::State. A ticket is refused, so
// that the client shows its certificate, where that certificate has ended since, or the authority
// is another than it was.
int write_peer_ticket(void* config,
                      const mbedtls_ssl_session* session,
                      unsigned char* start,
                      const unsigned char* end,
                      size_t* length,
                      uint32_t* lifetime);
int parse_peer_ticket(void* config,
                      mbedtls_ssl_session* session,
                      unsigned char* ticket,
                      size_t length);

}  // namespace culvert
