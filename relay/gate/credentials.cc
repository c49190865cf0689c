// Each place is looked at once: a token there authenticates, anything else is the caller's own key.
#include "relay/gate/credentials.h"

#include "relay/base/limits.h"
#include "relay/base/text.h"

namespace culvert {
namespace {

std::optional<std::string_view> bearer(std::string_view value) {
  constexpr std::string_view kScheme = "bearer ";
  if (!starts_with_ignoring_case(value, kScheme)) return std::nullopt;
  return trim(value.substr(kScheme.size()));
}

class Reader {
 public:
  Reader(const Tokens& tokens, Credentials* out) : tokens_(tokens), out_(out) {}

  // Places that only a relay token may stand in.
  void token_only(std::string_view text) {
    if (tokens_.is_token(text)) {
      out_->authenticated = true;
    } else {
      out_->wrong_token = true;
    }
    identity_ += text;
  }

  // The dialect's place of a key: a token, a key, or a comma-separated list of keys.
  void key(std::string_view text, KeyForm form) {
    if (text.empty()) return;
    identity_ += text;
    std::vector<std::string> keys;
    for (const std::string_view part : split_list(text)) {
      if (tokens_.is_token(part)) {
        out_->authenticated = true;
      } else {
        keys.emplace_back(part);
      }
    }
    keep(std::move(keys), form);
  }

  void whole_authorization(std::string_view text) {
    identity_ += text;
    if (!tokens_.mentions_token(text)) keep({std::string(text)}, KeyForm::kAuthorization);
  }

  void finish(bool token_in_path) {
    out_->authenticated = out_->authenticated || token_in_path;
    const Digest digest = sha256(identity_);
    out_->caller.assign(digest.begin(), digest.end());
    wipe(identity_.data(), identity_.size());
  }

 private:
  void keep(std::vector<std::string> keys, KeyForm form) {
    if (keys.empty() || out_->form != KeyForm::kNone) return;
    out_->too_many_keys = keys.size() > limits::kKeysPerRequest;
    out_->own_keys = std::move(keys);
    out_->form = form;
  }

  const Tokens& tokens_;
  Credentials* out_;
  std::string identity_;
};

}  // namespace

Credentials read_credentials(const Headers& headers,
                             const std::optional<std::string>& query_key,
                             Dialect dialect,
                             bool token_in_path,
                             const Tokens& tokens) {
  Credentials credentials;
  Reader reader(tokens, &credentials);
  if (const auto* value = headers.find("x-culvert-token")) reader.token_only(trim(*value));
  if (const auto* value = headers.find("proxy-authorization")) {
    reader.token_only(bearer(*value).value_or(*value));
  }
  // The dialect's own place counts before the others: SDKs of one vendor pointed at another's alias
  // may send both.
  const auto api_key = [&] {
    if (const auto* value = headers.find("x-api-key")) reader.key(*value, KeyForm::kApiKey);
  };
  const auto goog_key = [&] {
    if (const auto* value = headers.find("x-goog-api-key"))
      reader.key(*value, KeyForm::kGoogApiKey);
    if (query_key) reader.key(*query_key, KeyForm::kQuery);
  };
  if (dialect == Dialect::kAnthropic) api_key();
  if (dialect == Dialect::kGemini) goog_key();
  if (const auto* value = headers.find("authorization")) {
    if (const auto text = bearer(*value)) {
      reader.key(*text, KeyForm::kBearer);
    } else {
      reader.whole_authorization(*value);
    }
  }
  if (dialect != Dialect::kAnthropic) api_key();
  if (dialect != Dialect::kGemini) goog_key();
  reader.finish(token_in_path);
  return credentials;
}

}  // namespace culvert
