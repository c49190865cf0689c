// What two relays of a fleet say to each other, in HTTP/1.1 over mutual TLS: CONNECT asks the far
// one for a connection (RFC 9110 §9.3.6), OPTIONS whether it is there. Nothing in it tells of the
// client. Pure.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/result.h"
#include "relay/base/url.h"
#include "relay/codec/request_parser.h"
#include "relay/codec/response_parser.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

// TLS with the destination, where the far relay is to speak it.
struct PeerTls {
  std::string server_name;  // sent and verified
  bool tls13_only = false;
  std::string upstream;  // whose CA certificates count beside the far relay's common ones
};

struct PeerRequest {
  HostPort to;
  std::vector<std::string> path;  // relays that it came through, the client's own first
  Duration resolve{};             // time limits, which the far relay keeps
  Duration connect{};
  Duration tls{};
  std::optional<PeerTls> far_tls;  // absent: bytes as they are
};

std::string encode_peer_request(const PeerRequest& request);
// Of a CONNECT. Errors are the near relay's: what is missing or out of its bounds.
Result<PeerRequest> read_peer_request(const RequestHead& head);

// The connection is there; behind this head everything is the destination's.
struct PeerAnswer {
  Duration resolve{};  // how long the far relay took
  Duration connect{};
  Duration tls{};
};
std::string encode_peer_answer(const PeerAnswer& answer);
PeerAnswer read_peer_answer(const ResponseHead& head);  // what is not told is zero

// It is not. The connection between the relays stays, and can be asked again.
std::string encode_peer_refusal(const Error& error);
Error read_peer_refusal(const ResponseHead& head, std::string_view words);
// Whether another relay of the region may do better: it is about the relay, not the destination.
bool is_about_relay(const Error& refusal);

// Is it there, and does it take connections?
std::string encode_peer_check();
std::string encode_peer_state(bool draining);
bool says_draining(const ResponseHead& head);

}  // namespace culvert
