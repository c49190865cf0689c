// The request in the order of RFC 6455 §4.2.1, the answer in that of §4.1.
#include "relay/codec/ws_handshake.h"

#include "relay/base/base64.h"
#include "relay/base/text.h"
#include "relay/codec/characters.h"

#include <algorithm>

namespace culvert {
namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 §1.3
constexpr size_t kKeyText = 24;  // of 16 bytes in base64, with its two signs of padding
constexpr size_t kKeyBytes = 16;
constexpr size_t kExtensions = 32;  // one is in use; browsers offer one

bool has_token(const Headers& headers, std::string_view name, std::string_view token) {
  return list_has(headers.joined(name), token);
}

// The value of a field that is there exactly once.
std::optional<std::string_view> only(const Headers& headers, std::string_view name) {
  if (headers.count(name) != 1) return std::nullopt;
  return trim(*headers.find(name));
}

WsRefusal refused(std::string detail, int status = 400) {
  return {status, Error::client(Code::kBadRequest, Stage::kRequest, std::move(detail))};
}

bool is_key(std::string_view key) {
  if (key.size() != kKeyText || !key.ends_with("==")) return false;
  const auto bytes = base64_decode(key);
  return bytes && bytes->size() == kKeyBytes;
}

// Names of `name; parameter, name`, RFC 6455 §9.1; nullopt where one is no token.
std::optional<std::vector<std::string>> extension_names(const Headers& headers) {
  std::vector<std::string> names;
  const std::string value = headers.joined("Sec-WebSocket-Extensions");
  for (const std::string_view part : split_list(value)) {
    const std::string_view name = trim(part.substr(0, part.find(';')));
    if (name.empty() || !std::all_of(name.begin(), name.end(), is_token_byte)) return std::nullopt;
    // Fallbacks with other parameters repeat a name (RFC 7692 §5.2).
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    if (names.size() == kExtensions) return std::nullopt;
    names.emplace_back(name);
  }
  return names;
}

Error bad_answer(std::string detail) {
  return Error::upstream(Code::kBadAnswer, Stage::kFirstByte, Retry::kNever, std::move(detail));
}

Result<void> check_protocol(const Headers& headers, std::string_view offered) {
  static constexpr std::string_view kField = "Sec-WebSocket-Protocol";
  if (headers.count(kField) == 0) return {};
  const auto chosen = only(headers, kField);
  const auto list = split_list(offered);
  // Names of subprotocols are compared with case (RFC 6455 §4.1).
  if (!chosen || std::find(list.begin(), list.end(), *chosen) == list.end()) {
    return bad_answer("the upstream chose a subprotocol that was not offered (RFC 6455 §4.1)");
  }
  return {};
}

}  // namespace

bool asks_for_ws(const RequestHead& head) {
  return has_token(head.headers, "Upgrade", "websocket") &&
         has_token(head.headers, "Connection", "upgrade");
}

std::optional<WsRefusal> read_ws_request(const RequestHead& head, WsOffer* offer) {
  if (head.method != "GET" || head.has_body()) {
    return refused("a WebSocket opens with GET and without content (RFC 6455 §4.1)");
  }
  if (head.minor_version < 1) return refused("a WebSocket opens in HTTP/1.1 (RFC 6455 §4.1)");
  if (!asks_for_ws(head)) {
    return refused("Upgrade: websocket and Connection: Upgrade are needed (RFC 6455 §4.2.1)");
  }
  if (only(head.headers, "Sec-WebSocket-Version") != kWsVersion) {
    return refused("Sec-WebSocket-Version must be there once and be 13 (RFC 6455 §4.4)", 426);
  }
  const auto key = only(head.headers, "Sec-WebSocket-Key");
  if (!key || !is_key(*key)) {
    return refused(
        "Sec-WebSocket-Key must be there once and be 16 bytes in base64 (RFC 6455 §4.2.1)");
  }
  auto extensions = extension_names(head.headers);
  if (!extensions) return refused("Sec-WebSocket-Extensions is malformed (RFC 6455 §9.1)");
  auto protocols = read_ws_protocols(head.headers.joined("Sec-WebSocket-Protocol"));
  if (!protocols) return WsRefusal{400, std::move(protocols).error()};
  *offer = {std::string(*key), std::move(*protocols), std::move(*extensions)};
  return std::nullopt;
}

std::string ws_accept(std::string_view key, Sha1Function sha1) {
  const auto digest = sha1(std::string(key).append(kGuid));
  return base64_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

Result<void> check_ws_answer(const ResponseHead& head,
                             std::string_view expected_accept,
                             std::string_view protocols,
                             const std::vector<std::string>& extensions) {
  if (head.status != 101 || head.minor_version < 1) {
    return bad_answer("the upstream did not switch protocols (RFC 6455 §4.1)");
  }
  const auto upgrade = only(head.headers, "Upgrade");
  if (!upgrade || !equal_ignoring_case(*upgrade, "websocket") ||
      !has_token(head.headers, "Connection", "upgrade")) {
    return bad_answer("the upstream switched to another protocol than WebSocket (RFC 6455 §4.1)");
  }
  if (only(head.headers, "Sec-WebSocket-Accept") != expected_accept) {
    return bad_answer("the upstream's Sec-WebSocket-Accept is not that of the key (RFC 6455 §4.1)");
  }
  CULVERT_CHECK(check_protocol(head.headers, protocols));
  const auto chosen = extension_names(head.headers);
  const bool offered =
      chosen && std::all_of(chosen->begin(), chosen->end(), [&](const std::string& name) {
        return std::find(extensions.begin(), extensions.end(), name) != extensions.end();
      });
  if (!offered) {
    return bad_answer("the upstream chose an extension that was not offered (RFC 6455 §4.1)");
  }
  return {};
}

}  // namespace culvert
