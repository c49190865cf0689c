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
  std::string method;
  std::string target;  // origin-form as received; "*" for OPTIONS; the authority for CONNECT
  std::string host;    // of Host, as received; "" in HTTP/1.0 without one
  int minor_version = 1;
  Headers headers;
  BodyFraming framing = BodyFraming::kNone;
  uint64_t content_length = 0;
  bool keep_alive = true;
  bool expect_continue = false;

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

  // Consumes from the input's front; the body of an event points into it. What follows kEnd is the
  // next message's. After an error it stays in error.
  Result<HttpEvent> next(std::string_view* input);
  bool idle() const;  // between messages: nothing of a next one was seen

  const RequestHead& head() const;
  RequestHead take_head();

 private:
  class Machine;
  std::unique_ptr<Machine> machine_;
};

}  // namespace culvert
