// A request and behind it an answer, as the parsers of HTTP take them. A relay token never is in
// what goes up; what the answer chose was offered; a list that may go up is read as itself.
#include "relay/base/text.h"
#include "relay/codec/ws_handshake.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/codec/transcript.h"

namespace culvert::test {
namespace {

constexpr std::string_view kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

void check_protocols(const WsProtocols& protocols) {
  for (const bool with_key : {true, false}) {
    const std::string list = protocols.list(with_key);
    for (const std::string_view name : split_list(list)) {
      require(!name.starts_with("culvert-token."), "a token goes up");
    }
    const auto again = read_ws_protocols(list);
    require(again && again->list(with_key) == list && again->token().empty(), "read as itself");
    require(with_key || again->key().empty(), "a key goes up");
  }
}

std::optional<WsOffer> read_request(std::string_view* input) {
  RequestParser parser(kLimits);
  const auto event = parser.next(input);
  if (!event || event->kind != EventKind::kHead) return std::nullopt;
  WsOffer offer;
  if (const auto refused = read_ws_request(parser.head(), &offer)) {
    require(refused->status == 400 || refused->status == 426, "a status");
    require(!refused->error.detail.empty(), "a sentence");
    return std::nullopt;
  }
  require(asks_for_ws(parser.head()), "it was asked for");
  require(offer.key.size() == 24, "a key");
  return offer;
}

void read_answer(std::string_view input, const WsOffer& offer) {
  ResponseHead head;
  head.status = 101;
  // Fields alone: that a 101 comes is not what is looked for here.
  for (std::string_view line : split_list(input, '\n')) {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    if (line.ends_with('\r')) line.remove_suffix(1);
    head.headers.add(line.substr(0, colon), trim(line.substr(colon + 1)));
  }
  const std::string up = offer.protocols.list(false);
  if (!check_ws_answer(head, kAccept, up, offer.extensions)) return;
  const auto chosen = head.headers.find("Sec-WebSocket-Protocol");
  const std::string one = ", " + std::string(chosen.value_or("")) + ",";
  require(!chosen || (", " + up + ",").find(one) != std::string::npos,
          "the subprotocol was offered");
  require(head.headers.count("Sec-WebSocket-Extensions") == 0 || !offer.extensions.empty() ||
              split_list(head.headers.joined("Sec-WebSocket-Extensions")).empty(),
          "the extension was offered");
}

}  // namespace
}  // namespace culvert::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert;        // NOLINT(google-build-using-namespace)
  using namespace culvert::test;  // NOLINT(google-build-using-namespace)
  std::string_view input = text(data, size);
  if (const auto protocols = read_ws_protocols(input)) check_protocols(*protocols);
  const auto offer = read_request(&input);
  if (!offer) return 0;
  check_protocols(offer->protocols);
  read_answer(input, *offer);
  return 0;
}
