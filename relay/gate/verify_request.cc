// Unlike a request that goes up, all places count at once.
#include "relay/gate/verify_request.h"

#include "relay/base/limits.h"
#include "relay/base/query.h"
#include "relay/base/text.h"
#include "relay/base/url.h"
#include "relay/codec/json_strings.h"
#include "relay/gate/credentials.h"
#include "relay/gate/key_list.h"

#include <algorithm>
#include <string>

namespace culvert {
namespace {

Error bad(std::string detail) {
  return Error::client(Code::kBadRequest, Stage::kAuth, std::move(detail));
}

Result<void> add(std::string_view text, const Tokens& tokens, VerifyRequest* out) {
  KeyList list = parse_key_list(text, tokens);
  if (!list.token.empty()) out->authenticated = true;
  if (list.malformed) return bad("a key holds spaces or bytes that are not visible ASCII");
  for (Secret& key : list.keys) {
    const bool known = std::find(out->keys.begin(), out->keys.end(), key) != out->keys.end();
    if (!known) out->keys.push_back(std::move(key));
  }
  if (list.too_many || out->keys.size() > limits::kKeysPerRequest) {
    return bad("more keys than one request may bring");
  }
  return {};
}

// "Bearer k1,k2" and "k1, k2"; another scheme of Authorization holds no keys.
std::string_view list_in(std::string_view name, std::string_view value) {
  const auto [scheme, rest] = split_scheme(value);
  if (is_bearer(scheme)) return rest;
  return name == "authorization" && !scheme.empty() ? std::string_view() : value;
}

}  // namespace

Result<VerifyRequest> read_verify_request(const Headers& headers,
                                          std::string_view target,
                                          std::string_view path_token,
                                          const Upstream& upstream,
                                          const Tokens& tokens) {
  const Credentials shown = read_credentials(headers, target, nullptr, path_token, tokens);
  if (shown.fault) return *shown.fault;
  if (shown.wrong_token) {
    return Error::client(Code::kUnauthorized, Stage::kAuth, "the relay token is not valid");
  }
  VerifyRequest out;
  out.authenticated = shown.authenticated;
  for (const Header& field : headers) {
    const std::string name = lower(field.name);
    const bool place = name == "authorization" || name == "x-api-key" || name == "x-goog-api-key" ||
                       name == lower(upstream.key_header);
    if (place) CULVERT_CHECK(add(list_in(name, field.value), tokens, &out));
  }
  for (const std::string_view raw : query_values(target, "key")) {
    CULVERT_CHECK(add(percent_decode(raw), tokens, &out));
  }
  return out;
}

Result<void> add_keys_of_body(std::string_view body, const Tokens& tokens, VerifyRequest* request) {
  static constexpr std::string_view kSpaces = " \t\r\n";
  const size_t first = body.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  const bool json = std::string_view("{[\"").find(body[first]) != std::string_view::npos;
  if (!json) {
    std::string lines(body);
    std::replace_if(
        lines.begin(), lines.end(), [](char c) { return c == '\n' || c == '\r'; }, ',');
    auto added = add(lines, tokens, request);
    wipe(lines.data(), lines.size());
    return added;
  }
  const auto keys = json_strings(body, "keys");
  if (!keys) return bad("the body is neither lines of keys nor JSON with \"keys\"");
  for (const std::string& key : *keys) CULVERT_CHECK(add(key, tokens, request));
  return {};
}

}  // namespace culvert
