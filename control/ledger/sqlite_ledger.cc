// A record counts when its row is new; only then it goes into the sums, in the same transaction, so
// that the two never say different things.
#include "control/ledger/sqlite_ledger.h"

#include "control/ledger/usage_query.h"
#include "relay/base/log.h"

#include <fmt/format.h>

#include <algorithm>

namespace culvert::control {
namespace {

constexpr uint64_t kDay = 86'400'000;  // milliseconds
// Of one count of one request: a broken relay must not bring the sums to their end.
constexpr uint64_t kCountMost = uint64_t{1} << 44;

// One step for each version; never changed, only added to.
constexpr const char* kSteps[] = {
    R"sql(
CREATE TABLE records (
  id BLOB NOT NULL UNIQUE,  -- 16 bytes
  time INTEGER NOT NULL,    -- milliseconds since 1970, UTC
  class TEXT NOT NULL, tenant TEXT NOT NULL, token_id TEXT NOT NULL, route TEXT NOT NULL,
  upstream TEXT NOT NULL, model TEXT NOT NULL, key TEXT NOT NULL, relay TEXT NOT NULL,
  status INTEGER NOT NULL,
  input INTEGER, output INTEGER, cached INTEGER, reasoning INTEGER,
  bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL,
  first_token_ms INTEGER, total_ms INTEGER NOT NULL, attempts INTEGER NOT NULL
);
CREATE INDEX records_by_time ON records (time);
CREATE TABLE sums (
  day INTEGER NOT NULL,     -- days since 1970, UTC
  class TEXT NOT NULL, tenant TEXT NOT NULL, route TEXT NOT NULL, upstream TEXT NOT NULL,
  model TEXT NOT NULL, key TEXT NOT NULL, relay TEXT NOT NULL,
  requests INTEGER NOT NULL,
  input INTEGER NOT NULL, output INTEGER NOT NULL, cached INTEGER NOT NULL,
  reasoning INTEGER NOT NULL, bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL,
  PRIMARY KEY (day, class, tenant, route, upstream, model, key, relay)
) WITHOUT ROWID;
CREATE TABLE lost (relay TEXT PRIMARY KEY, records INTEGER NOT NULL) WITHOUT ROWID;
)sql",
    R"sql(
ALTER TABLE lost RENAME TO lost_by_relay;
CREATE TABLE lost (
  relay TEXT NOT NULL,
  instance TEXT NOT NULL,   -- of the relay's process; empty: of all before this step
  records INTEGER NOT NULL,
  PRIMARY KEY (relay, instance)
) WITHOUT ROWID;
INSERT INTO lost SELECT relay, '', records FROM lost_by_relay;
DROP TABLE lost_by_relay;
)sql",
    R"sql(
-- 1: of an attempt, no request of its own
ALTER TABLE records ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;
)sql",
    R"sql(
ALTER TABLE sums ADD COLUMN total_ms INTEGER NOT NULL DEFAULT 0;
UPDATE sums SET total_ms = coalesce((
  SELECT sum(r.total_ms) FROM records AS r
  WHERE r.lost = 0 AND r.time / 86400000 = sums.day AND r.class = sums.class
    AND r.tenant = sums.tenant AND r.route = sums.route AND r.upstream = sums.upstream
    AND r.model = sums.model AND r.key = sums.key AND r.relay = sums.relay), 0);
)sql",
};
constexpr uint64_t kVersion = std::size(kSteps);

constexpr const char* kInsert =
    "INSERT OR IGNORE INTO records VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
constexpr const char* kAddToSums =
    "INSERT INTO sums VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET "
    "requests = requests + excluded.requests, input = input + excluded.input, "
    "output = output + excluded.output, "
    "cached = cached + excluded.cached, reasoning = reasoning + excluded.reasoning, "
    "bytes_in = bytes_in + excluded.bytes_in, bytes_out = bytes_out + excluded.bytes_out, "
    "total_ms = total_ms + excluded.total_ms";

Result<void> prepare_file(Database& database) {
  CULVERT_CHECK(database.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL"));
  auto transaction = CULVERT_TRY(Transaction::begin(database));
  const uint64_t version = CULVERT_TRY(database.number("PRAGMA user_version"));
  if (version > kVersion) {
    return Error::ours(Code::kSystem, Stage::kNone,
                       database.path() + ": made by a newer version of the control service");
  }
  for (uint64_t step = version; step < kVersion; ++step) {
    CULVERT_CHECK(database.run(kSteps[step]));
  }
  CULVERT_CHECK(database.run(fmt::format("PRAGMA user_version = {}", kVersion)));
  return transaction.commit();
}

std::string raw_id(const std::string& digits) {
  const auto value = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  std::string raw;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    raw += static_cast<char>(value(digits[i]) << 4 | value(digits[i + 1]));
  }
  return raw;
}

uint64_t bounded(uint64_t count) { return std::min(count, kCountMost); }

template <class Value>
std::optional<uint64_t> if_told(bool told, Value value) {
  return told ? std::optional<uint64_t>(bounded(value)) : std::nullopt;
}

