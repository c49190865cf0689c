// A non-blocking connection, plain or TLS, for both load programs. Its owner polls the descriptor;
// a read that came back short is taken for the last one of this wake-up, which spares the system
// call that would only say "would block".
#pragma once

#include "tests/bench/load/descriptor.h"
#include "tests/bench/load/tls.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace culvert::bench {

enum class Flow : uint8_t { kMoved, kBlocked, kEnded, kFailed };

struct Transfer {
  Flow flow;
  size_t bytes = 0;  // with kMoved
};

class Wire {
 public:
  Wire() = default;
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  ~Wire() { close(); }

  void open(Descriptor fd);
  void open_server_tls(SSL_CTX* context);
  // `session`: to be resumed, or nullptr; stays the caller's.
  void open_client_tls(SSL_CTX* context, const std::string& name, SSL_SESSION* session);

  // Of TLS: kMoved when it is done.
  Transfer shake_hands();
  Transfer read(char* to, size_t size);
  // After kBlocked the same bytes are to be given again.
  Transfer write(std::string_view bytes);
  // With TLS, says goodbye first.
  void close();

  void woken() { drained_ = false; }  // there may be more to read
  int fd() const { return fd_.fd(); }
  SSL* ssl() const { return ssl_.get(); }  // nullptr: plain

 private:
  friend struct WireBio;

  Transfer judged(int result);
  Transfer receive(char* to, size_t size);
  Transfer send(const char* from, size_t size);
  void make_ssl(SSL_CTX* context);

  Descriptor fd_;
  Ssl ssl_;
  bool drained_ = false;
};

}  // namespace culvert::bench
