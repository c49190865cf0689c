// Keys and values are blobs, compared byte by byte: the order that list() promises.
#include "control/store/sqlite_store.h"

#include "control/store/schema.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace culvert::control {
namespace {

// The first key after all that begin with the prefix; empty where there is none.
std::string end_of(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(prefix.back() + 1);
  return prefix;
}

Entry entry_of(const Statement& row) { return {row.bytes(0), row.bytes(1), row.number(2)}; }

Result<void> check_whole(Database& database) {
  const std::string state = CULVERT_TRY(database.text("PRAGMA quick_check(1)"));
  if (state == "ok") return {};
  return Error::ours(
      Code::kSystem, Stage::kNone,
      fmt::format("{}: the file is damaged ({}): restore a backup", database.path(), state));
}

// A name as an SQL text.
std::string sql_text(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + "'";
}

Error no_backup(const std::string& detail) {
  return Error::ours(Code::kInvalidConfig, Stage::kNone, detail);
}

Result<std::unique_ptr<Database>> open_backup(const std::string& path) {
  auto opened = Database::open(path, Database::Mode::kReadOnly);
  if (!opened) return no_backup(opened.error().detail);
  if (auto sound = check_backup(**opened); !sound) return no_backup(sound.error().detail);
  return std::move(*opened);
}

}  // namespace

