// The tables of a store's SQLite file, and how an older file becomes one of this version.
#pragma once

#include "control/store/sqlite.h"

namespace culvert::control {

// Also makes the tables of an empty file. Each step is a transaction of its own. Errors:
// kInvalidConfig for a file that is not a store's, or a newer version's.
Result<void> migrate(Database& database);

// Whether a file, opened for reading, is a store's of this version or an older one, and whole.
Result<void> check_backup(Database& database);

}  // namespace culvert::control
