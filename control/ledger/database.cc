// The engine's words go into errors; what was bound does not.
#include "control/ledger/database.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace culvert::control {
namespace {

constexpr int kBusyMilliseconds = 5000;

Error failed(sqlite3* handle) {
  return Error::ours(Code::kSystem, Stage::kNone,
                     fmt::format("the ledger: {}", sqlite3_errmsg(handle)));
}

// The engine makes files that everybody may read.
Result<void> make_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return Error::ours(Code::kSystem, Stage::kNone,
                       fmt::format("{}: {}", path, std::strerror(errno)));
  }
  ::close(fd);
  return {};
}

}  // namespace

void LedgerStatement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}
void LedgerDatabase::Close::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }

void LedgerStatement::keep(int code) {
  if (code != SQLITE_OK) failed_ = code;
  ++next_;
}

LedgerStatement& LedgerStatement::bind(int64_t value) {
  keep(sqlite3_bind_int64(statement_.get(), next_, value));
  return *this;
}

LedgerStatement& LedgerStatement::bind(uint64_t value) {
  return bind(static_cast<int64_t>(value > INT64_MAX ? uint64_t{INT64_MAX} : value));
}

LedgerStatement& LedgerStatement::bind(const std::optional<uint64_t>& value) {
  if (value) return bind(*value);
  keep(sqlite3_bind_null(statement_.get(), next_));
  return *this;
}

LedgerStatement& LedgerStatement::bind_text(std::string_view value) {
  keep(sqlite3_bind_text64(statement_.get(), next_, value.data() == nullptr ? "" : value.data(),
                           value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  return *this;
}

LedgerStatement& LedgerStatement::bind_bytes(std::string_view value) {
  keep(sqlite3_bind_blob64(statement_.get(), next_, value.data(), value.size(), SQLITE_TRANSIENT));
  return *this;
}

Result<bool> LedgerStatement::step() {
  sqlite3* handle = sqlite3_db_handle(statement_.get());
  if (failed_ != SQLITE_OK) return failed(handle);
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return failed(handle);
}

Result<void> LedgerStatement::run() {
  while (CULVERT_TRY(step())) {
  }
  sqlite3_reset(statement_.get());
  next_ = 1;
  return {};
}

uint64_t LedgerStatement::number(int column) const {
  return static_cast<uint64_t>(sqlite3_column_int64(statement_.get(), column));
}

std::string LedgerStatement::text(int column) const {
  const auto* bytes = sqlite3_column_text(statement_.get(), column);
  if (bytes == nullptr) return {};
  return {reinterpret_cast<const char*>(bytes),
          static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

Result<LedgerDatabase> LedgerDatabase::open(const std::string& path) {
  CULVERT_CHECK(make_file(path));
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  LedgerDatabase database(handle);
  if (code != SQLITE_OK) return failed(handle);
  sqlite3_busy_timeout(handle, kBusyMilliseconds);
  return database;
}

Result<void> LedgerDatabase::execute(const char* sql) {
  if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return failed(handle_.get());
}

Result<LedgerStatement> LedgerDatabase::prepare(const std::string& sql) const {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(handle_.get(), sql.c_str(), static_cast<int>(sql.size()),
                                      &statement, nullptr);
  if (code != SQLITE_OK) return failed(handle_.get());
  return LedgerStatement(statement);
}

Result<uint64_t> LedgerDatabase::number(const std::string& sql) const {
  auto statement = CULVERT_TRY(prepare(sql));
  return CULVERT_TRY(statement.step()) ? statement.number(0) : 0;
}

int LedgerDatabase::changed() const { return sqlite3_changes(handle_.get()); }

Result<LedgerTransaction> LedgerTransaction::begin(LedgerDatabase& database) {
  CULVERT_CHECK(database.execute("BEGIN IMMEDIATE"));
  return LedgerTransaction(database);
}

LedgerTransaction::LedgerTransaction(LedgerTransaction&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)) {}

LedgerTransaction::~LedgerTransaction() {
  // Where even this fails the connection is broken, and the next use of it says so.
  if (database_ != nullptr) (void)database_->execute("ROLLBACK");
}

Result<void> LedgerTransaction::commit() {
  CULVERT_CHECK(database_->execute("COMMIT"));
  database_ = nullptr;
  return {};
}

}  // namespace culvert::control
