// The secret is never stored and never logged: its digest stands for it.
#include "control/fleet/join_token.h"

#include "control/fleet/limits.h"
#include "control/fleet/times.h"
#include "relay/crypto/digest.h"
#include "relay/crypto/random_bytes.h"

#include <fmt/format.h>

#include <algorithm>

namespace culvert::control {
namespace {

constexpr std::string_view kMark = "cvj_";
constexpr size_t kSecretLength = 43;
constexpr size_t kFingerprintLength = 64;
constexpr std::string_view kPrefix = "fleet/join/";
constexpr std::string_view kDigits =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

Secret random_secret() {
  std::string text;
  while (text.size() < kSecretLength) {
    for (const char byte : random_bytes(kSecretLength)) {
      // 248 is the last multiple of 62: what lies above would make the first digits likelier.
      const auto value = static_cast<unsigned char>(byte);
      if (value < 248 && text.size() < kSecretLength) text += kDigits[value % kDigits.size()];
    }
  }
  Secret secret(text);
  wipe(text.data(), text.size());
  return secret;
}

std::string key_of(const Secret& secret) {
  std::string key(kPrefix);
  for (const uint8_t byte : sha256(secret.reveal())) key += fmt::format("{:02x}", byte);
  return key;
}

}  // namespace

std::string JoinToken::text() const {
  return fmt::format("{}{}.{}", kMark, secret.reveal(), fingerprint);
}

JoinToken make_join_token(std::string_view fingerprint) {
  return {random_secret(), std::string(fingerprint)};
}

std::optional<JoinToken> parse_join_token(std::string_view text) {
  const bool framed = text.size() == kMark.size() + kSecretLength + 1 + kFingerprintLength &&
                      text.substr(0, kMark.size()) == kMark &&
                      text[kMark.size() + kSecretLength] == '.';
  if (!framed) return std::nullopt;
  const std::string_view secret = text.substr(kMark.size(), kSecretLength);
  const std::string_view fingerprint = text.substr(kMark.size() + kSecretLength + 1);
  if (secret.find_first_not_of(kDigits) != std::string_view::npos) return std::nullopt;
  if (fingerprint.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
    return std::nullopt;
  }
  return JoinToken{Secret(secret), std::string(fingerprint)};
}

Result<void> JoinTokens::add(const Secret& secret, const v1::StoredJoinToken& token) {
  const auto entries =
      CULVERT_TRY(store_.list(std::string(kPrefix), limits::kJoinTokens, std::string()));
  std::vector<Write> writes{{key_of(secret), token.SerializeAsString()}};
  for (const Entry& entry : entries) {
    v1::StoredJoinToken other;
    const bool good =
        other.ParseFromString(entry.value) && time_of(other.expires()) > clock_.wall();
    if (!good) writes.push_back({entry.key, std::nullopt});
  }
  if (entries.size() + 1 - (writes.size() - 1) > limits::kJoinTokens) {
    return Error::client(
        Code::kRateLimited, Stage::kNone,
        fmt::format("{} join tokens wait to be used; that is the most", limits::kJoinTokens));
  }
  CULVERT_TRY(store_.commit({}, writes));
  return {};
}

Result<JoinTokens::Found> JoinTokens::find(const Secret& secret) const {
  const auto entry = CULVERT_TRY(store_.get(key_of(secret)));
  if (!entry) {
    return Error::client(Code::kForbidden, Stage::kNone,
                         "the join token is wrong or used; make another with `culvert relay "
                         "join-token`");
  }
  Found found{entry->key, entry->revision, {}};
  if (!found.token.ParseFromString(entry->value)) {
    return Error::ours(Code::kInternal, Stage::kNone, "the store's join token is broken");
  }
  if (time_of(found.token.expires()) <= clock_.wall()) {
    return Error::client(Code::kForbidden, Stage::kNone,
                         "the join token has expired; make another with `culvert relay "
                         "join-token`");
  }
  return found;
}

}  // namespace culvert::control
