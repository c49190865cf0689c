// SQLite's C interface with owners for its objects and Errors that name the file. For one thread at
// a time: who owns a Database locks.
#pragma once

#include "relay/base/result.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace culvert::control {

class Statement {
 public:
  Statement(sqlite3_stmt* statement, sqlite3* database, const std::string* path);
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  // Parameters count from 1, columns from 0. Bytes are copied.
  Statement& bind(int index, std::string_view bytes);
  Statement& bind(int index, uint64_t number);

  Result<bool> step();  // whether there is a row
  Result<void> run();   // to its end, and made ready for the next use
  void reset();

  std::string bytes(int column) const;
  uint64_t number(int column) const;

 private:
  sqlite3_stmt* statement_;
  sqlite3* database_;
  const std::string* path_;
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

  const std::string& path() const { return path_; }

 private:
  Database(std::string path, sqlite3* database) : path_(std::move(path)), database_(database) {}

  std::string path_;
  sqlite3* database_;
};

// Rolls back where it is not committed.
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
