// A client's token and the mark of the token set change in one transaction.
#include "control/config/tokens.h"

#include "control/config/times.h"
#include "control/config/token_text.h"
#include "relay/base/log.h"

#include <fmt/format.h>

namespace culvert::control {
namespace {

using namespace std::chrono_literals;

constexpr int kRaces = 20;
constexpr size_t kTokensMost = 100'000;  // of clients: every relay holds them all
constexpr auto kUseNoted = 60s;          // a write for each call would wear the disk for nothing

Error not_admitted() {
  return Error::client(Code::kUnauthorized, Stage::kAuth,
                       "the token is wrong, revoked or expired; `culvert token create` makes one");
}

Error raced() {
  return Error::ours(Code::kConflict, Stage::kNone,
                     "others change tokens at the same time, again and again; try again");
}

std::string token_key(const std::string& id) { return kTokenPrefix + id; }

}  // namespace

bool is_good(const v1::Token& token, WallTime now) {
  return !token.has_revoked() && (!token.has_expires() || from_timestamp(token.expires()) > now);
}

Result<v1::CreateTokenReply> Tokens::create(const v1::CreateTokenRequest& request,
                                            const std::string& by) {
  if (request.has_tenant() && live_.current()->tokens.size() >= kTokensMost) {
    return Error::client(
        Code::kOverloaded, Stage::kLimit,
        fmt::format("there are {} tokens of clients already; revoke some", kTokensMost));
  }
  for (int race = 0; race < kRaces; ++race) {
    const auto made = CULVERT_TRY(make_token(request, by, clock_.wall()));
    if (!CULVERT_TRY(write(made.stored, 0))) continue;  // an id that is taken, or a lost race
    CULVERT_CHECK(live_.refresh());
    v1::CreateTokenReply reply;
    *reply.mutable_token() = made.stored.token();
    reply.set_secret(std::string(made.text.reveal()));
    return reply;
  }
  return raced();
}

Result<bool> Tokens::write(const v1::StoredToken& token, uint64_t revision) {
  const std::string key = token_key(token.token().id());
  std::vector<Condition> conditions{{key, revision}};
  std::vector<Write> writes{{key, token.SerializeAsString()}};
  if (token.token().has_tenant()) {
    v1::StoredTokenSet set;
    conditions.push_back({kTokenSetKey, CULVERT_TRY(load_message(store_, kTokenSetKey, &set))});
    writes.push_back({kTokenSetKey, set.SerializeAsString()});
  }
  return CULVERT_TRY(store_.commit(conditions, writes)).done;
}

Result<v1::Token> Tokens::revoke(const std::string& id) {
  for (int race = 0; race < kRaces; ++race) {
    v1::StoredToken stored;
    const uint64_t revision = CULVERT_TRY(load_message(store_, token_key(id), &stored));
    if (revision == 0) {
      return Error::client(Code::kNotFound, Stage::kNone,
                           fmt::format("there is no token \"{}\"; `culvert token list` shows their "
                                       "ids",
                                       id));
    }
    if (stored.token().has_revoked()) return stored.token();
    CULVERT_CHECK(check_not_last_admin(stored.token()));
    *stored.mutable_token()->mutable_revoked() = to_timestamp(clock_.wall());
    if (!CULVERT_TRY(write(stored, revision))) continue;
    CULVERT_CHECK(live_.refresh());
    return stored.token();
  }
  return raced();
}

Result<void> Tokens::check_not_last_admin(const v1::Token& token) {
  const WallTime now = clock_.wall();
  const auto is_admin = [&](const v1::Token& other) {
    return other.has_operator_role() && other.operator_role() == v1::ROLE_ADMIN &&
           is_good(other, now);
  };
  if (!is_admin(token)) return {};
  for (const v1::Token& other : CULVERT_TRY(list(false))) {
    if (other.id() != token.id() && is_admin(other)) return {};
  }
  return Error::client(Code::kPrecondition, Stage::kNone,
                       "this is the last admin's token: create another one first");
}

Result<std::vector<v1::Token>> Tokens::list(bool with_revoked) {
  std::vector<v1::Token> tokens;
  CULVERT_CHECK(each_entry(store_, kTokenPrefix, {}, [&](const Entry& entry) -> Result<void> {
    v1::StoredToken stored;
    if (!stored.ParseFromString(entry.value)) return unreadable(entry.key);
    if (with_revoked || !stored.token().has_revoked()) tokens.push_back(stored.token());
    return {};
  }));
  return tokens;
}

Result<v1::Token> Tokens::admit(std::string_view text) {
  const std::string digest = token_sha256(text);
  v1::StoredToken stored;
  const uint64_t revision = CULVERT_TRY(load_message(store_, token_key(token_id(digest)), &stored));
  if (revision == 0 || !equal_in_constant_time(stored.sha256(), digest) ||
      !stored.token().has_operator_role() || !is_good(stored.token(), clock_.wall())) {
    return not_admitted();
  }
  note_use(stored, revision);
  return stored.token();
}

void Tokens::note_use(const v1::StoredToken& stored, uint64_t revision) {
  const WallTime now = clock_.wall();
  if (stored.token().has_last_used() &&
      now - from_timestamp(stored.token().last_used()) < kUseNoted) {
    return;
  }
  v1::StoredToken used = stored;
  *used.mutable_token()->mutable_last_used() = to_timestamp(now);
  const std::string key = token_key(stored.token().id());
  // A lost race is another's note, or a revocation that must not be undone; and who may come in
  // does not depend on a disk that is full.
  const auto noted = store_.commit({{key, revision}}, {{key, used.SerializeAsString()}});
  if (!noted) {
    log::warn("a token's use cannot be noted",
              {{"token", stored.token().id()}, {"error", noted.error().detail}});
  }
}

}  // namespace culvert::control
