// The header fields that never go up, whatever a configuration allows (privacy: Never). Pure. Here
// because validation refuses to name them and the gate refuses to send them: one table for both.
#pragma once

#include <string_view>

namespace culvert {

// Names compare without case, and `_` counts as `-`, because gateways that speak CGI read the two
// as one.

// The absolute table: what says who or where the client is, the relay's own fields and the
// hop-by-hop set. Without Cookie, Origin and Referer: see needs_naming.
bool is_denied_header(std::string_view name);

// Fields of one connection (RFC 9110 §7.6.1, with RFC 2616's): dropped in both directions, beside
// all that `Connection` names.
bool is_hop_by_hop(std::string_view name);

// Cookie, Origin and Referer: never, but that the generic proxy may be allowed to send them by
// name.
bool needs_naming(std::string_view name);

// What the relay writes itself in every request and nothing may set: Host, Content-Length,
// User-Agent, Accept-Encoding, Expect, and the fields of is_hop_by_hop that frame a message.
bool is_written_by_relay(std::string_view name);

}  // namespace culvert
