// What one request was, for the access log, the metrics and the ledger. Filled along the way by the
// session, written once at its end. Holds nothing secret: keys are masked, queries left out.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace culvert {

// How a request ended, one word in log and metrics.
enum class Outcome : uint8_t {
  kOk,             // a whole answer, whatever its status, reached the client
  kClientError,    // refused by the relay: the request's fault
  kUpstreamError,  // refused by the relay: the upstream's fault
  kRelayError,     // refused by the relay: its own state
  kAborted,        // the client left first
  kTruncated,      // the answer began and could not be ended
};

std::string_view to_string(Outcome outcome);
Outcome outcome_of(Fault fault);

// How an answer ended, for who pays for it: the words of usage.proto.
enum class UsageClass : uint8_t { kDelivered, kAborted, kTruncated, kEstimated, kRefused };

std::string_view to_string(UsageClass usage);

struct RequestRecord {
  WallTime time{};
  std::string id;
  std::string client;  // address, only where the operator wants it
  std::string method;
  std::string mode;   // preset, route, generic, gemini, replay, websocket, connect, local
  std::string route;  // name of the Route resource, if one matched
  std::string upstream;
  std::string path;  // without the query and without a token
  std::string key;   // masked
  std::string strategy;  // of the last attempt
  std::string model;
  std::string tenant;    // of an issued relay token
  std::string token_id;  // its id
  int status = 0;        // as sent to the client; 0: none was sent
  Outcome outcome = Outcome::kOk;
  Stage stage = Stage::kNone;
  std::string error;
  std::string_view close;  // how a tunnel ended, one word; empty: it was none
  uint64_t bytes_in = 0;   // of the request's body, or of a tunnel's client
  uint64_t bytes_out = 0;  // of the answer's body, or of a tunnel's other side
  std::optional<uint64_t> tokens_in;
  std::optional<uint64_t> tokens_out;
  std::optional<uint64_t> tokens_cached;     // part of tokens_in
  std::optional<uint64_t> tokens_reasoning;  // part of tokens_out
  std::optional<UsageClass> usage;           // only where usage is recorded
  bool lost = false;  // of an attempt whose answer nobody got; the request has its own record
  int attempts = 0;
  int heartbeats = 0;         // comments that kept the client waiting
  int resumed = 0;            // times that the stream was taken up and went on
  uint64_t seam_removed = 0;  // code points that the client had already
  std::string gave_up;        // one word: why a stream that broke off was not taken up again
  std::string last_cut;       // why the last lost attempt at a stream was lost
  std::string unknown_finish;  // a finish reason that this version does not know
  bool kept = false;   // its stream could be read again
  double left_ms = -1;  // when the client left a stream that went on; negative: it did not
  int readers = 0;      // of what was kept, up to its end
  bool reused = false;
  // Times of the last attempt; negative: the leg did not take place.
  double resolve_ms = -1;
  double connect_ms = -1;
  double tls_ms = -1;
  double first_byte_ms = -1;   // from the request's head to the answer's
  double first_token_ms = -1;  // to the first event of a stream that carries content
  double total_ms = 0;
};

}  // namespace culvert
