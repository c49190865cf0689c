// flock(2) on DIR/lock, which also says who holds it.
#include "control/store/data_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

namespace culvert::control {
namespace {

Error failure(const std::string& path, std::string_view what) {
  return Error::ours(Code::kSystem, Stage::kNone,
                     fmt::format("{}: {}: {}", path, what, std::strerror(errno)));
}

Result<bool> is_empty(const std::string& path) {
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return failure(path, "cannot be read");
  bool empty = true;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view name = entry->d_name;
    empty = empty && (name == "." || name == "..");
  }
  ::closedir(directory);
  return empty;
}

// As the one who holds the lock wrote it.
std::string holder(int fd) {
  std::array<char, 16> text{};
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  return got > 0 ? std::string(text.data(), static_cast<size_t>(got)) : "unknown";
}

Result<int> take_lock(const std::string& directory) {
  const std::string path = directory + "/lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return failure(path, "cannot be written");
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    Error error = errno == EWOULDBLOCK
                      ? Error::ours(Code::kSystem, Stage::kNone,
                                    fmt::format("{}: in use by another culvert-control (pid {}); "
                                                "one service has a directory at a time",
                                                directory, holder(fd)))
                      : failure(path, "cannot be locked");
    ::close(fd);
    return error;
  }
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) < 0) {
    Error error = failure(path, "cannot be written");
    ::close(fd);
    return error;
  }
  return fd;
}

}  // namespace

Result<DataDirectory> DataDirectory::make(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0) {
    if (errno != EEXIST) return failure(path, "cannot be made");
    // A service manager makes the directory before its service runs; what stands in one is not ours
    // to overwrite.
    if (!CULVERT_TRY(is_empty(path))) {
      return Error::ours(Code::kInvalidConfig, Stage::kNone,
                         path + ": is there already and not empty; needed is a new directory");
    }
  }
  return DataDirectory(path, CULVERT_TRY(take_lock(path)));
}

Result<DataDirectory> DataDirectory::open(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    return Error::ours(Code::kSystem, Stage::kNone,
                       path + ": there is no such directory; `culvert-control init --data " + path +
                           "` makes a new service in it");
  }
  return DataDirectory(path, CULVERT_TRY(take_lock(path)));
}

DataDirectory::DataDirectory(DataDirectory&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

DataDirectory::~DataDirectory() {
  if (lock_ >= 0) ::close(lock_);
}

}  // namespace culvert::control
