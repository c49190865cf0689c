// The two marks are read before and after: where they stayed, nothing between them changed.
#include "control/config/contents.h"

#include "control/config/times.h"

#include <algorithm>
#include <optional>

namespace culvert::control {
namespace {

constexpr auto kDeadTokensKept = std::chrono::hours(24 * 30);
constexpr size_t kPage = 512;
constexpr int kTries = 20;  // changes that may come in between before it is an error

struct Marks {
  v1::StoredHead head;
  v1::StoredTokenSet set;
  uint64_t head_revision = 0;
  uint64_t set_revision = 0;
};

Result<Marks> load_marks(Store& store) {
  Marks marks;
  marks.head_revision = CULVERT_TRY(load_message(store, kHeadKey, &marks.head));
  marks.set_revision = CULVERT_TRY(load_message(store, kTokenSetKey, &marks.set));
  return marks;
}

Result<void> load_resources(Store& store, Contents* contents, ConfigState* state) {
  return each_entry(store, kResourcePrefix, {}, [&](const Entry& entry) -> Result<void> {
    v1::StoredResource stored;
    if (!stored.ParseFromString(entry.value)) return unreadable(entry.key);
    put(stored.resource(), state);
    contents->resources.emplace(name_of(stored.resource()), std::move(stored));
    return {};
  });
}

// Of its life; nullopt: it has none.
std::optional<WallTime> end_of(const v1::Token& token) {
  std::optional<WallTime> end;
  if (token.has_expires()) end = from_timestamp(token.expires());
  if (token.has_revoked()) {
    const WallTime revoked = from_timestamp(token.revoked());
    end = std::min(end.value_or(revoked), revoked);
  }
  return end;
}

// Relays are told of dead tokens for a while, so that they do not take one for a caller's own key
// and send it up. Whether one expired since `looked`.
Result<bool> load_tokens(
    Store& store, WallTime looked, WallTime now, Contents* contents, ConfigState* state) {
  bool news = false;
  CULVERT_CHECK(each_entry(store, kTokenPrefix, {}, [&](const Entry& entry) -> Result<void> {
    v1::StoredToken stored;
    if (!stored.ParseFromString(entry.value)) return unreadable(entry.key);
    const v1::Token& token = stored.token();
    if (!token.has_tenant()) return {};
    const std::optional<WallTime> end = end_of(token);
    if (end && *end + kDeadTokensKept <= now) return {};
    v1::RelayToken told;
    told.set_sha256(stored.sha256());
    told.set_tenant(token.tenant());
    if (end) {
      news = news || (*end > looked && *end <= now);
      if (*end > now) contents->next_expiry = std::min(contents->next_expiry.value_or(*end), *end);
      *told.mutable_expires() = to_timestamp(*end);
    }
    state->tokens.emplace(token.id(), std::move(told));
    return {};
  }));
  return news;
}

}  // namespace

Result<Contents> load_contents(Store& store, WallTime now) {
  for (int i = 0; i < kTries; ++i) {
    const Marks marks = CULVERT_TRY(load_marks(store));
    Contents contents;
    ConfigState state;
    CULVERT_CHECK(load_resources(store, &contents, &state));
    const WallTime looked = from_timestamp(marks.set.expired_until());
    if (CULVERT_TRY(load_tokens(store, looked, now, &contents, &state))) {
      v1::StoredTokenSet set;
      *set.mutable_expired_until() = to_timestamp(now);
      CULVERT_CHECK(store.commit({{kTokenSetKey, marks.set_revision}},
                                 {{kTokenSetKey, set.SerializeAsString()}}));
      continue;
    }
    const Marks after = CULVERT_TRY(load_marks(store));
    if (after.head_revision != marks.head_revision || after.set_revision != marks.set_revision) {
      continue;
    }
    state.revision = marks.head.revision();
    state.generation = std::max(marks.head_revision, marks.set_revision);
    contents.head = marks.head_revision;
    contents.tokens = marks.set_revision;
    contents.state = std::make_shared<const ConfigState>(std::move(state));
    return contents;
  }
  return Error::ours(Code::kOverloaded, Stage::kNone,
                     "the configuration changes faster than it can be read; try again");
}

std::string resource_key(const ResourceName& name) {
  return kResourcePrefix + name.kind + "/" + name.name;
}

Result<void> each_entry(Store& store,
                        const std::string& prefix,
                        const std::string& after,
                        const Store::EntryCheck& look) {
  std::string last = after;
  while (true) {
    const auto page = CULVERT_TRY(store.list(prefix, kPage, last));
    for (const Entry& entry : page) CULVERT_CHECK(look(entry));
    if (page.size() < kPage) return {};
    last = page.back().key;
  }
}

Error unreadable(const std::string& key) {
  return Error::ours(Code::kInternal, Stage::kNone,
                     "the store's entry " + key + " cannot be read: another version wrote it");
}

}  // namespace culvert::control
