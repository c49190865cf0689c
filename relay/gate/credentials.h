// What a request shows to prove who asks and who pays (surface: Authentication of a client).
// Pure. Says what is there; whether that is enough is admission's to say.
#pragma once

#include "relay/base/error.h"
#include "relay/base/secret.h"
#include "relay/codec/headers.h"
#include "relay/codec/ws_protocols.h"
#include "relay/config/snapshot.h"
#include "relay/gate/tokens.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

// Where a key stands in a request, and how it is written there. The names are of the upstream or of
// the relay's own tables.
struct KeyPlace {
  std::string_view header;  // spelled as it is sent; empty: the query
  std::string scheme;       // before the key ("Bearer"); empty: the key alone
  std::string_view pair = "key";  // the name in the query

  bool in_query() const { return header.empty(); }
  bool in_protocols() const;  // an element of Sec-WebSocket-Protocol
  friend bool operator==(const KeyPlace&, const KeyPlace&) = default;
};

struct Credentials {
  bool authenticated = false;  // a relay token was found, in whatever place
  bool wrong_token = false;    // something was given as a relay token that is none
  // The caller's own upstream keys, without a relay token among them; more than one is a pool.
  std::vector<Secret> own_keys;
  KeyPlace own_place;          // where they stood
  bool query_token = false;    // a relay token stands in the query
  bool token_in_list = false;  // a relay token stood among own_keys
  Secret token;                // the first relay token that was found
  // Of an issued token: whose it is and which; "" for the configuration's own tokens.
  std::string tenant;
  std::string token_id;
  std::optional<Error> fault;  // ambiguous or malformed: refused whatever else is right

  bool anonymous() const { return token.empty() && own_keys.empty(); }
  // Equal for equal credentials, says nothing about them: a digest in hexadecimal. "" without any.
  std::string caller() const;
  // The tenant, or the caller where there is none.
  std::string account() const { return tenant.empty() ? caller() : tenant; }
};

// target: path and query without a path token. path_token: the right token that was in the path, ""
// where there was none. upstream: whose key places count, and which outlives what is returned;
// nullptr (the generic proxy, or not known yet): no place does, and whatever is no token stays
// where it is.
// Tokens are found in every place whatever the upstream, so that the answer to `authenticated` is
// the same before and after the upstream is known. protocols: of a WebSocket's request, whose
// clients cannot always set a header: they have two more places, Sec-WebSocket-Protocol and the
// query's `access_token=` (of Gemini's Live API, beside `key=`); nullptr: it is none.
Credentials read_credentials(const Headers& headers,
                             std::string_view target,
                             const Upstream* upstream,
                             std::string_view path_token,
                             const Tokens& tokens,
                             const WsProtocols* protocols = nullptr);

// Pairs of a query that may hold a credential; those of a WebSocket are all of them.
inline constexpr std::array<std::string_view, 2> kQueryKeys = {"key", "access_token"};

// How a pool's key goes up: the upstream's own way, but that Anthropic's OAuth tokens
// (sk-ant-oat…) are Bearer.
KeyPlace pool_key_place(const Upstream& upstream, std::string_view key);

}  // namespace culvert
