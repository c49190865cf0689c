// Files and standard input, whole and bounded; and a file written so that nobody sees half of it.
// Blocking; errors are kSystem and name the file and the reason.
#pragma once

#include "relay/base/result.h"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace culvert::cli {

struct FileText {
  std::string text;
  bool others_read = false;  // its mode lets every user of the machine read it
};

// `-` is standard input. Pipes are read as well, directories are not.
Result<FileText> read_file(const std::string& path, size_t most_bytes);

bool exists(const std::string& path);
bool is_folder(const std::string& path);

// The *.yaml, *.yml and *.json directly in it, by name.
Result<std::vector<std::string>> configuration_files(const std::string& folder);

// With mode 0600, under a name of its own first, and then renamed to `path`: whoever opens `path`
// sees the old file or the whole new one. `fill` gets a function that takes the bytes.
using Sink = std::function<Result<void>(std::string_view)>;
Result<void> write_file(const std::string& path, const std::function<Result<void>(Sink)>& fill);

// Makes the folder of a file, 0700, with those above it.
Result<void> make_folder_of(const std::string& path);

}  // namespace culvert::cli
