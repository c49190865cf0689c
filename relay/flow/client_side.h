// What a session needs of the client's connection, and what the connection tells the session.
// edge/client_connection implements the one, flow/session the other.
#pragma once

#include "relay/base/address.h"
#include "relay/base/error.h"
#include "relay/channel/channel.h"
#include "relay/codec/headers.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace culvert {

// An answer's head as the session wants it; the connection adds framing, `Connection` and `Date`.
struct AnswerHead {
  int status = 200;
  std::string reason;
  Headers headers;  // without framing fields
  // The body's length: kLength with content_length, kChunked where it is not known beforehand
  // (HTTP/1.0 clients get a body until close), kNone where none follows.
  enum class Body : uint8_t { kNone, kLength, kUnknown } body = Body::kNone;
  uint64_t content_length = 0;  // with kNone and a HEAD request: told, not sent
  bool tell_length = false;     // kNone: Content-Length is told all the same
  bool close = false;           // the connection ends after this answer
  std::string trailer;          // of kUnknown: a field that may follow the body (RFC 9110 §6.6.2)
};

// A client's connection that carries another protocol from here on.
struct ClientTunnel {
  std::unique_ptr<Channel> channel;  // open; its next sink is the taker's
  std::string arrived;               // behind the request
};

class ClientSide {
 public:
  virtual ~ClientSide() = default;
  virtual const Address& peer() const = 0;
  virtual bool secure() const = 0;

  virtual void send_continue() = 0;                                   // 100 (Continue), once
  virtual void send_interim(int status, const Headers& headers) = 0;  // 1xx; not to HTTP/1.0
  virtual void send_head(AnswerHead&& head) = 0;
  virtual void send_body(std::string_view bytes) = 0;
  // trailers: sent where chunks frame the body, and dropped elsewhere (RFC 9110 §6.5).
  virtual void send_end(const Headers& trailers) = 0;
  // The answer ends here, unfinished, and nobody can take it for a whole one: no last chunk, fewer
  // bytes than announced, no close_notify, or a reset where nothing else would tell.
  virtual void cut() = 0;
  // The answer after which no HTTP follows, and then the connection itself, once. From then on
  // nothing is called but cut(), which does nothing, and session_over().
  virtual ClientTunnel become_tunnel(int status, std::string_view reason, Headers headers) = 0;
  virtual size_t queued() const = 0;  // bytes that the client has not taken

  virtual void pause_body() = 0;  // of the request
  virtual void resume_body() = 0;

  // The session is over and may be retired. After send_end() or cut(), or when the client is gone.
  virtual void session_over() = 0;
};

class ClientEvents {
 public:
  virtual ~ClientEvents() = default;
  virtual void on_request_body(std::string_view bytes) = 0;
  virtual void on_request_end() = 0;
  // The request's body cannot be read any further; the client may still read an answer.
  virtual void on_request_broken(Error error) = 0;
  virtual void on_client_drained() = 0;
  virtual void on_client_gone() = 0;
};

}  // namespace culvert
