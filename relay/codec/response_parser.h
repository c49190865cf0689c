// Answers of upstreams: HTTP/1.1 and 1.0 (RFC 9112), strict where two readings are possible. What
// is not whole is an error, never an end.
#pragma once

#include "relay/base/result.h"
#include "relay/codec/headers.h"
#include "relay/codec/http_event.h"

#include <cstdint>
#include <memory>
#include <string>

namespace culvert {

struct ResponseHead {
  int status = 0;
  std::string reason;  // may be empty
  int minor_version = 1;
  Headers headers;
  BodyFraming framing = BodyFraming::kNone;
  uint64_t content_length = 0;  // also of an answer to HEAD, where it was given
  bool has_length = false;
  bool keep_alive = false;  // the peer's word (RFC 9112 §9.3)
};

// Errors are the upstream's: kBadAnswer for what cannot be read, kUpstreamClosed for what was cut.
class ResponseParser {
 public:
  // upgrade: the request asked to switch protocols. A 101 is then a kHead, and what follows it is
  // left in the input, of the other protocol. Unasked it is an error.
  explicit ResponseParser(bool answer_to_head, bool upgrade = false);
  ResponseParser(ResponseParser&&) noexcept;
  ResponseParser& operator=(ResponseParser&&) noexcept;
  ~ResponseParser();

  // kInterim…, kHead, kBody…, kEnd; kEnd may come without input. After it nothing is consumed: what
  // is left is in excess, and the connection not fit for another request.
  Result<HttpEvent> next(std::string_view* input);
  // The connection ended; `clean`: the upstream said so (close_notify; FIN without TLS). kEnd where
  // that ends a body that is delimited by it, else the error.
  Result<HttpEvent> finish(bool clean);

  const ResponseHead& head() const;
  bool started() const;  // a byte of an answer was seen

 private:
  class Machine;
  std::unique_ptr<Machine> machine_;
};

}  // namespace culvert
