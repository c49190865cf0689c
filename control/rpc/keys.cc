// An apply of the whole pool on the revision that was read: a race is told, not overwritten.
#include "control/rpc/keys.h"

#include "relay/base/secret.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace culvert::control {
namespace {

constexpr size_t kIdDigitsLeast = 4;
constexpr int kRaces = 5;

Error no_pool(const std::string& name) {
  return Error::client(Code::kNotFound, Stage::kNone,
                       fmt::format("there is no KeyPool \"{}\"", name));
}

bool is_disabled(const v1::KeyPool& pool, const std::string& id) {
  return std::find(pool.disabled().begin(), pool.disabled().end(), id) != pool.disabled().end();
}

void disable(v1::KeyPool* pool, const std::string& id, bool disabled) {
  if (is_disabled(*pool, id) == disabled) return;
  if (disabled) {
    pool->add_disabled(id);
    return;
  }
  auto* list = pool->mutable_disabled();
  list->erase(std::remove(list->begin(), list->end(), id), list->end());
}

struct Match {
  std::string pool;
  std::string id;
};

std::vector<Match> matches(const ConfigState& state, const v1::SetKeyRequest& request) {
  std::vector<Match> found;
  for (const auto& [name, pool] : state.key_pools) {
    if (!request.pool().empty() && request.pool() != name) continue;
    for (const v1::Secret& key : pool.keys()) {
      const std::string id = key_id(key.value());
      const bool by_id = request.key().size() >= kIdDigitsLeast && id.starts_with(request.key());
      if (by_id || mask(key.value()) == request.key()) found.push_back({name, id});
    }
  }
  return found;
}

Result<Match> only_match(const ConfigState& state, const v1::SetKeyRequest& request) {
  if (!request.pool().empty() && state.key_pools.count(request.pool()) == 0) {
    return no_pool(request.pool());
  }
  const auto found = matches(state, request);
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    return Error::client(Code::kNotFound, Stage::kNone,
                         "no key matches; allowed are an id of `culvert key list`, its first 4 or "
                         "more digits, or the masked form");
  }
  return Error::client(
      Code::kPrecondition, Stage::kNone,
      fmt::format("{} keys match; give the pool, or more digits of the id", found.size()));
}

v1::ApplyRequest replacing(const std::string& name,
                           const v1::KeyPool& pool,
                           uint64_t revision,
                           std::string comment) {
  v1::ApplyRequest request;
  v1::Resource& resource = *request.add_resources();
  resource.set_name(name);
  *resource.mutable_key_pool() = pool;
  request.set_expected_revision(revision);
  request.set_comment(std::move(comment));
  return request;
}

}  // namespace

Result<v1::ListKeysReply> Keys::list(const v1::ListKeysRequest& request) {
  const auto state = live_.current();
  if (!request.pool().empty() && state->key_pools.count(request.pool()) == 0) {
    return no_pool(request.pool());
  }
  const auto conditions = fleet_.key_conditions();
  v1::ListKeysReply reply;
  for (const auto& [name, pool] : state->key_pools) {
    if (!request.pool().empty() && request.pool() != name) continue;
    for (const v1::Secret& secret : pool.keys()) {
      v1::Key& key = *reply.add_keys();
      key.set_pool(name);
      key.set_upstream(pool.upstream());
      key.set_id(key_id(secret.value()));
      key.set_key(mask(secret.value()));
      key.set_disabled(is_disabled(pool, key.id()));
      for (const auto& [relay, condition] : conditions) {
        if (condition.upstream() != pool.upstream() || condition.key() != key.key()) continue;
        (*key.mutable_states())[relay] = condition.state();
      }
    }
  }
  return reply;
}

Result<v1::ApplyReply> Keys::add(const v1::AddKeyRequest& request, const std::string& by) {
  Result<v1::ApplyReply> reply = no_pool(request.pool());
  for (int race = 0; race < kRaces; ++race) {
    const auto state = live_.current();
    const auto found = state->key_pools.find(request.pool());
    if (found == state->key_pools.end()) return no_pool(request.pool());
    v1::KeyPool pool = found->second;
    pool.add_keys()->set_value(request.key());
    reply = revisions_.apply(
        replacing(request.pool(), pool, state->revision, "key " + mask(request.key()) + " added"),
        by);
    if (reply || reply.error().code != Code::kConflict) return reply;
  }
  return reply;
}

Result<v1::ApplyReply> Keys::set(const v1::SetKeyRequest& request, const std::string& by) {
  Result<v1::ApplyReply> reply = no_pool(request.pool());
  for (int race = 0; race < kRaces; ++race) {
    const auto state = live_.current();
    const Match match = CULVERT_TRY(only_match(*state, request));
    v1::KeyPool pool = state->key_pools.at(match.pool);
    disable(&pool, match.id, request.disabled());
    reply = revisions_.apply(
        replacing(match.pool, pool, state->revision,
                  fmt::format("key {} {}", match.id, request.disabled() ? "disabled" : "enabled")),
        by);
    if (reply || reply.error().code != Code::kConflict) return reply;
  }
  return reply;
}

}  // namespace culvert::control