SqliteStore::SqliteStore(std::unique_ptr<Database> database,
                         Statements statements,
                         uint64_t revision)
    : database_(std::move(database)), statements_(std::move(statements)), revision_(revision) {}

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::string& path) {
  auto database = CULVERT_TRY(Database::open(path, Database::Mode::kCreate));
  CULVERT_CHECK(database->run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL"));
  CULVERT_CHECK(check_whole(*database));
  CULVERT_CHECK(migrate(*database));
  const uint64_t revision = CULVERT_TRY(database->number("SELECT revision FROM counter"));
  Statements statements{
      CULVERT_TRY(database->prepare("SELECT key, value, revision FROM entry WHERE key = ?1")),
      CULVERT_TRY(database->prepare("SELECT key, value, revision FROM entry"
                                    " WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3")),
      CULVERT_TRY(database->prepare("SELECT key, value, revision FROM entry"
                                    " WHERE key >= ?1 ORDER BY key LIMIT ?2")),
      CULVERT_TRY(database->prepare("INSERT INTO entry VALUES (?1, ?2, ?3) ON CONFLICT (key)"
                                    " DO UPDATE SET value = ?2, revision = ?3")),
      CULVERT_TRY(database->prepare("DELETE FROM entry WHERE key = ?1")),
      CULVERT_TRY(database->prepare("UPDATE counter SET revision = ?1")),
  };
  return std::unique_ptr<SqliteStore>(
      new SqliteStore(std::move(database), std::move(statements), revision));
}

Result<std::optional<Entry>> SqliteStore::get(const std::string& key) {
  const std::lock_guard lock(mutex_);
  statements_.get.bind_bytes(key);
  std::optional<Entry> found;
  if (CULVERT_TRY(statements_.get.step())) found = entry_of(statements_.get);
  statements_.get.reset();
  return found;
}

Result<std::vector<Entry>> SqliteStore::list(const std::string& prefix,
                                             size_t limit,
                                             const std::string& after) {
  // The next possible key after `after` is itself with a zero byte behind it.
  const std::string first = after.empty() ? prefix : std::max(prefix, after + '\0');
  const std::string end = end_of(prefix);
  const std::lock_guard lock(mutex_);
  Statement& statement = end.empty() ? statements_.list_all : statements_.list;
  statement.bind_bytes(first);
  if (!end.empty()) statement.bind_bytes(end);
  statement.bind(uint64_t{limit});
  std::vector<Entry> entries;
  while (CULVERT_TRY(statement.step())) entries.push_back(entry_of(statement));
  statement.reset();
  return entries;
}

Result<Commit> SqliteStore::commit(const std::vector<Condition>& conditions,
                                   const std::vector<Write>& writes) {
  const std::lock_guard lock(mutex_);
  Transaction transaction = CULVERT_TRY(Transaction::begin(*database_));
  const uint64_t before = CULVERT_TRY(database_->number("SELECT revision FROM counter"));
  if (!CULVERT_TRY(hold(conditions))) return Commit{false, before};
  if (writes.empty()) return Commit{true, before};
  CULVERT_CHECK(write(writes, before + 1));
  CULVERT_CHECK(transaction.commit());
  publish(before + 1);
  return Commit{true, before + 1};
}

Result<bool> SqliteStore::hold(const std::vector<Condition>& conditions) {
  for (const Condition& condition : conditions) {
    statements_.get.bind_bytes(condition.key);
    const bool there = CULVERT_TRY(statements_.get.step());
    const uint64_t revision = there ? statements_.get.number(2) : 0;
    statements_.get.reset();
    if (revision != condition.revision) return false;
  }
  return true;
}

Result<void> SqliteStore::write(const std::vector<Write>& writes, uint64_t revision) {
  for (const Write& write : writes) {
    if (write.value) {
      statements_.put.bind_bytes(write.key).bind_bytes(*write.value).bind(revision);
      CULVERT_CHECK(statements_.put.run());
    } else {
      CULVERT_CHECK(statements_.erase.bind_bytes(write.key).run());
    }
  }
  return statements_.bump.bind(revision).run();
}

void SqliteStore::publish(uint64_t revision) {
  const std::lock_guard lock(wait_mutex_);
  revision_ = revision;
  changed_.notify_all();
}

Result<uint64_t> SqliteStore::revision() {
  const std::lock_guard lock(wait_mutex_);
  return revision_;
}

Result<uint64_t> SqliteStore::wait(uint64_t after, Duration most) {
  std::unique_lock lock(wait_mutex_);
  changed_.wait_for(lock, most, [&] { return closed_ || revision_ > after; });
  return revision_;
}

void SqliteStore::close() {
  const std::lock_guard lock(wait_mutex_);
  closed_ = true;
  changed_.notify_all();
}

Result<void> SqliteStore::backup(const std::string& path) {
  // By a connection of its own: it reads one state of the file while others go on writing.
  auto reader = CULVERT_TRY(Database::open(database_->path(), Database::Mode::kReadOnly));
  if (::access(path.c_str(), F_OK) == 0) {
    return Error::ours(Code::kInvalidConfig, Stage::kNone,
                       path + ": is there already; a backup goes into a new file");
  }
  // SQLite takes an empty file as a new one, and this one nobody else may read.
  CULVERT_CHECK(Database::open(path, Database::Mode::kCreate));
  auto written = reader->run("VACUUM INTO " + sql_text(path));
  if (!written) ::unlink(path.c_str());
  return written;
}

Result<void> SqliteStore::read_backup(const std::string& path, const EntryCheck& check) {
  auto backup = CULVERT_TRY(open_backup(path));
  Statement rows = CULVERT_TRY(backup->prepare("SELECT key, value, revision FROM entry"));
  while (CULVERT_TRY(rows.step())) CULVERT_CHECK(check(entry_of(rows)));
  return {};
}

Result<void> SqliteStore::restore(const std::string& path) {
  CULVERT_CHECK(open_backup(path));
  const std::lock_guard lock(mutex_);
  CULVERT_CHECK(database_->run("ATTACH " + sql_text(path) + " AS backup"));
  auto replaced = replace_all();
  CULVERT_CHECK(database_->run("DETACH backup"));
  if (!replaced) return std::move(replaced).error();
  publish(*replaced);
  return {};
}

Result<uint64_t> SqliteStore::replace_all() {
  Transaction transaction = CULVERT_TRY(Transaction::begin(*database_));
  const uint64_t next =
      1 + CULVERT_TRY(database_->number("SELECT max((SELECT revision FROM main.counter),"
                                        " (SELECT revision FROM backup.counter))"));
  // Every entry is as if written now: nobody's condition on an older one may hold.
  CULVERT_CHECK(database_->run(fmt::format(
      "DELETE FROM main.entry; INSERT INTO main.entry SELECT key, value, {0} FROM backup.entry;"
      " UPDATE main.counter SET revision = {0}",
      next)));
  CULVERT_CHECK(transaction.commit());
  return next;
}

}  // namespace culvert::control
