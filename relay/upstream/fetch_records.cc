// A BIO of our own, put between OpenSSL and libcurl's when the handshake starts: the one moment at
// which OpenSSL calls out and libcurl's is in place. After a record it says for the rest of the
// turn that there is nothing more; the socket is still readable then, so the loop comes back.
#include "relay/upstream/fetch_records.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstddef>
#include <new>
#include <optional>
#include <string_view>

namespace culvert {
namespace {

constexpr size_t kHeaderBytes = 5;  // type, version, length (RFC 8446 §5.1)

struct Position {
  size_t header_read = 0;
  size_t left = 0;  // of the record, once its header was read
  const uint64_t* turn = nullptr;
  std::optional<uint64_t> over_for;  // the turn in which a record was read
  bool ended = false;                // TCP

  size_t wanted() const { return header_read < kHeaderBytes ? kHeaderBytes - header_read : left; }

  void took(std::string_view bytes) {
    if (header_read == kHeaderBytes) {
      left -= bytes.size();
    } else {
      for (const char one : bytes) {
        if (++header_read <= kHeaderBytes - 2) continue;  // the length is the last two
        left = left << 8 | static_cast<unsigned char>(one);
      }
    }
    if (header_read < kHeaderBytes || left > 0) return;
    header_read = 0;
    if (turn != nullptr) over_for = *turn;
  }
};

Position* position_of(BIO* bio) { return static_cast<Position*>(BIO_get_data(bio)); }

int create(BIO* bio) {
  BIO_set_data(bio, new (std::nothrow) Position);
  BIO_set_init(bio, 1);
  return position_of(bio) != nullptr ? 1 : 0;
}

int destroy(BIO* bio) {
  delete position_of(bio);
  BIO_set_data(bio, nullptr);
  return 1;
}

int read(BIO* bio, char* room, int size) {
  Position& at = *position_of(bio);
  BIO_clear_retry_flags(bio);
  if (at.over_for && *at.over_for == *at.turn) {
    BIO_set_retry_read(bio);
    return -1;
  }
  if (size <= 0) return 0;
  const size_t most = std::min(static_cast<size_t>(size), at.wanted());
  const int got = BIO_read(BIO_next(bio), room, static_cast<int>(most));
  BIO_copy_next_retry(bio);
  if (got > 0) at.took({room, static_cast<size_t>(got)});
  at.ended = got == 0 && !BIO_should_retry(bio);
  return got;
}

long control(BIO* bio, int command, long number, void* pointer) {
  if (command == BIO_CTRL_EOF) return position_of(bio)->ended ? 1 : 0;
  return BIO_ctrl(BIO_next(bio), command, number, pointer);
}

BIO_METHOD* method() {
  static BIO_METHOD* const made = [] {
    BIO_METHOD* fresh = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_FILTER, "culvert records");
    if (fresh == nullptr) return fresh;
    BIO_meth_set_create(fresh, create);
    BIO_meth_set_destroy(fresh, destroy);
    BIO_meth_set_read(fresh, read);
    BIO_meth_set_ctrl(fresh, control);
    return fresh;
  }();
  return made;
}

int turn_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

// Also called for what follows a handshake, such as tickets. Each of the two directions of `ssl`
// keeps its own reference to libcurl's BIO.
void on_info(const SSL* ssl, int where, int /*value*/) {
  if ((where & SSL_CB_HANDSHAKE_START) == 0) return;
  BIO* below = SSL_get_rbio(ssl);
  if (below == nullptr || below != SSL_get_wbio(ssl) || method() == nullptr) return;
  BIO* records = BIO_new(method());
  if (records == nullptr || BIO_up_ref(below) != 1) {
    BIO_free(records);
    return;
  }
  position_of(records)->turn = static_cast<const uint64_t*>(
      SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), turn_index()));
  BIO_push(records, below);
  SSL_set0_rbio(const_cast<SSL*>(ssl), records);
}

}  // namespace

void read_by_records(void* ssl_ctx, const uint64_t* turn) {
  auto* context = static_cast<SSL_CTX*>(ssl_ctx);
  SSL_CTX_set_ex_data(context, turn_index(), const_cast<uint64_t*>(turn));
  SSL_CTX_set_info_callback(context, on_info);
  SSL_CTX_clear_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
}

}  // namespace culvert
