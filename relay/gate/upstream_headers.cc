// Fields are collected by their place in the order of the wire, so that the client's order and
// spelling cannot show through.
#include "relay/gate/upstream_headers.h"

#include "relay/base/denied_headers.h"
#include "relay/base/query.h"
#include "relay/base/short_list.h"
#include "relay/base/text.h"
#include "relay/gate/connection_fields.h"
#include "relay/gate/header_policy.h"
#include "relay/gate/key_list.h"

#include <algorithm>
#include <utility>

namespace culvert {
namespace {

// Of hosts that no Upstream names: the same as the default of those that are named, so that a host
// cannot tell which of the two it is.
constexpr std::string_view kGenericUserAgent = "culvert";

// A field of the client's that goes up.
struct Passing {
  Passage passage;
  Header field;

  // In the order of the wire.
  bool is_before(const Passing& other) const {
    if (passage.rank != other.passage.rank) return passage.rank < other.passage.rank;
    return LessIgnoringCase()(field.name, other.field.name);
  }
  void write(Headers* out) const {
    if (!passage.spelling.empty()) return out->add(passage.spelling, field.value);
    out->add(lower(field.name), field.value);
  }
};

using PassingFields = ShortList<Passing, 8>;

// In the order of the wire; fields that came more than once stand one behind the other.
PassingFields from_client(const UpstreamHeadersInput& input) {
  const bool generic = input.upstream == nullptr;
  const AllowedNames allowed{
      .of_upstream = generic ? input.generic_allow : &input.upstream->headers.allow,
      .of_route = input.route == nullptr ? nullptr : &input.route->allow};
  const ConnectionFields of_connection(input.client);
  PassingFields out;
  for (const Header& field : input.client) {
    const auto passage = generic ? generic_passage(field.name, allowed)
                                 : preset_passage(field.name, allowed);
    if (!passage || of_connection.contains(field.name)) continue;
    // See add_ws().
    if (input.ws != nullptr && starts_with_ignoring_case(field.name, "sec-websocket-")) continue;
    if (input.tokens.mentions_token(field.value)) continue;
    const Passing one{*passage, field};
    const auto behind = std::upper_bound(
        out.begin(), out.end(), one,
        [](const Passing& left, const Passing& right) { return left.is_before(right); });
    const auto place = behind - out.begin();
    out.push_back(one);
    std::rotate(out.begin() + place, out.end() - 1, out.end());
  }
  return out;
}

// `except`: a name that is written already.
void add_passing(const PassingFields& fields, std::string_view except, Headers* out) {
  for (size_t i = 0; i < fields.size(); ++i) {
    const Passing& one = fields[i];
    if (equal_ignoring_case(one.field.name, except)) continue;
    if (i == 0 || fields[i - 1].is_before(one)) {
      one.write(out);
    } else if (!one.passage.joint.empty()) {
      out->append_to_last(one.passage.joint);
      out->append_to_last(one.field.value);
    }
  }
}

void add_user_agent(const UpstreamHeadersInput& input, Headers* out) {
  if (input.upstream == nullptr) return out->add("User-Agent", kGenericUserAgent);
  if (!input.upstream->user_agent.empty()) {
    return out->add("User-Agent", input.upstream->user_agent);
  }
  const auto own = input.client.find("user-agent");
  if (own && !input.tokens.mentions_token(*own)) out->add("User-Agent", *own);
}

// Streams and usage are read along the way where the dialect is known, so the body must be plain.
// A WebSocket has none: what libraries say there tells them apart, and a 101 has no content.
void add_accept_encoding(const UpstreamHeadersInput& input, Headers* out) {
  if (input.ws != nullptr || !input.client.find("accept-encoding")) return;
  const bool read = input.upstream != nullptr && input.upstream->dialect != Dialect::kOpaque;
  out->add("Accept-Encoding",
           read ? "identity" : common_coding(input.client.joined("accept-encoding")));
}

// The key that pays, nullptr where none does.
const Secret* paying_key(const UpstreamHeadersInput& input) {
  if (input.payer == Payer::kNone) return nullptr;
  if (input.key != nullptr) return input.key;
  return input.payer == Payer::kOwn && !input.credentials.own_keys.empty()
             ? &input.credentials.own_keys.front()
             : nullptr;
}

// The name of the field that it wrote; "" where the key stands elsewhere, or none pays.
std::string_view add_credential(const UpstreamHeadersInput& input, Headers* out) {
  const Secret* key = paying_key(input);
  if (key == nullptr || input.upstream == nullptr) return {};
  const KeyPlace place = input.payer == Payer::kPool
                             ? pool_key_place(*input.upstream, key->reveal())
                             : input.credentials.own_place;
  if (place.in_query() || place.in_protocols()) return {};
  out->add(place.header, place.scheme);
  if (!place.scheme.empty()) out->append_to_last(" ");
  out->append_to_last(key->reveal());
  return place.header;
}

void apply_set(const HeaderRules& rules, Headers* out) {
  for (const auto& [name, value] : rules.set) {
    if (is_denied_header(name) || is_written_by_relay(name)) continue;
    out->set(name, value);
  }
}

void add_framing(const UpstreamHeadersInput& input, Headers* out) {
  if (input.framing == BodyFraming::kLength) {
    out->add("Content-Length", std::to_string(input.content_length));
  } else if (input.framing == BodyFraming::kChunked) {
    out->add("Transfer-Encoding", "chunked");
  } else if (input.wants_length) {
    out->add("Content-Length", "0");
  }
}

// RFC 6455 §4.1. The extensions are the client's, whose frames they are about.
void add_ws(const UpstreamHeadersInput& input, Headers* out) {
  out->set("Connection", "Upgrade");
  out->set("Upgrade", "websocket");
  out->set("Sec-WebSocket-Version", "13");
  out->set("Sec-WebSocket-Key", input.ws->key);
  out->erase("Sec-WebSocket-Protocol");
  out->erase("Sec-WebSocket-Extensions");
  const std::string protocols = ws_protocols_up(input);
  if (!protocols.empty()) out->add("Sec-WebSocket-Protocol", protocols);
  const std::string extensions = input.client.joined("Sec-WebSocket-Extensions");
  if (extensions.empty() || input.tokens.mentions_token(extensions)) return;
  out->add("Sec-WebSocket-Extensions", extensions);
}

// The pair that holds the only key of the caller's that goes up, where it is one of several or
// stands beside a relay token.
std::string with_chosen_key(const UpstreamHeadersInput& input, std::string path) {
  const Credentials& who = input.credentials;
  const bool chosen = input.payer == Payer::kOwn && who.own_place.in_query() &&
                      (who.own_keys.size() > 1 || who.token_in_list);
  const Secret* key = paying_key(input);
  if (!chosen || key == nullptr) return path;
  return with_query_value(path, who.own_place.pair, key->reveal());
}

}  // namespace

Headers upstream_headers(const UpstreamHeadersInput& input) {
  Headers out;
  // What the relay itself writes beside them is a dozen short fields, or a long key.
  out.reserve(input.client.size() + 8, input.client.bytes() + 512);
  out.add("Host", input.authority);
  add_user_agent(input, &out);
  add_accept_encoding(input, &out);
  const std::string_view paying = add_credential(input, &out);
  add_passing(from_client(input), paying, &out);
  if (input.upstream != nullptr) apply_set(input.upstream->headers, &out);
  if (input.route != nullptr) apply_set(*input.route, &out);
  add_framing(input, &out);
  if (input.ws != nullptr) add_ws(input, &out);
  return out;
}

std::string ws_protocols_up(const UpstreamHeadersInput& input) {
  if (input.ws == nullptr) return {};
  const WsProtocols& offered = input.ws->protocols;
  // A host that the client names gets what is for it; only relay tokens never are.
  const bool own = input.payer == Payer::kOwn && input.credentials.own_place.in_protocols();
  const bool generic = input.upstream == nullptr;
  const bool with_key = generic ? !input.tokens.mentions_token(offered.key().reveal()) : own;
  std::string list = offered.list(with_key);
  return input.tokens.mentions_token(list) ? std::string() : list;
}

std::string upstream_target(const UpstreamHeadersInput& input, std::string path) {
  std::string target = with_chosen_key(input, std::move(path));
  const bool replaced = input.payer == Payer::kPool && input.upstream != nullptr &&
                        input.upstream->dialect == Dialect::kGemini;
  if (!replaced && !input.credentials.query_token) return target;
  for (const std::string_view name : kQueryKeys) {
    if (name != kQueryKeys[0] && input.ws == nullptr) continue;
    target = without_query_pairs(target, name, [&](std::string_view value) {
      return replaced || !parse_key_list(percent_decode(value), input.tokens).token.empty();
    });
  }
  return target;
}

}  // namespace culvert