// A relay that knows no time is no reason to lose what it counted.
uint64_t milliseconds_of(const v1::UsageRecord& record, const Clock& clock) {
  if (record.has_time()) {
    const int64_t seconds = std::clamp<int64_t>(record.time().seconds(), 0, INT32_MAX);
    const int64_t nanos = std::clamp(record.time().nanos(), 0, 999'999'999);
    return static_cast<uint64_t>(seconds * 1000 + nanos / 1'000'000);
  }
  using std::chrono::milliseconds;
  const auto now = std::chrono::duration_cast<milliseconds>(clock.wall().time_since_epoch());
  return static_cast<uint64_t>(now.count());
}

}  // namespace

Result<std::unique_ptr<SqliteLedger>> SqliteLedger::open(const std::string& path,
                                                         const Clock& clock) {
  auto writing = CULVERT_TRY(Database::open(path, Database::Mode::kCreate));
  CULVERT_CHECK(prepare_file(*writing));
  auto reading = CULVERT_TRY(Database::open(path, Database::Mode::kReadOnly));
  return std::unique_ptr<SqliteLedger>(
      new SqliteLedger(std::move(writing), std::move(reading), clock));
}

Result<void> SqliteLedger::append(const std::string& relay,
                                  const std::vector<v1::UsageRecord>& records,
                                  const Losses& lost) {
  const std::lock_guard lock(writing_mutex_);
  auto transaction = CULVERT_TRY(Transaction::begin(*writing_));
  for (const v1::UsageRecord& record : records) CULVERT_CHECK(add(relay, record));
  if (lost.records > 0) CULVERT_CHECK(add_lost(relay, lost));
  return transaction.commit();
}

Result<void> SqliteLedger::add(const std::string& relay, const v1::UsageRecord& record) {
  const uint64_t time = milliseconds_of(record, clock_);
  const std::string_view used_class = word_of(record.class_());
  auto insert = CULVERT_TRY(writing_->prepare(kInsert));
  insert.bind_bytes(raw_id(record.id()))
      .bind(time)
      .bind_text(used_class)
      .bind_text(record.tenant())
      .bind_text(record.token_id())
      .bind_text(record.route())
      .bind_text(record.upstream())
      .bind_text(record.model())
      .bind_text(record.key())
      .bind_text(relay)
      .bind(int64_t{record.status()})
      .bind(if_told(record.has_input_tokens(), record.input_tokens()))
      .bind(if_told(record.has_output_tokens(), record.output_tokens()))
      .bind(if_told(record.has_cached_tokens(), record.cached_tokens()))
      .bind(if_told(record.has_reasoning_tokens(), record.reasoning_tokens()))
      .bind(bounded(record.bytes_in()))
      .bind(bounded(record.bytes_out()))
      .bind(if_told(record.has_first_token_ms(), record.first_token_ms()))
      .bind(uint64_t{record.total_ms()})
      .bind(uint64_t{record.attempts()})
      .bind(uint64_t{record.lost()});
  CULVERT_CHECK(insert.run());
  if (writing_->changed() == 0) return {};
  return add_to_sums(relay, record, time / kDay, used_class);
}

Result<void> SqliteLedger::add_to_sums(const std::string& relay,
                                       const v1::UsageRecord& record,
                                       uint64_t day,
                                       std::string_view used_class) {
  auto sums = CULVERT_TRY(writing_->prepare(kAddToSums));
  sums.bind(day)
      .bind_text(used_class)
      .bind_text(record.tenant())
      .bind_text(record.route())
      .bind_text(record.upstream())
      .bind_text(record.model())
      .bind_text(record.key())
      .bind_text(relay)
      .bind(uint64_t{!record.lost()})
      .bind(bounded(record.input_tokens()))
      .bind(bounded(record.output_tokens()))
      .bind(bounded(record.cached_tokens()))
      .bind(bounded(record.reasoning_tokens()))
      .bind(bounded(record.bytes_in()))
      .bind(bounded(record.bytes_out()))
      // An attempt's time is part of its request's.
      .bind(record.lost() ? uint64_t{0} : uint64_t{record.total_ms()});
  return sums.run();
}

// The highest count of each process stands: told again, or late, it changes nothing.
Result<void> SqliteLedger::add_lost(const std::string& relay, const Losses& lost) {
  auto add =
      CULVERT_TRY(writing_->prepare("INSERT INTO lost VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET "
                                    "records = excluded.records WHERE excluded.records > records"));
  CULVERT_CHECK(add.bind_text(relay).bind_text(lost.instance).bind(bounded(lost.records)).run());
  if (writing_->changed() == 0) return {};
  log::warn("a relay lost usage records",
            {{"relay", relay}, {"instance", lost.instance}, {"records", lost.records}});
  return {};
}

Result<v1::UsageReply> SqliteLedger::report(const v1::UsageRequest& request) {
  const UsageQuery query = CULVERT_TRY(usage_query(request));
  const std::lock_guard lock(reading_mutex_);
  auto reply = CULVERT_TRY(run(query, *reading_));
  reply.set_lost(CULVERT_TRY(reading_->number("SELECT coalesce(sum(records), 0) FROM lost")));
  return reply;
}

}  // namespace culvert::control
