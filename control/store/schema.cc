// A step is never changed once it was released: files in the field went through it.
#include "control/store/schema.h"

#include <fmt/format.h>

#include <array>

namespace culvert::control {
namespace {

constexpr uint64_t kApplication = 0x43766c74;  // "Cvlt", in the file's head: whose it is

// Step i brings a file of user_version i to i + 1.
constexpr std::array<std::string_view, 1> kSteps = {
    "CREATE TABLE entry (key BLOB PRIMARY KEY, value BLOB NOT NULL, revision INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE counter (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL);"
    "INSERT INTO counter VALUES (1, 0);",
};

Error invalid(const Database& database, std::string_view what) {
  return Error::ours(Code::kInvalidConfig, Stage::kNone,
                     fmt::format("{}: {}", database.path(), what));
}

Result<void> check_owner(Database& database, uint64_t version) {
  const uint64_t application = CULVERT_TRY(database.number("PRAGMA application_id"));
  const uint64_t tables = CULVERT_TRY(database.number("SELECT count(*) FROM sqlite_schema"));
  const bool empty = version == 0 && application == 0 && tables == 0;
  if (!empty && application != kApplication) {
    return invalid(database, "a database, but not one of culvert-control");
  }
  if (version > kSteps.size()) {
    return invalid(database, fmt::format("written by a newer version (format {}; this one knows up "
                                         "to {}): run that version, or restore a backup",
                                         version, kSteps.size()));
  }
  return {};
}

}  // namespace

Result<void> migrate(Database& database) {
  uint64_t version = CULVERT_TRY(database.number("PRAGMA user_version"));
  CULVERT_CHECK(check_owner(database, version));
  for (; version < kSteps.size(); ++version) {
    Transaction transaction = CULVERT_TRY(Transaction::begin(database));
    CULVERT_CHECK(database.run(std::string(kSteps[version])));
    CULVERT_CHECK(database.run(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}",
                                           kApplication, version + 1)));
    CULVERT_CHECK(transaction.commit());
  }
  return {};
}

Result<void> check_backup(Database& database) {
  const auto version = database.number("PRAGMA user_version");
  if (!version) return invalid(database, "no backup of culvert-control");
  CULVERT_CHECK(check_owner(database, *version));
  // Format 1 is the oldest; a later one that adds tables converts here before it is read.
  if (*version != kSteps.size()) return invalid(database, "an empty file, no backup");
  const auto state = database.text("PRAGMA integrity_check(1)");
  if (!state || *state != "ok") {
    return invalid(database, "a damaged backup: " + (state ? *state : state.error().detail));
  }
  return {};
}

}  // namespace culvert::control
