// 43 characters of 62 are 256 bits.
#include "control/config/token_text.h"

#include "control/config/times.h"
#include "proto/scalars.h"
#include "proto/words.h"
#include "relay/crypto/digest.h"
#include "relay/crypto/random_bytes.h"

#include <fmt/format.h>

namespace culvert::control {
namespace {

constexpr std::string_view kBase62 =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr size_t kCharacters = 43;
constexpr size_t kIdBytes = 6;
constexpr Duration kTtlMost = std::chrono::hours(24 * 365 * 10);

Error invalid(std::string detail) {
  return Error::client(Code::kInvalidConfig, Stage::kNone, std::move(detail));
}

std::string random_base62(size_t count) {
  std::string text;
  while (text.size() < count) {
    for (const char c : random_bytes(count)) {
      const auto value = static_cast<unsigned char>(c);
      // Above, a modulus would make some characters likelier than others.
      if (value < kBase62.size() * 4 && text.size() < count) text += kBase62[value % 62];
    }
  }
  return text;
}

Result<void> check(const v1::CreateTokenRequest& request) {
  if (const auto flaw = name_flaw(request.name())) return invalid("the token's name: " + *flaw);
  if (request.kind_case() == v1::CreateTokenRequest::KIND_NOT_SET) {
    return invalid("a token of no kind; needed is a role (viewer, operator, admin) or a tenant");
  }
  if (request.has_operator_role() && !v1::Role_IsValid(request.operator_role())) {
    return invalid("an unknown role; allowed are viewer, operator and admin");
  }
  if (request.has_tenant()) {
    if (const auto flaw = name_flaw(request.tenant())) return invalid("the tenant: " + *flaw);
  }
  if (!request.has_ttl()) return {};
  const Duration ttl = from_proto(request.ttl());
  if (ttl < std::chrono::seconds(1) || ttl > kTtlMost) {
    return invalid("a token that lives " + print_duration(ttl) +
                   "; allowed is 1s to ten years (87600h), or no end");
  }
  return {};
}

}  // namespace

std::string token_sha256(std::string_view text) {
  const Digest digest = sha256(text);
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string token_id(std::string_view sha256) {
  std::string id;
  for (const char c : sha256.substr(0, kIdBytes)) {
    id += fmt::format("{:02x}", static_cast<unsigned char>(c));
  }
  return id;
}

Result<NewToken> make_token(const v1::CreateTokenRequest& request,
                            const std::string& by,
                            WallTime now) {
  CULVERT_CHECK(check(request));
  NewToken made;
  std::string text = (request.has_tenant() ? "cvt_" : "cvo_") + random_base62(kCharacters);
  made.text = Secret(text);
  wipe(text.data(), text.size());
  made.stored.set_sha256(token_sha256(made.text.reveal()));
  v1::Token& token = *made.stored.mutable_token();
  token.set_id(token_id(made.stored.sha256()));
  token.set_name(request.name());
  if (request.has_tenant()) {
    token.set_tenant(request.tenant());
  } else {
    token.set_operator_role(request.operator_role());
  }
  *token.mutable_created() = to_timestamp(now);
  token.set_created_by(by);
  if (request.has_ttl()) {
    const auto ttl = std::chrono::duration_cast<WallTime::duration>(from_proto(request.ttl()));
    *token.mutable_expires() = to_timestamp(now + ttl);
  }
  return made;
}

}  // namespace culvert::control
