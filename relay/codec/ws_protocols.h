// Sec-WebSocket-Protocol (RFC 6455 §4.1, §11.3.4) as the place in which browsers, which cannot set
// a header of a WebSocket, carry credentials. Pure. Says what stands where; whether it is a token
// or a key is the gate's to say.
#pragma once

#include "relay/base/result.h"
#include "relay/base/secret.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

class WsProtocols {
 public:
  enum class Kind : uint8_t {
    kName,   // a subprotocol: `realtime`, and whatever else is not one of the two below
    kKey,    // openai-insecure-api-key.{key}, OpenAI's form: like Authorization, the place of the
             // caller's own key or of a relay token
    kToken,  // culvert-token.{token}: never goes up
  };

  bool empty() const { return items_.empty(); }
  const Secret& key() const { return key_; }      // empty: none
  const Secret& token() const { return token_; }  // empty: none

  // What may go up, in the client's order: names, and the key where it is the caller's own.
  // "" where nothing is left, and then the field is left out.
  std::string list(bool with_key) const;

 private:
  friend Result<WsProtocols> read_ws_protocols(std::string_view value);
  struct Item {
    Secret text;  // as it came
    Kind kind = Kind::kName;
  };

  std::vector<Item> items_;
  Secret key_;
  Secret token_;
};

// value: of all fields, joined by commas. Refuses elements that are no tokens of RFC 9110, or are
// there twice, more than one credential of a kind, and a relay token without a name beside it: a
// browser ends a connection whose server chose none of its subprotocols, and a token cannot be
// chosen without being told. Errors are the client's; their detail never quotes the list.
Result<WsProtocols> read_ws_protocols(std::string_view value);

}  // namespace culvert
