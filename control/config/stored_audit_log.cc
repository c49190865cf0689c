// The number of the next entry is an entry itself, on whose revision each append depends.
#include "control/config/stored_audit_log.h"

#include "control/config/contents.h"
#include "control/config/times.h"
#include "relay/base/log.h"

#include <algorithm>

namespace culvert::control {
namespace {

constexpr const char* kPrefix = "audit/";
constexpr const char* kEndKey = "audit-end";
constexpr int kRaces = 20;

std::string entry_key(uint64_t number) { return kPrefix + digits(number); }

uint64_t number_after(const std::string& key) {
  return number_of(std::string_view(key).substr(std::string_view(kPrefix).size())) + 1;
}

}  // namespace

Result<void> StoredAuditLog::append(v1::AuditEntry entry) {
  *entry.mutable_time() = to_timestamp(clock_.wall());
  const std::lock_guard lock(mutex_);
  Result<bool> done = false;
  for (int race = 0; race < kRaces && done && !*done; ++race) done = try_append(entry);
  if (done && *done) return {};
  Error error = done ? Error::ours(Code::kConflict, Stage::kNone,
                                   "the audit log is written at the "
                                   "same time, again and again")
                     : done.error();
  log::error("the audit log cannot be written",
             {{"action", entry.action()}, {"by", entry.by()}, {"error", error.detail}});
  return error;
}

Result<bool> StoredAuditLog::try_append(const v1::AuditEntry& entry) {
  v1::StoredAuditEnd end;
  const uint64_t revision = CULVERT_TRY(load_message(store_, kEndKey, &end));
  const uint64_t number = std::max<uint64_t>(end.next(), 1);
  end.set_next(number + 1);
  std::vector<Write> writes{{entry_key(number), entry.SerializeAsString()},
                            {kEndKey, end.SerializeAsString()}};
  if (number > kept_) writes.push_back({entry_key(number - kept_), std::nullopt});
  return CULVERT_TRY(store_.commit({{kEndKey, revision}}, writes)).done;
}

Result<uint64_t> StoredAuditLog::end() {
  v1::StoredAuditEnd end;
  CULVERT_CHECK(load_message(store_, kEndKey, &end));
  return std::max<uint64_t>(end.next(), 1);
}

Result<StoredAuditLog::Part> StoredAuditLog::newest(uint64_t limit) {
  const uint64_t next = CULVERT_TRY(end());
  return from(next > limit ? next - limit : 1, limit);
}

Result<StoredAuditLog::Part> StoredAuditLog::from(uint64_t number, uint64_t limit) {
  Part part;
  part.next = number;
  const auto entries =
      CULVERT_TRY(store_.list(kPrefix, static_cast<size_t>(limit), entry_key(number - 1)));
  for (const Entry& stored : entries) {
    v1::AuditEntry entry;
    if (!entry.ParseFromString(stored.value)) return unreadable(stored.key);
    part.entries.push_back(std::move(entry));
  }
  // Where the oldest were dropped, the count from `number` would fall behind.
  if (!entries.empty()) part.next = number_after(entries.back().key);
  return part;
}

Result<void> StoredAuditLog::wait(uint64_t number, Duration most) {
  const uint64_t revision = CULVERT_TRY(store_.revision());
  if (CULVERT_TRY(end()) > number) return {};
  CULVERT_CHECK(store_.wait(revision, most));
  return {};
}

}  // namespace culvert::control
