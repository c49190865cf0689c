// A file as text, bounded. Used by the main thread at the start and at SIGHUP; blocking.
#pragma once

#include "relay/base/result.h"

#include <string>

namespace culvert {

struct FileText {
  std::string text;
  bool world_readable = false;
};

// Leaves no copy but the text: the file may hold keys. Errors are kInvalidConfig; the detail says
// which file and why, without a place. Pipes are read as well, so that `<(…)` works; directories
// are not.
Result<FileText> read_file(const std::string& path, size_t most_bytes);

}  // namespace culvert
