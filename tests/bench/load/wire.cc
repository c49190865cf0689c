// OpenSSL reads and writes through a BIO of ours that ends at the same two system calls as a plain
// connection.
#include "tests/bench/load/wire.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

namespace culvert::bench {

struct WireBio {
  static Wire& wire(BIO* bio) { return *static_cast<Wire*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* to, int size) {
    BIO_clear_retry_flags(bio);
    const Transfer got = wire(bio).receive(to, static_cast<size_t>(size));
    if (got.flow == Flow::kMoved) return static_cast<int>(got.bytes);
    if (got.flow == Flow::kBlocked) BIO_set_retry_read(bio);
    if (got.flow == Flow::kEnded) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return got.flow == Flow::kEnded ? 0 : -1;
  }

  static int write(BIO* bio, const char* from, int size) {
    BIO_clear_retry_flags(bio);
    const Transfer put = wire(bio).send(from, static_cast<size_t>(size));
    if (put.flow == Flow::kMoved) return static_cast<int>(put.bytes);
    if (put.flow == Flow::kBlocked) BIO_set_retry_write(bio);
    return -1;
  }

  static long control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  static BIO_METHOD* make() {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
    BIO_meth_set_read(method, &read);
    BIO_meth_set_write(method, &write);
    BIO_meth_set_ctrl(method, &control);
    return method;
  }

  // One for the process, until its end.
  static BIO_METHOD* method() {
    static BIO_METHOD* const kMethod = make();
    return kMethod;
  }
};

void Wire::open(Descriptor fd) {
  close();
  fd_ = std::move(fd);
  drained_ = false;
  const int on = 1;
  setsockopt(fd_.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void Wire::make_ssl(SSL_CTX* context) {
  ssl_.reset(SSL_new(context));
  BIO* bio = BIO_new(WireBio::method());
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
}

void Wire::open_server_tls(SSL_CTX* context) {
  make_ssl(context);
  SSL_set_accept_state(ssl_.get());
}

void Wire::open_client_tls(SSL_CTX* context, const std::string& name, SSL_SESSION* session) {
  make_ssl(context);
  SSL_set_connect_state(ssl_.get());
  SSL_set_tlsext_host_name(ssl_.get(), name.c_str());
  SSL_set1_host(ssl_.get(), name.c_str());
  if (session != nullptr) SSL_set_session(ssl_.get(), session);
}

Transfer Wire::shake_hands() { return judged(SSL_do_handshake(ssl_.get())); }

Transfer Wire::read(char* to, size_t size) {
  if (!ssl_) return receive(to, size);
  return judged(SSL_read(ssl_.get(), to, static_cast<int>(std::min<size_t>(size, INT_MAX))));
}

Transfer Wire::write(std::string_view bytes) {
  if (!ssl_) return send(bytes.data(), bytes.size());
  return judged(SSL_write(ssl_.get(), bytes.data(),
                          static_cast<int>(std::min<size_t>(bytes.size(), INT_MAX))));
}

void Wire::close() {
  if (ssl_) {
    if (fd_ && SSL_is_init_finished(ssl_.get()) == 1) SSL_shutdown(ssl_.get());
    ERR_clear_error();
    ssl_.reset();
  }
  fd_.reset(-1);
}

Transfer Wire::judged(int result) {
  if (result > 0) return {Flow::kMoved, static_cast<size_t>(result)};
  const int error = SSL_get_error(ssl_.get(), result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return {Flow::kBlocked};
  if (error == SSL_ERROR_ZERO_RETURN) return {Flow::kEnded};
  ERR_clear_error();
  // Nothing more may be sent over it, no goodbye either.
  SSL_set_quiet_shutdown(ssl_.get(), 1);
  return {Flow::kFailed};
}

Transfer Wire::receive(char* to, size_t size) {
  if (drained_) return {Flow::kBlocked};
  const ssize_t got = recv(fd_.fd(), to, size, 0);
  drained_ = got < static_cast<ssize_t>(size);
  if (got > 0) return {Flow::kMoved, static_cast<size_t>(got)};
  if (got == 0) return {Flow::kEnded};
  return {errno == EAGAIN || errno == EINTR ? Flow::kBlocked : Flow::kFailed};
}

Transfer Wire::send(const char* from, size_t size) {
  const ssize_t put = ::send(fd_.fd(), from, size, MSG_NOSIGNAL);
  if (put >= 0) return {Flow::kMoved, static_cast<size_t>(put)};
  return {errno == EAGAIN || errno == EINTR ? Flow::kBlocked : Flow::kFailed};
}

}  // namespace culvert::bench
