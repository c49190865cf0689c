// First the relay's own places, then those of keys: what is a relay token in any of them proves who
// asks, what is none in a place of the upstream's is the caller's key.
#include "relay/gate/credentials.h"

#include "relay/base/query.h"
#include "relay/base/text.h"
#include "relay/base/url.h"
#include "relay/crypto/digest.h"
#include "relay/gate/basic.h"
#include "relay/gate/key_list.h"

#include <array>
#include <utility>

namespace culvert {
namespace {

constexpr std::string_view kBearer = "Bearer";
constexpr std::string_view kBasic = "Basic";
constexpr std::string_view kAuthorization = "Authorization";
constexpr std::string_view kTokenHeader = "X-Culvert-Token";
constexpr std::string_view kProxyHeader = "Proxy-Authorization";
constexpr std::string_view kProtocols = "Sec-WebSocket-Protocol";
// Where keys stand, whatever the vendor; spelled as they go up.
constexpr std::array<std::string_view, 3> kKeyHeaders = {"x-api-key", "x-goog-api-key",
                                                         kAuthorization};

Error malformed(std::string detail) {
  return Error::client(Code::kBadRequest, Stage::kAuth, std::move(detail));
}

std::string hexadecimal(const Digest& digest) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string out(2 * digest.size(), '\0');
  for (size_t i = 0; i < digest.size(); ++i) {
    out[2 * i] = kHex[digest[i] >> 4];
    out[2 * i + 1] = kHex[digest[i] & 0xF];
  }
  return out;
}

class Reading {
 public:
  Reading(const Headers& headers,
          const Upstream* upstream,
          const Tokens& tokens,
          const WsProtocols* protocols,
          Credentials* out)
      : headers_(headers),
        upstream_(upstream),
        tokens_(tokens),
        protocols_(protocols),
        out_(*out) {}

  void read(std::string_view target, std::string_view path_token) {
    if (!path_token.empty()) found_token(Secret(path_token), tokens_.find(path_token).issued);
    read_relay_places();
    // The upstream's own place first: where two places hold different keys, that one pays.
    if (upstream_ != nullptr && !upstream_->key_header.empty()) read_header(upstream_->key_header);
    for (const std::string_view name : kKeyHeaders) {
      if (!is_upstreams_header(name)) read_header(name);
    }
    read_protocols();
    read_query(target, kQueryKeys[0]);
    if (protocols_ != nullptr) read_query(target, kQueryKeys[1]);
    // A right token anywhere makes up for a wrong one elsewhere.
    if (out_.authenticated) out_.wrong_token = false;
  }

 private:
  void read_relay_places() {
    for (const std::string_view name : {kTokenHeader, kProxyHeader}) {
      const auto value = only(name);
      if (!value || trim(*value).empty()) continue;
      const auto [scheme, rest] = split_scheme(*value);
      if (is_bearer(scheme) && rest.empty()) continue;
      take_relay_token(given_token(name, scheme, rest));
    }
    const bool protocol = protocols_ != nullptr && !protocols_->token().empty();
    if (protocol) take_relay_token(protocols_->token());
  }

  // What a field of the relay's own gives as a token; empty where its form is not one of it.
  static Secret given_token(std::string_view name, std::string_view scheme, std::string_view rest) {
    if (is_bearer(scheme) || (scheme.empty() && name == kTokenHeader)) return Secret(rest);
    const bool basic = name == kProxyHeader && equal_ignoring_case(scheme, kBasic);
    return basic ? basic_token(rest).value_or(Secret()) : Secret();
  }

  void take_relay_token(Secret given) {
    const Tokens::Found found = tokens_.find(given.reveal());
    if (found.valid) {
      found_token(std::move(given), found.issued);
    } else {
      out_.wrong_token = true;
    }
  }

  void read_header(std::string_view name) {
    const auto value = only(name);
    if (!value) return;
    if (equal_ignoring_case(name, kAuthorization)) return read_authorization(*value);
    std::string scheme;
    std::string_view text = trim(*value);
    if (is_upstreams_header(name) && !upstream_->key_scheme.empty()) {
      const auto split = split_scheme(text);
      if (equal_ignoring_case(split.scheme, upstream_->key_scheme)) {
        scheme = upstream_->key_scheme;
        text = split.rest;
      }
    }
    take(parse_key_list(text, tokens_), {name, std::move(scheme)});
  }

