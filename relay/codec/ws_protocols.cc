// One walk over the list.
#include "relay/codec/ws_protocols.h"

#include "relay/base/text.h"
#include "relay/codec/characters.h"

#include <algorithm>

namespace culvert {
namespace {

constexpr std::string_view kKeyStart = "openai-insecure-api-key.";
constexpr std::string_view kTokenStart = "culvert-token.";
constexpr size_t kProtocols = 32;  // OpenAI's clients offer up to five

Error bad(std::string detail) {
  return Error::client(Code::kBadRequest, Stage::kRequest,
                       "Sec-WebSocket-Protocol " + std::move(detail));
}

// False where there is no value, or there was one before.
bool take(std::string_view text, std::string_view start, Secret* out) {
  if (text.size() == start.size() || !out->empty()) return false;
  *out = Secret(text.substr(start.size()));
  return true;
}

}  // namespace

std::string WsProtocols::list(bool with_key) const {
  std::string out;
  for (const Item& item : items_) {
    if (item.kind == Kind::kToken || (item.kind == Kind::kKey && !with_key)) continue;
    if (!out.empty()) out += ", ";
    out += item.text.reveal();
  }
  return out;
}

Result<WsProtocols> read_ws_protocols(std::string_view value) {
  using Kind = WsProtocols::Kind;
  WsProtocols out;
  for (const std::string_view text : split_list(value)) {
    if (!std::all_of(text.begin(), text.end(), is_token_byte)) {
      return bad("holds an element that is not a token (RFC 6455 §4.1)");
    }
    if (out.items_.size() == kProtocols) return bad("holds more than 32 elements");
    const bool twice = std::any_of(out.items_.begin(), out.items_.end(),
                                   [&](const auto& item) { return item.text.reveal() == text; });
    if (twice) return bad("holds an element twice (RFC 6455 §4.1)");
    const Kind kind = text.starts_with(kKeyStart)     ? Kind::kKey
                      : text.starts_with(kTokenStart) ? Kind::kToken
                                                      : Kind::kName;
    const bool taken = kind == Kind::kKey     ? take(text, kKeyStart, &out.key_)
                       : kind == Kind::kToken ? take(text, kTokenStart, &out.token_)
                                              : true;
    if (!taken) return bad("holds a credential that is empty, or more than one of a kind");
    out.items_.push_back({Secret(text), kind});
  }
  if (!out.token_.empty() && out.list(true).empty()) {
    return bad(
        "holds a relay token alone; allowed is one beside a subprotocol, of which the "
        "server chooses one");
  }
  return out;
}

}  // namespace culvert
