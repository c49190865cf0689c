// Files that are whole or not there, whatever ends the process or the machine in between: written
// under another name, synced, renamed, and the folder synced. Blocking; for small files.
#pragma once

#include "relay/base/result.h"

#include <string>
#include <string_view>

namespace culvert {

// Mode 0600. The folder exists. Errors are kSystem and name the file and the reason (a full disk, a
// read-only one); what was there before is there still.
Result<void> write_durably(const std::string& path, std::string_view bytes);

// A folder that only its owner may enter (0700), with those above it. Errors are kSystem.
Result<void> make_private_folder(const std::string& path);

// So that a rename in the folder survives a power cut.
Result<void> sync_folder(const std::string& path);

}  // namespace culvert
