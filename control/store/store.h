// The seam between the control service and where its state rests: an ordered map of byte strings
// that changes in transactions, each of which gives the map a new revision. SQLite for one service,
// etcd for several. Blocking; safe on any thread.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/result.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace culvert::control {

struct Entry {
  std::string key;
  std::string value;
  uint64_t revision = 0;  // of the transaction that wrote it last
};

// In a transaction all conditions hold, or nothing is written.
struct Condition {
  std::string key;
  uint64_t revision = 0;  // the key's, as it was read; 0: it is not there
};
struct Write {
  std::string key;
  std::optional<std::string> value;  // nullopt: deleted, which is no error where it is not there
};

struct Commit {
  bool done = false;      // false: a condition did not hold
  uint64_t revision = 0;  // the store's, after it
};

class Store {
 public:
  virtual ~Store() = default;

  virtual Result<std::optional<Entry>> get(const std::string& key) = 0;
  // Of keys that begin with `prefix`, in their order, at most `limit`, those after the key `after`
  // (empty: from the first).
  virtual Result<std::vector<Entry>> list(const std::string& prefix,
                                          size_t limit,
                                          const std::string& after = {}) = 0;
  // Durable when it returns.
  virtual Result<Commit> commit(const std::vector<Condition>& conditions,
                                const std::vector<Write>& writes) = 0;
  virtual Result<uint64_t> revision() = 0;
  // Waits until the store's revision is above `after`, and returns it; after `most` what it is
  // then, at once when close() was called. Another replica's changes count.
  virtual Result<uint64_t> wait(uint64_t after, Duration most) = 0;
  virtual void close() = 0;

  // A consistent copy in a new file, and the way back: all that the store holds is replaced in one
  // transaction, and the revision still ascends. Errors: kInvalidConfig where the file is no backup
  // of this kind of store.
  virtual Result<void> backup(const std::string& path) = 0;
  virtual Result<void> restore(const std::string& path) = 0;
  // Passes every entry of a backup to `check`, whose first error ends it: for who has to know what
  // stands in a backup before it is restored. A store that makes no backups has none to read.
  using EntryCheck = std::function<Result<void>(const Entry&)>;
  virtual Result<void> read_backup(const std::string& path, const EntryCheck& check) {
    static_cast<void>(check);
    return Error::ours(Code::kInvalidConfig, Stage::kNone, path + ": no backup of this store");
  }
};

}  // namespace culvert::control