  void read_authorization(std::string_view value) {
    const auto [scheme, rest] = split_scheme(value);
    if (is_bearer(scheme)) {
      return take(parse_key_list(rest, tokens_), {kAuthorization, std::string(kBearer)});
    }
    if (is_upstreams_header(kAuthorization) && equal_ignoring_case(scheme, upstream_->key_scheme)) {
      return take(parse_key_list(rest, tokens_), {kAuthorization, upstream_->key_scheme});
    }
    // Another scheme, or none: one credential as it stands. A relay token that is written like this
    // is none: taking the second word of whatever scheme is how others let Basic pass for Bearer.
    if (tokens_.mentions_token(value)) {
      out_.wrong_token = true;
    } else if (holds_key(kAuthorization) && out_.own_keys.empty() && !rest.empty()) {
      out_.own_keys.emplace_back(rest);
      out_.own_place = {kAuthorization, std::string(scheme)};
    }
  }

  // OpenAI's form, and like Authorization the place of a key or of a relay token.
  void read_protocols() {
    if (protocols_ == nullptr || protocols_->key().empty()) return;
    take(parse_key_list(protocols_->key().reveal(), tokens_), {kProtocols, {}});
  }

  void read_query(std::string_view target, std::string_view name) {
    for (const std::string_view raw : query_values(target, name)) {
      KeyList list = parse_key_list(percent_decode(raw), tokens_);
      if (!list.token.empty()) out_.query_token = true;
      take(std::move(list), {{}, {}, name});
    }
  }

  void take(KeyList&& list, KeyPlace&& place) {
    const bool token = !list.token.empty();
    if (token) found_token(std::move(list.token), list.issued);
    if (list.expired) out_.wrong_token = true;
    if (!holds_key(place.header) || !out_.own_keys.empty()) return;
    if (list.too_many) out_.fault = malformed("more keys than one request may bring");
    if (list.malformed) {
      out_.fault = malformed("a key holds spaces or bytes that are not visible ASCII");
    }
    if (list.keys.empty()) return;
    out_.own_keys = std::move(list.keys);
    out_.own_place = std::move(place);
    out_.token_in_list = token;
  }

  // Does that header (empty: the query's `key=`) carry keys of this upstream?
  bool holds_key(std::string_view header) const {
    if (upstream_ == nullptr) return false;
    if (header.empty()) return upstream_->dialect == Dialect::kGemini;
    if (header == kAuthorization || header == kProtocols) return true;
    if (is_upstreams_header(header)) return true;
    if (header == "x-api-key") {
      return upstream_->dialect == Dialect::kAnthropic || upstream_->dialect == Dialect::kOpaque;
    }
    return header == "x-goog-api-key" && upstream_->dialect == Dialect::kGemini;
  }

  bool is_upstreams_header(std::string_view name) const {
    return upstream_ != nullptr && equal_ignoring_case(name, upstream_->key_header);
  }

  // A field that must not come twice: one program would read the first, another the last.
  std::optional<std::string_view> only(std::string_view name) {
    const auto first = headers_.find(name);
    if (first && headers_.count(name) > 1) {
      out_.fault = malformed(std::string(name) + " is there more than once");
    }
    return first;
  }

  void found_token(Secret&& token, const IssuedToken* issued) {
    out_.authenticated = true;
    if (!out_.token.empty()) return;
    if (issued != nullptr) {
      out_.tenant = issued->tenant;
      out_.token_id = issued->id;
    }
    out_.token = std::move(token);
  }

  const Headers& headers_;
  const Upstream* upstream_;
  const Tokens& tokens_;
  const WsProtocols* protocols_;
  Credentials& out_;
};

}  // namespace

bool KeyPlace::in_protocols() const { return header == kProtocols; }

std::string Credentials::caller() const {
  if (anonymous()) return {};
  std::string text(token.reveal());
  for (const Secret& key : own_keys) (text += '\n').append(key.reveal());
  std::string digest = hexadecimal(sha256(text));
  wipe(text.data(), text.size());
  return digest;
}

Credentials read_credentials(const Headers& headers,
                             std::string_view target,
                             const Upstream* upstream,
                             std::string_view path_token,
                             const Tokens& tokens,
                             const WsProtocols* protocols) {
  Credentials out;
  Reading(headers, upstream, tokens, protocols, &out).read(target, path_token);
  return out;
}

KeyPlace pool_key_place(const Upstream& upstream, std::string_view key) {
  if (upstream.dialect == Dialect::kAnthropic && key.starts_with("sk-ant-oat")) {
    return {kAuthorization, std::string(kBearer)};
  }
  if (upstream.key_header.empty()) return {kAuthorization, std::string(kBearer)};
  return {upstream.key_header, upstream.key_scheme};
}

}  // namespace culvert
