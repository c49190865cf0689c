// Every code of SQLite becomes one sentence: file, what SQLite says, and what an operator can do.
#include "control/store/sqlite.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace culvert::control {
namespace {

constexpr int kBusyMilliseconds = 10'000;  // a backup or an operator's own sqlite3 may hold a lock

std::string_view advice(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return "; the disk is full: make room, nothing was changed";
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      return "; the service has to be allowed to write the file and its directory";
    case SQLITE_IOERR:
      return "; the disk refused it: look at its space, its limits and the system's log";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return "; the file is damaged or no database: restore a backup";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "; another program holds it";
    default:
      return "";
  }
}

Error failure(const std::string& path, sqlite3* database, int code) {
  const int system = database == nullptr ? 0 : sqlite3_system_errno(database);
  const std::string why = database == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(database);
  return Error::ours(
      Code::kSystem, Stage::kNone,
      fmt::format("{}: {}{}{}", path, why,
                  system == 0 ? std::string() : fmt::format(" ({})", std::strerror(system)),
                  advice(code)));
}

// SQLite would make the file readable to all, and its journals take the mode of the file.
Result<void> make_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return Error::ours(
        Code::kSystem, Stage::kNone,
        fmt::format("{}: cannot be opened for writing: {}", path, std::strerror(errno)));
  }
  ::close(fd);
  return {};
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Statement& Statement::bind_bytes(std::string_view bytes) {
  // A null pointer would be bound as NULL, which no column takes.
  return bound(sqlite3_bind_blob64(statement_.get(), next_, bytes.empty() ? "" : bytes.data(),
                                   bytes.size(), SQLITE_TRANSIENT));
}

Statement& Statement::bind_text(std::string_view text) {
  return bound(sqlite3_bind_text64(statement_.get(), next_, text.empty() ? "" : text.data(),
                                   text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

Statement& Statement::bind(int64_t number) {
  return bound(sqlite3_bind_int64(statement_.get(), next_, number));
}

Statement& Statement::bind(uint64_t number) {
  return bind(static_cast<int64_t>(std::min(number, uint64_t{INT64_MAX})));
}

Statement& Statement::bind(const std::optional<uint64_t>& number) {
  return number ? bind(*number) : bound(sqlite3_bind_null(statement_.get(), next_));
}

Statement& Statement::bound(int code) {
  if (failed_ == SQLITE_OK) failed_ = code;
  ++next_;
  return *this;
}

Result<bool> Statement::step() {
  const int code = failed_ == SQLITE_OK ? sqlite3_step(statement_.get()) : failed_;
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  Error error = failure(*path_, sqlite3_db_handle(statement_.get()), code);
  reset();
  return error;
}

Result<void> Statement::run() {
  while (CULVERT_TRY(step())) {
  }
  reset();
  return {};
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  next_ = 1;
  failed_ = SQLITE_OK;
}

std::string Statement::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return data == nullptr ? std::string()
                         : std::string(static_cast<const char*>(data), static_cast<size_t>(size));
}

uint64_t Statement::number(int column) const {
  return static_cast<uint64_t>(sqlite3_column_int64(statement_.get(), column));
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path, Mode mode) {
  if (mode == Mode::kCreate) CULVERT_CHECK(make_file(path));
  const int flags = mode == Mode::kCreate ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<Database> database(new Database(path, raw));
  if (code != SQLITE_OK) return failure(path, raw, code);
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, kBusyMilliseconds);
  // What a damaged or forged file says must not run (restored backups come from outside).
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  return database;
}

Database::~Database() { sqlite3_close_v2(database_); }

Result<void> Database::run(const std::string& sql) {
  const int code = sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failure(path_, database_, code);
  return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return failure(path_, database_, code);
  return Statement(statement, &path_);
}

Result<uint64_t> Database::number(std::string_view sql) {
  Statement statement = CULVERT_TRY(prepare(sql));
  return CULVERT_TRY(statement.step()) ? statement.number(0) : uint64_t{0};
}

Result<std::string> Database::text(std::string_view sql) {
  Statement statement = CULVERT_TRY(prepare(sql));
  return CULVERT_TRY(statement.step()) ? statement.bytes(0) : std::string();
}

uint64_t Database::changed() const { return static_cast<uint64_t>(sqlite3_changes64(database_)); }

Result<Transaction> Transaction::begin(Database& database) {
  // Immediate: a transaction that could not write would learn it only at its end.
  CULVERT_CHECK(database.run("BEGIN IMMEDIATE"));
  return Transaction(database);
}

Transaction::Transaction(Transaction&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)) {}

Transaction::~Transaction() {
  // Where SQLite rolled back itself (a full disk) there is nothing left to do: the error says so.
  if (database_ != nullptr) static_cast<void>(database_->run("ROLLBACK").has_value());
}

Result<void> Transaction::commit() {
  CULVERT_CHECK(database_->run("COMMIT"));
  database_ = nullptr;
  return {};
}

}  // namespace culvert::control
