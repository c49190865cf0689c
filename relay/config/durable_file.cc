// POSIX's order: write, fsync the file, rename, fsync the folder.
#include "relay/config/durable_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace culvert {
namespace {

Error failed(std::string_view what, const std::string& path, int code) {
  return Error::ours(Code::kSystem, Stage::kNone,
                     fmt::format("{} {}: {}", path, what, std::strerror(code)));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

Result<void> write_all(const Descriptor& file, const std::string& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(file.fd(), bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return failed("cannot be written", path, errno);
    bytes.remove_prefix(static_cast<size_t>(wrote));
  }
  if (::fsync(file.fd()) != 0) return failed("cannot be written to the disk", path, errno);
  return {};
}

Result<void> write_new(const std::string& path, std::string_view bytes) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (file.fd() < 0) return failed("cannot be made", path, errno);
  return write_all(file, path, bytes);
}

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

}  // namespace

Result<void> write_durably(const std::string& path, std::string_view bytes) {
  const std::string next = path + ".new";
  auto written = write_new(next, bytes);
  if (written && ::rename(next.c_str(), path.c_str()) != 0) {
    written = failed("cannot be replaced", path, errno);
  }
  if (!written) {
    ::unlink(next.c_str());
    return written;
  }
  return sync_folder(folder_of(path));
}

Result<void> make_private_folder(const std::string& path) {
  std::error_code code;
  const std::filesystem::path above = std::filesystem::path(path).parent_path();
  if (!above.empty()) std::filesystem::create_directories(above, code);
  if (code) return failed("cannot be made", above.string(), code.value());
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return failed("cannot be made", path, errno);
  }
  if (!std::filesystem::is_directory(path, code)) return failed("is no folder", path, ENOTDIR);
  return {};
}

Result<void> sync_folder(const std::string& path) {
  const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.fd() < 0) return failed("cannot be opened", path, errno);
  // Some file systems cannot sync a folder, and say so.
  if (::fsync(folder.fd()) != 0 && errno != EINVAL && errno != EROFS) {
    return failed("cannot be written to the disk", path, errno);
  }
  return {};
}

}  // namespace culvert
