// A value at rest: key id (4) | nonce, ciphertext, tag, bound to the name that it stands under.
#include "control/store/sealed_store.h"

#include "relay/crypto/seal.h"

#include <fmt/format.h>

#include <utility>

namespace culvert::control {
namespace {

constexpr size_t kPage = 256;  // values of one transaction, or of one look

// Passes all entries of the store, page by page.
template <class Look>
Result<void> each_page(Store& store, const Look& look) {
  std::string after;
  while (true) {
    const std::vector<Entry> page = CULVERT_TRY(store.list("", kPage, after));
    if (page.empty()) return {};
    CULVERT_CHECK(look(page));
    after = page.back().key;
  }
}

}  // namespace

SealedStore::SealedStore(std::unique_ptr<Store> below, MasterKeys keys)
    : below_(std::move(below)), keys_(std::move(keys)) {}

Result<void> SealedStore::check() {
  return each_page(*below_, [&](const std::vector<Entry>& page) -> Result<void> {
    for (const Entry& entry : page) CULVERT_CHECK(open_value(entry));
    return {};
  });
}

Result<std::optional<Entry>> SealedStore::get(const std::string& key) {
  auto entry = CULVERT_TRY(below_->get(key));
  if (entry) entry->value = CULVERT_TRY(open_value(*entry));
  return entry;
}

Result<std::vector<Entry>> SealedStore::list(const std::string& prefix,
                                             size_t limit,
                                             const std::string& after) {
  auto entries = CULVERT_TRY(below_->list(prefix, limit, after));
  for (Entry& entry : entries) entry.value = CULVERT_TRY(open_value(entry));
  return entries;
}

Result<Commit> SealedStore::commit(const std::vector<Condition>& conditions,
                                   const std::vector<Write>& writes) {
  std::vector<Write> sealed = writes;
  for (Write& write : sealed) {
    if (write.value) write.value = seal_value(write.key, *write.value);
  }
  return below_->commit(conditions, sealed);
}

Result<void> SealedStore::restore(const std::string& path) {
  CULVERT_CHECK(read_backup(path, [](const Entry&) { return Result<void>(); }));
  return below_->restore(path);
}

Result<void> SealedStore::read_backup(const std::string& path, const EntryCheck& check) {
  return below_->read_backup(path, [&](const Entry& entry) -> Result<void> {
    auto value = open_value(entry);
    if (!value) {
      return Error::ours(Code::kInvalidConfig, Stage::kNone,
                         fmt::format("a backup of another service, or of an older master key: {}",
                                     value.error().detail));
    }
    return check({entry.key, std::move(*value), entry.revision});
  });
}

Result<size_t> SealedStore::reseal() {
  size_t done = 0;
  CULVERT_CHECK(each_page(*below_, [&](const std::vector<Entry>& page) -> Result<void> {
    done += CULVERT_TRY(reseal_page(page));
    return {};
  }));
  return done;
}

Result<size_t> SealedStore::reseal_page(const std::vector<Entry>& page) {
  std::vector<Condition> conditions;
  std::vector<Write> writes;
  for (const Entry& entry : page) {
    if (is_current(entry)) continue;
    conditions.push_back({entry.key, entry.revision});
    writes.push_back({entry.key, seal_value(entry.key, CULVERT_TRY(open_value(entry)))});
  }
  if (CULVERT_TRY(below_->commit(conditions, writes)).done) return writes.size();
  return Error::ours(Code::kConflict, Stage::kNone,
                     "the store was changed meanwhile: stop the service, then rotate again");
}

Result<bool> SealedStore::has_old_seals() {
  bool old = false;
  CULVERT_CHECK(each_page(*below_, [&](const std::vector<Entry>& page) -> Result<void> {
    for (const Entry& entry : page) old = old || !is_current(entry);
    return {};
  }));
  return old;
}

std::string SealedStore::seal_value(const std::string& key, const std::string& value) const {
  return keys_.current().id + seal(keys_.current().key, value, key);
}

bool SealedStore::is_current(const Entry& sealed) const {
  return sealed.value.compare(0, MasterKeys::kIdBytes, keys_.current().id) == 0;
}

Result<std::string> SealedStore::open_value(const Entry& sealed) const {
  const std::string_view value = sealed.value;
  const std::string_view id = value.substr(0, MasterKeys::kIdBytes);
  const MasterKeys::Key* key = keys_.find(id);
  if (key == nullptr) {
    return Error::ours(Code::kSystem, Stage::kNone,
                       fmt::format("{} is sealed with the master key {}; the file of master keys "
                                   "has {}: bring back the file that belongs to this store",
                                   sealed.key, hexadecimal(id), keys_.ids()));
  }
  auto opened = unseal(key->key, value.substr(MasterKeys::kIdBytes), sealed.key);
  if (opened) return opened;
  return Error::ours(
      Code::kSystem, Stage::kNone,
      fmt::format("{} was changed outside of the service: {}", sealed.key, opened.error().detail));
}

}  // namespace culvert::control
