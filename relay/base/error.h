// What went wrong, whose fault it is, where, and whether another try may help.
// A plain value that crosses every room; its detail never holds a key, a token or a full query.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace culvert {

enum class Fault : uint8_t { kClient, kUpstream, kOurs };

// The leg of a request at which it failed; the words are those of `X-Proxy-Stage`.
enum class Stage : uint8_t {
  kNone,
  kRequest,    // the request's own form
  kAuth,       // who asks
  kRoute,      // where to
  kLimit,      // a bound, a quota or an overload
  kResolve,    // DNS
  kConnect,    // TCP
  kTls,        // handshake with the upstream
  kSend,       // the request on its way up
  kFirstByte,  // waiting for the answer's head
  kBody,       // the answer's body
};

// What may be tried next. Only `flow/retry` decides whether it is.
enum class Retry : uint8_t { kNever, kFreshConnection, kOtherKey, kOtherUpstream };

enum class Code : uint8_t {
  kBadRequest,           // malformed or ambiguous
  kUnauthorized,         // token missing or wrong
  kForbidden,            // destination not allowed
  kNotFound,             // no alias, no route
  kMethodNotAllowed,     //
  kRequestTimeout,       // the client sent too slowly
  kBodyTooLarge,         // 413
  kTargetTooLong,        // 414
  kHeadTooLarge,         // 431
  kExpectationFailed,    // 417
  kNotImplemented,       // 501: a method, coding or scheme that this relay does not carry
  kVersionNotSupported,  // 505
  kRateLimited,          // 429
  kKeysRateLimited,      // 429: every key rests because of its rate
  kKeysUnavailable,      // 503: every key is isolated or resting for another reason
  kOverloaded,           // 503
  kDraining,             // 503
  kResolveFailed,        // 502
  kConnectFailed,        // 502
  kTlsFailed,            // 502: handshake or certificate
  kBadAnswer,            // 502: the upstream's answer cannot be parsed or is ambiguous
  kUpstreamClosed,       // 502: closed or reset before a whole answer
  kConnectTimeout,       // 504: resolve, connect or TLS took too long
  kFirstByteTimeout,     // 504
  kIdleTimeout,          // the body stood still
  kTotalTimeout,         // 504
  kClientGone,           // nobody is left to answer
  kOutOfMemory,          // 503
  kConflict,             // what was to be changed has changed meanwhile
  kPrecondition,         // it cannot be done as things are
  kNotKept,              // too old, or not there yet
  kLoop,                 // 508: between relays, where a connection would come back
  kInternal,             // 500: a bug of ours
  kInvalidConfig,        // configuration: never reaches a client
  kSystem,               // an operating system call failed
};

struct [[nodiscard]] Error {
  Fault fault = Fault::kOurs;
  Code code = Code::kInternal;
  Stage stage = Stage::kNone;
  Retry retry = Retry::kNever;
  std::string detail;        // a sentence for people; empty costs no allocation
  int64_t retry_after = -1;  // seconds until it is worth asking again; -1 where unknown

  static Error client(Code code, Stage stage, std::string detail) {
    return {Fault::kClient, code, stage, Retry::kNever, std::move(detail)};
  }
  static Error upstream(Code code, Stage stage, Retry retry, std::string detail) {
    return {Fault::kUpstream, code, stage, retry, std::move(detail)};
  }
  static Error ours(Code code, Stage stage, std::string detail) {
    return {Fault::kOurs, code, stage, Retry::kNever, std::move(detail)};
  }
};

// One word each, stable: access log, metrics and `X-Proxy-Stage` carry them.
std::string_view to_string(Fault fault);
std::string_view to_string(Stage stage);
std::string_view to_string(Code code);

// The HTTP status that a client gets for an error of this kind (surface: "Errors that a relay makes
// itself").
int http_status(Code code);

}  // namespace culvert
