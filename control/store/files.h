// The few small files beside the store: read whole, replaced whole. Any thread.
#pragma once

#include "relay/base/result.h"

#include <sys/types.h>

#include <string>
#include <string_view>

namespace culvert::control {

// Small files only: more than 1 MiB is an error. Errors are kSystem, kNotFound where there is none,
// and name the path.
struct FileText {
  std::string text;
  mode_t mode = 0;
};
Result<FileText> read_file(const std::string& path);

// The new text or the old one is there whatever happens, and on the disk when it returns.
Result<void> replace_file(const std::string& path, std::string_view text, mode_t mode);

}  // namespace culvert::control
