// The store of a single service: one SQLite file, one writer, every commit on the disk before it is
// answered. That no second service opens the file is the data directory's business (its lock).
#pragma once

#include "control/store/sqlite.h"
#include "control/store/store.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace culvert::control {

class SqliteStore final : public Store {
 public:
  // Makes the file where it is not there, and brings an older one up to this version. Errors:
  // kSystem with the path, also for a damaged file; kInvalidConfig for a file that is no store or
  // that a newer version wrote.
  static Result<std::unique_ptr<SqliteStore>> open(const std::string& path);

  Result<std::optional<Entry>> get(const std::string& key) override;
  Result<std::vector<Entry>> list(const std::string& prefix,
                                  size_t limit,
                                  const std::string& after) override;
  Result<Commit> commit(const std::vector<Condition>& conditions,
                        const std::vector<Write>& writes) override;
  Result<uint64_t> revision() override;
  Result<uint64_t> wait(uint64_t after, Duration most) override;
  void close() override;
  Result<void> backup(const std::string& path) override;
  Result<void> restore(const std::string& path) override;
  Result<void> read_backup(const std::string& path, const EntryCheck& check) override;

 private:
  // Parsed once; SQLite's parser costs more than the look-up.
  struct Statements {
    Statement get, list, list_all, put, erase, bump;
  };
  SqliteStore(std::unique_ptr<Database> database, Statements statements, uint64_t revision);

  Result<bool> hold(const std::vector<Condition>& conditions);
  Result<void> write(const std::vector<Write>& writes, uint64_t revision);
  void publish(uint64_t revision);
  Result<uint64_t> replace_all();

  std::unique_ptr<Database> database_;  // before its statements: they end first
  Statements statements_;
  std::mutex mutex_;
  std::mutex wait_mutex_;  // apart: who waits must not stand behind a commit's fsync
  std::condition_variable changed_;
  uint64_t revision_;
  bool closed_ = false;
};

}  // namespace culvert::control
