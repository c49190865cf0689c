// Requests of clients: HTTP/1.1 (RFC 9112) and 1.0, strict. What could be read in two ways is
// refused rather than repaired, because the upstream might repair it differently (request
// smuggling).
#pragma once

#include "relay/base/result.h"
#include "relay/codec/headers.h"
#include "relay/codec/http_event.h"

#include <cstdint>
#include <memory>
#include <string>

namespace culvert {

struct RequestHead {
  std::string method;  // GET HEAD POST PUT PATCH DELETE OPTIONS CONNECT
  // Origin-form that passed check_target, as received or taken out of absolute-form; "*" for
  // OPTIONS; host:port for CONNECT.
  std::string target;
  std::string host;  // of Host or absolute-form, as received; "" in HTTP/1.0 without one
  int minor_version = 1;
  Headers headers;
  BodyFraming framing = BodyFraming::kNone;
  uint64_t content_length = 0;
  bool keep_alive = true;        // RFC 9112 §9.3
  bool expect_continue = false;  // the client waits for 100 before it sends its body

  bool has_body() const {
    return framing == BodyFraming::kChunked ||
           (framing == BodyFraming::kLength && content_length > 0);
  }
};

// Errors are the client's, stage kRequest (limits: kLimit); after one the connection must close.
class RequestParser {
 public:
  explicit RequestParser(const HeadLimits& limits);
  RequestParser(RequestParser&&) noexcept;
  RequestParser& operator=(RequestParser&&) noexcept;
  ~RequestParser();

  // Consumes from the input's front; the body of an event points into it. A message is kHead,
  // kBody…, kEnd; kEnd may come without input. What follows it is the next message's, but
  // - after a message that ends the connection (keep_alive false) all bytes are consumed and
  //   ignored, never read as a request;
  // - after CONNECT nothing is consumed: what follows belongs to the tunnel.
  // An error comes with the first byte that proves it, and stays: every further call returns it.
  Result<HttpEvent> next(std::string_view* input);
  bool idle() const;  // between messages: nothing of a next one was seen but empty lines

  const RequestHead& head() const;
  RequestHead take_head();

 private:
  class Machine;
  std::unique_ptr<Machine> machine_;
};

}  // namespace culvert
