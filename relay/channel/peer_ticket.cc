// Around mbedTLS's own ticket, whose keys and times it keeps, a sealed envelope:
// expires_at (8, big-endian) | length of the name (2) | name | mbedTLS's ticket.
#include "relay/channel/peer_ticket.h"

#include "relay/channel/tls_state.h"
#include "relay/crypto/seal.h"

#include <mbedtls/platform_time.h>

#include <cstring>
#include <new>
#include <optional>
#include <string_view>

namespace culvert {
namespace {

constexpr size_t kNumberBytes = 8;
constexpr size_t kLengthBytes = 2;

thread_local PeerTicketScope* current = nullptr;

void append_number(std::string* to, uint64_t number, size_t bytes) {
  for (size_t i = bytes; i > 0; --i) to->push_back(static_cast<char>(number >> (8 * (i - 1))));
}

uint64_t number_of(std::string_view bytes) {
  uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

// Takes the front off what is sealed; the rest is mbedTLS's.
std::optional<PeerIdentity> take_identity(std::string_view* envelope) {
  if (envelope->size() < kNumberBytes + kLengthBytes) return std::nullopt;
  PeerIdentity peer;
  peer.expires_at = static_cast<int64_t>(number_of(envelope->substr(0, kNumberBytes)));
  envelope->remove_prefix(kNumberBytes);
  const size_t length = number_of(envelope->substr(0, kLengthBytes));
  envelope->remove_prefix(kLengthBytes);
  if (length == 0 || length > envelope->size()) return std::nullopt;
  peer.name = envelope->substr(0, length);
  envelope->remove_prefix(length);
  return peer;
}

int write_ticket(const TlsServerConfig::State& config,
                 const PeerIdentity& peer,
                 const mbedtls_ssl_session* session,
                 unsigned char* start,
                 const unsigned char* end,
                 size_t* length,
                 uint32_t* lifetime) {
  if (peer.name.empty()) return MBEDTLS_ERR_SSL_BAD_INPUT_DATA;
  size_t inner = 0;
  const int code = mbedtls_ssl_ticket_write(&config.tickets->state().context, session, start, end,
                                            &inner, lifetime);
  if (code != 0) return code;
  std::string envelope;
  append_number(&envelope, static_cast<uint64_t>(peer.expires_at), kNumberBytes);
  append_number(&envelope, peer.name.size(), kLengthBytes);
  envelope += peer.name;
  envelope.append(reinterpret_cast<const char*>(start), inner);
  const std::string sealed = seal(config.tickets->state().peers, envelope, config.peers_bound_to);
  if (sealed.size() > static_cast<size_t>(end - start)) return MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL;
  std::memcpy(start, sealed.data(), sealed.size());
  *length = sealed.size();
  return 0;
}

int parse_ticket(const TlsServerConfig::State& config,
                 PeerIdentity* carried,
                 mbedtls_ssl_session* session,
                 std::string_view ticket) {
  *carried = {};
  const auto opened = unseal(config.tickets->state().peers, ticket, config.peers_bound_to);
  if (!opened) return MBEDTLS_ERR_SSL_INVALID_MAC;
  std::string_view rest = *opened;
  auto peer = take_identity(&rest);
  if (!peer) return MBEDTLS_ERR_SSL_BAD_INPUT_DATA;
  // By the clock that certificates are judged by.
  if (mbedtls_time(nullptr) > peer->expires_at) return MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED;
  std::string inner(rest);  // opened in place
  const int code =
      mbedtls_ssl_ticket_parse(&config.tickets->state().context, session,
                               reinterpret_cast<unsigned char*>(inner.data()), inner.size());
  wipe(inner.data(), inner.size());
  if (code == 0) *carried = std::move(*peer);
  return code;
}

}  // namespace

PeerTicketScope::PeerTicketScope(const PeerIdentity& known, PeerIdentity& carried)
    : known_(known), carried_(carried), outside_(current) {
  current = this;
}

PeerTicketScope::~PeerTicketScope() { current = outside_; }

// No exception leaves through mbedTLS's frames.
int write_peer_ticket(void* config,
                      const mbedtls_ssl_session* session,
                      unsigned char* start,
                      const unsigned char* end,
                      size_t* length,
                      uint32_t* lifetime) {
  if (current == nullptr) return MBEDTLS_ERR_SSL_BAD_INPUT_DATA;
  try {
    return write_ticket(*static_cast<TlsServerConfig::State*>(config), current->known(), session,
                        start, end, length, lifetime);
  } catch (const std::bad_alloc&) {
    return MBEDTLS_ERR_SSL_ALLOC_FAILED;
  }
}

int parse_peer_ticket(void* config,
                      mbedtls_ssl_session* session,
                      unsigned char* ticket,
                      size_t length) {
  if (current == nullptr) return MBEDTLS_ERR_SSL_BAD_INPUT_DATA;
  try {
    return parse_ticket(*static_cast<TlsServerConfig::State*>(config), &current->carried(), session,
                        {reinterpret_cast<const char*>(ticket), length});
  } catch (const std::bad_alloc&) {
    return MBEDTLS_ERR_SSL_ALLOC_FAILED;
  }
}

}  // namespace culvert
