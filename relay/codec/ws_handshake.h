// The opening handshake of WebSocket (RFC 6455 §4): whether a client's request is one, and whether
// the upstream's answer agrees to it. Pure. The relay carries frames without reading them, so this
// is the last moment at which the two sides can be held to one protocol.
#pragma once

#include "relay/base/result.h"
#include "relay/codec/request_parser.h"
#include "relay/codec/response_parser.h"
#include "relay/codec/ws_protocols.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

// The only version there is; an answer of 426 names it in Sec-WebSocket-Version.
inline constexpr std::string_view kWsVersion = "13";

// What a client asks for.
struct WsOffer {
  std::string key;  // of Sec-WebSocket-Key, as it came
  WsProtocols protocols;
  std::vector<std::string> extensions;  // their names, in the client's order; none twice
};

// The request wants another protocol than HTTP and names WebSocket as one: it is to be read by
// read_ws_request(), and must not go up as an ordinary request.
bool asks_for_ws(const RequestHead& head);

struct WsRefusal {
  // 400; 426 where the version is another, and then the answer has kWsVersion and
  // `Upgrade: websocket`, which RFC 9110 §15.5.22 demands of it.
  int status = 400;
  Error error;
};

// Of a request for which asks_for_ws() holds. nullopt where *offer holds what it asks for.
std::optional<WsRefusal> read_ws_request(const RequestHead& head, WsOffer* offer);

// SHA-1 (FIPS 180-4), which lives in another room.
using Sha1Function = std::array<uint8_t, 20> (*)(std::string_view bytes);

// The value of Sec-WebSocket-Accept that answers a key.
std::string ws_accept(std::string_view key, Sha1Function sha1);

// Whether a 101 is the agreement to what was sent up. protocols: the list that went up, "" where
// none did. Errors are the upstream's, kBadAnswer.
Result<void> check_ws_answer(const ResponseHead& head,
                             std::string_view expected_accept,
                             std::string_view protocols,
                             const std::vector<std::string>& extensions);

}  // namespace culvert
