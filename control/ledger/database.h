// SQLite as the ledger needs it: a connection, a statement with bound parameters, and errors as
// Results. Each connection has one user at a time.
#pragma once

#include "relay/base/result.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace culvert::control {

class LedgerDatabase;

// Values are bound in order, from 1 on. Freed with its scope.
class LedgerStatement {
 public:
  LedgerStatement& bind(int64_t value);
  LedgerStatement& bind(uint64_t value);  // beyond 2^63: the most that fits
  LedgerStatement& bind(const std::optional<uint64_t>& value);
  LedgerStatement& bind_text(std::string_view value);
  LedgerStatement& bind_bytes(std::string_view value);

  Result<bool> step();                // true: there is a row
  Result<void> run();                 // to its end; the statement can be bound anew then
  uint64_t number(int column) const;  // 0 for NULL
  std::string text(int column) const;

 private:
  friend class LedgerDatabase;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit LedgerStatement(sqlite3_stmt* statement) : statement_(statement) {}
  void keep(int code);

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int next_ = 1;
  int failed_ = 0;  // of binding; step tells it
};

class LedgerDatabase {
 public:
  // Creates the file (mode 0600) where it is not there.
  static Result<LedgerDatabase> open(const std::string& path);

  Result<void> execute(const char* sql);
  Result<LedgerStatement> prepare(const std::string& sql) const;
  Result<uint64_t> number(const std::string& sql) const;  // of the first row
  int changed() const;                                    // rows, by the last statement

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  explicit LedgerDatabase(sqlite3* handle) : handle_(handle) {}

  std::unique_ptr<sqlite3, Close> handle_;
};

// Begins at once to write, and takes all back unless it is committed.
class LedgerTransaction {
 public:
  static Result<LedgerTransaction> begin(LedgerDatabase& database);
  LedgerTransaction(LedgerTransaction&& other) noexcept;
  LedgerTransaction& operator=(LedgerTransaction&&) = delete;
  ~LedgerTransaction();
  Result<void> commit();

 private:
  explicit LedgerTransaction(LedgerDatabase& database) : database_(&database) {}
  LedgerDatabase* database_;  // null: done
};

}  // namespace culvert::control
