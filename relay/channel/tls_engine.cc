// mbedTLS between two byte queues. f_send takes everything, so that a write is never half done and
// never has to be repeated; back-pressure is decided before a write, by the length of the queue.
#include "relay/channel/tls_engine.h"

#include "relay/base/limits.h"
#include "relay/channel/tls_memory.h"

#include <mbedtls/asn1.h>
#include <mbedtls/bignum.h>
#include <mbedtls/cipher.h>
#include <mbedtls/ecp.h>
#include <mbedtls/error.h>
#include <mbedtls/md.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/x509_crt.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <utility>

// The library's own, declared in a header that it does not install.
extern "C" void mbedtls_ssl_handshake_free(mbedtls_ssl_context* ssl);

namespace culvert {
namespace {

// Records of bulk are gathered up to a size before they go out. Memory that grows with them would
// copy most of them once more.
constexpr size_t kBulk = 8 * 1024;
constexpr size_t kBulkRoom = limits::kReadScratch + 20 * 1024;

// Below the layer of TLS each module has a code of its own for it. A code is the sum of a module's,
// in the bits above the seventh, and of one from below, in those seven.
bool is_out_of_memory(int code) {
  const int high = -(-code & ~0x7f);
  const int low = -(-code & 0x7f);
  return high == MBEDTLS_ERR_SSL_ALLOC_FAILED || high == MBEDTLS_ERR_X509_ALLOC_FAILED ||
         high == MBEDTLS_ERR_PK_ALLOC_FAILED || high == MBEDTLS_ERR_ECP_ALLOC_FAILED ||
         high == MBEDTLS_ERR_CIPHER_ALLOC_FAILED || high == MBEDTLS_ERR_MD_ALLOC_FAILED ||
         low == MBEDTLS_ERR_MPI_ALLOC_FAILED || low == MBEDTLS_ERR_ASN1_ALLOC_FAILED;
}

}  // namespace

TlsEngine::TlsEngine() { mbedtls_ssl_init(&ssl_); }

TlsEngine::~TlsEngine() { mbedtls_ssl_free(&ssl_); }

Result<void> TlsEngine::set_up(const mbedtls_ssl_config* config) {
  const int code = mbedtls_ssl_setup(&ssl_, config);
  if (code != 0) return failure(code);
  mbedtls_ssl_set_bio(
      &ssl_, this,
      [](void* self, const unsigned char* bytes, size_t size) -> int {
        auto* engine = static_cast<TlsEngine*>(self);
        try {
          engine->out_.append({reinterpret_cast<const char*>(bytes), size});
        } catch (const std::bad_alloc&) {
          engine->out_of_memory_ = true;
          return MBEDTLS_ERR_SSL_ALLOC_FAILED;
        }
        return static_cast<int>(size);
      },
      [](void* self, unsigned char* to, size_t size) -> int {
        auto* engine = static_cast<TlsEngine*>(self);
        if (engine->unread() == 0 && !engine->in_ended_) {
          engine->starved_ = true;
          return MBEDTLS_ERR_SSL_WANT_READ;
        }
        return static_cast<int>(engine->fetch(to, size));
      },
      nullptr);
  return {};
}

// As much as one piece of memory has.
size_t TlsEngine::fetch(unsigned char* to, size_t most) {
  const std::string_view from = in_.empty() ? lent_ : in_.view();
  const size_t part = std::min(most, from.size());
  std::memcpy(to, from.data(), part);
  in_.empty() ? lent_.remove_prefix(part) : in_.consume(part);
  return part;
}

void TlsEngine::keep_lent() {
  if (!lent_.empty()) in_.append(std::exchange(lent_, {}));
}

Result<std::unique_ptr<TlsEngine>> TlsEngine::server(
    std::shared_ptr<const TlsServerConfig> config) {
  std::unique_ptr<TlsEngine> engine(new TlsEngine);
  engine->server_config_ = std::move(config);
  CULVERT_CHECK(engine->set_up(&engine->server_config_->state().config));
  return engine;
}

Result<std::unique_ptr<TlsEngine>> TlsEngine::client(std::shared_ptr<TlsClientConfig> config,
                                                     const std::string& server_name,
                                                     bool offer_session) {
  std::unique_ptr<TlsEngine> engine(new TlsEngine);
  engine->client_config_ = std::move(config);
  CULVERT_CHECK(engine->set_up(&engine->client_config_->state().config));
  // Called for the certificates of a full handshake; a resumed one has none.
  mbedtls_ssl_set_verify(
      &engine->ssl_,
      [](void* self, mbedtls_x509_crt* certificate, int depth, uint32_t*) {
        auto* verified = static_cast<TlsEngine*>(self);
        verified->saw_certificate_ = true;
        if (depth == 0) verified->peer_expires_at_ = unix_seconds(certificate->valid_to);
        return 0;
      },
      engine.get());
  const int code = mbedtls_ssl_set_hostname(&engine->ssl_, server_name.c_str());
  if (code != 0) return engine->failure(code);
  if (!offer_session) return engine;
  if (const SessionPtr session = engine->client_config_->state().take_session()) {
    engine->offered_session_ = mbedtls_ssl_set_session(&engine->ssl_, session.get()) == 0;
  }
  return engine;
}

Result<HandshakeProgress> TlsEngine::handshake() {
  const PeerTicketScope scope(peer_, carried_);
  while (!mbedtls_ssl_is_handshake_over(&ssl_)) {
    starved_ = false;
    const int code = mbedtls_ssl_handshake_step(&ssl_);
    if (code == MBEDTLS_ERR_SSL_WANT_READ && !starved_) continue;
    if (code == MBEDTLS_ERR_SSL_WANT_READ) return HandshakeProgress::kWantsInput;
    if (code == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
      store_session();
      continue;
    }
    if (code != 0) return failure(code);
  }
  if (client_config_ != nullptr) {
    resumed_ = offered_session_ && !saw_certificate_;
    if (mbedtls_ssl_get_version_number(&ssl_) == MBEDTLS_SSL_VERSION_TLS1_2) store_session();
  }
  CULVERT_CHECK(identify_peer());
  return HandshakeProgress::kDone;
}

// Between records the library's buffers hold nothing but the number of the next record to come,
// at the beginning of the input's.
void TlsEngine::rest() {
  unsigned char* input = ssl_.MBEDTLS_PRIVATE(in_buf);
  if (!resting_ && between_records()) {
    std::copy_n(input, record_number_.size(), record_number_.begin());
    resting_ = rest_tls_buffer(input);
  }
  if (ssl_.MBEDTLS_PRIVATE(out_left) == 0) rest_tls_buffer(ssl_.MBEDTLS_PRIVATE(out_buf));
  in_.release();
  out_.release();
}

// A handshake message may wait there for its other half, or behind the one that was read last.
bool TlsEngine::between_records() {
  const size_t message = ssl_.MBEDTLS_PRIVATE(in_hslen);
  return mbedtls_ssl_is_handshake_over(&ssl_) != 0 &&
         ssl_.MBEDTLS_PRIVATE(in_left) == 0 && ssl_.MBEDTLS_PRIVATE(in_offt) == nullptr &&
         ssl_.MBEDTLS_PRIVATE(badmac_seen_or_in_hsfraglen) == 0 &&
         (message == 0 || message >= ssl_.MBEDTLS_PRIVATE(in_msglen));
}

void TlsEngine::wake() {
  if (!std::exchange(resting_, false)) return;
  std::copy(record_number_.begin(), record_number_.end(), ssl_.MBEDTLS_PRIVATE(in_buf));
}

// In TLS 1.3 the library keeps what a handshake needed, its keys with it, until the connection
// ends: 4.5 KiB. A server needs none of it once its ticket is out; a client reads tickets by it.
void TlsEngine::forget_handshake() {
  auto*& handshake = ssl_.MBEDTLS_PRIVATE(handshake);
  const bool over = ssl_.MBEDTLS_PRIVATE(state) == MBEDTLS_SSL_HANDSHAKE_OVER;
  if (server_config_ == nullptr || handshake == nullptr || !over) return;
  mbedtls_ssl_handshake_free(&ssl_);
  mbedtls_free(std::exchange(handshake, nullptr));
}

// A certificate that was shown on this connection goes before any ticket, which may have been read
// and not used.
Result<void> TlsEngine::identify_peer() {
  const bool relay = server_config_ != nullptr && !server_config_->state().peers_bound_to.empty();
  if (const mbedtls_x509_crt* shown = mbedtls_ssl_get_peer_cert(&ssl_); shown != nullptr) {
    peer_ = {common_name(*shown), unix_seconds(shown->valid_to)};
  } else if (relay) {
    peer_ = carried_;
    resumed_ = true;
  }
  if (!relay || !peer_.name.empty()) return {};
  return Error::client(Code::kTlsFailed, Stage::kTls, "the relay's certificate has no name");
}

// The ticket of a server goes out with its first read or write.
Result<TlsEngine::ReadState> TlsEngine::read(std::string_view* got) {
  wake();
  forget_handshake();
  const PeerTicketScope scope(peer_, carried_);
  while (true) {
    starved_ = false;
    // Of no bytes: it decrypts the next record and leaves it where it is.
    const int code = mbedtls_ssl_read(&ssl_, nullptr, 0);
    if (const unsigned char* plaintext = ssl_.MBEDTLS_PRIVATE(in_offt); plaintext != nullptr) {
      *got = {reinterpret_cast<const char*>(plaintext), ssl_.MBEDTLS_PRIVATE(in_msglen)};
      return ReadState::kBytes;
    }
    switch (code) {
      case MBEDTLS_ERR_SSL_WANT_READ:
        // Also said between a session ticket and the records behind it, with input still there.
        if (!starved_) continue;
        return ReadState::kWantsInput;
      case MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET:
        store_session();
        continue;
      case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
        return ReadState::kCloseNotify;
      case 0:  // an empty record, or the end of TCP
        if (!in_ended_ || unread() > 0) continue;
        return ReadState::kCut;
      case MBEDTLS_ERR_SSL_CONN_EOF:
        return ReadState::kCut;
      default:
        return failure(code);
    }
  }
}

// As the library does behind a copy of all that it has read.
void TlsEngine::taken() {
  mbedtls_platform_zeroize(ssl_.MBEDTLS_PRIVATE(in_offt), ssl_.MBEDTLS_PRIVATE(in_msglen));
  ssl_.MBEDTLS_PRIVATE(in_offt) = nullptr;
  ssl_.MBEDTLS_PRIVATE(in_msglen) = 0;
  ssl_.MBEDTLS_PRIVATE(keep_current_message) = 0;
}

Result<void> TlsEngine::write(std::string_view plaintext) {
  wake();
  if (plaintext.size() >= kBulk) out_.reserve(kBulkRoom);
  const PeerTicketScope scope(peer_, carried_);
  while (!plaintext.empty()) {
    const int code = mbedtls_ssl_write(
        &ssl_, reinterpret_cast<const unsigned char*>(plaintext.data()), plaintext.size());
    if (code == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
      store_session();
      continue;
    }
    if (code < 0) return failure(code);
    plaintext.remove_prefix(static_cast<size_t>(code));
  }
  return {};
}

void TlsEngine::close_notify() {
  wake();
  mbedtls_ssl_close_notify(&ssl_);
}

void TlsEngine::store_session() {
  if (client_config_ == nullptr) return;
  SessionPtr session(new mbedtls_ssl_session);
  mbedtls_ssl_session_init(session.get());
  if (mbedtls_ssl_get_session(&ssl_, session.get()) == 0) {
    client_config_->state().keep_session(std::move(session));
  }
}

Error TlsEngine::failure(int code) {
  if (out_of_memory_ || is_out_of_memory(code)) {
    return Error::ours(Code::kOutOfMemory, Stage::kTls, "out of memory");
  }
  std::string detail = tls_error_text("TLS", code);
  Retry retry = Retry::kOtherUpstream;
  if (code == MBEDTLS_ERR_SSL_CONN_EOF) detail = "the peer closed during the TLS handshake";
  const uint32_t flags = mbedtls_ssl_get_verify_result(&ssl_);
  if (code == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED && flags != 0 && flags != UINT32_MAX) {
    std::array<char, 512> words{};
    mbedtls_x509_crt_verify_info(words.data(), words.size(), "", flags);
    detail = words.data();
    std::replace(detail.begin(), detail.end(), '\n', ' ');
    while (!detail.empty() && detail.back() == ' ') detail.pop_back();
    detail = "the certificate is not accepted: " + detail;
    retry = Retry::kNever;
  }
  return Error::upstream(Code::kTlsFailed, Stage::kTls, retry, std::move(detail));
}

}  // namespace culvert
