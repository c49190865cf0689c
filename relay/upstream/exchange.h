// The seam between a request and the way it goes up: one request and its answer by one path,
// connecting included. The socket strategy is one (socket_exchange.h), libcurl another
// (fetch_exchange.h); whoever conducts the request cannot tell them apart.
#pragma once

#include "relay/codec/response_parser.h"
#include "relay/upstream/connector.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace culvert {

struct ExchangeOptions {
  bool head_request = false;
  bool idempotent = false;  // RFC 9110 §9.2.2: may be sent again though it may have been acted upon
  bool chunked_body = false;
  bool upgrade = false;  // asks to switch protocols, in the head; of the socket strategy alone
  Duration first_byte{};
  Duration idle{};
};

struct ExchangePlan {
  ConnectPlan connect;
  std::string head;  // the request's head as it goes up over HTTP/1.1, with its empty line
  ExchangeOptions options;
  bool fresh = false;  // no connection that was used before
};

class ExchangeSink {
 public:
  virtual ~ExchangeSink() = default;
  virtual void on_connected() = 0;                        // the head goes up; the body may follow
  virtual void on_interim(const ResponseHead& head) = 0;  // 1xx, but for 100 and 101
  virtual void on_head(const ResponseHead& head) = 0;
  virtual void on_body(std::string_view bytes) = 0;
  virtual void on_end() = 0;
  // There is no whole answer. error.retry is kFreshConnection where a connection that was used
  // before had died and nothing of this request can have been acted upon.
  virtual void on_failed(Error error) = 0;
  virtual void on_upload_drained() = 0;  // queued() fell to the low-water mark
};

// A connection that speaks another protocol from here on.
struct Switched {
  std::unique_ptr<Channel> channel;  // open; its next sink is the taker's
  std::string arrived;               // of the other protocol, behind the 101
};

class Exchange : public Retirable {
 public:
  virtual void start() = 0;  // the sink may be called from inside
  virtual bool connected() const = 0;

  // After on_connected().
  virtual void send_body(std::string_view bytes) = 0;
  virtual void end_body() = 0;
  virtual size_t queued() const = 0;

  // Stops and goes on reading the answer; the idle timer rests meanwhile.
  virtual void pause() = 0;
  virtual void resume() = 0;

  // The answer takes long: memory goes that only the request needed, and comes back where needed.
  virtual void rest() {}

  // From inside an on_head() of 101, which comes only where `upgrade` was asked for: the exchange
  // is over.
  virtual Switched take_channel() { return {}; }

  // No more calls of the sink. A connection whose exchange ended whole is kept for others; any
  // other closes, which cancels what the upstream is doing.
  virtual void stop() = 0;

  virtual const Legs& legs() const = 0;

  // What another try may depend on. How many bytes of the body can have left this process:
  virtual uint64_t body_sent() const = 0;
  // and whether nothing of the request, its head included, can have been acted upon: it never left,
  // or the upstream showed that it did not take it.
  virtual bool untouched() const = 0;
};

}  // namespace culvert
