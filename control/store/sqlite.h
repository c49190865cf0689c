// SQLite's C interface with owners for its objects and Errors that name the file; the store's and
// the ledger's. For one thread at a time: who owns a Database locks.
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

// Freed with its scope; not to outlive its Database.
class Statement {
 public:
  // Parameters in their order, from the first one again after run() and reset(). Bytes are copied.
  // What cannot be bound is told by step().
  Statement& bind_bytes(std::string_view bytes);  // a BLOB
  Statement& bind_text(std::string_view text);    // UTF-8
  Statement& bind(int64_t number);
  Statement& bind(uint64_t number);                        // beyond 2^63: the most that fits
  Statement& bind(const std::optional<uint64_t>& number);  // nullopt: NULL

  Result<bool> step();  // whether there is a row
  Result<void> run();   // to its end, and made ready for the next use
  void reset();

  // Columns count from 0; NULL is an empty text and 0.
  std::string bytes(int column) const;  // of a BLOB or a text
  uint64_t number(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  Statement(sqlite3_stmt* statement, const std::string* path)
      : statement_(statement), path_(path) {}
  Statement& bound(int code);

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  const std::string* path_;  // of the Database
  int next_ = 1;             // parameter
  int failed_ = 0;           // SQLite's code, of the first that could not be bound
};

class Database {
 public:
  enum class Mode : uint8_t { kCreate, kReadOnly };

  // The error says which file, what failed and what may help. A file that is made has mode 0600.
  static Result<std::unique_ptr<Database>> open(const std::string& path, Mode mode);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  Result<void> run(const std::string& sql);  // one or several statements without results
  Result<Statement> prepare(std::string_view sql);
  Result<uint64_t> number(std::string_view sql);  // of the first column of the first row
  Result<std::string> text(std::string_view sql);
  uint64_t changed() const;  // rows, by the last statement

  const std::string& path() const { return path_; }

 private:
  Database(std::string path, sqlite3* database) : path_(std::move(path)), database_(database) {}

  std::string path_;
  sqlite3* database_;
};

// Begins at once to write, and rolls back where it is not committed.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  Result<void> commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;  // null: it is over
};

}  // namespace culvert::control
