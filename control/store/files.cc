// Written beside, flushed, renamed over.
#include "control/store/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace culvert::control {
namespace {

constexpr size_t kMost = 1024 * 1024;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }
  int get() const { return fd_; }
  bool close() { return fd_ < 0 || ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

Error failure(const std::string& path, std::string_view what) {
  const Code code = errno == ENOENT ? Code::kNotFound : Code::kSystem;
  return Error::ours(code, Stage::kNone,
                     fmt::format("{}: {}: {}", path, what, std::strerror(errno)));
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t done = ::write(fd, text.data(), text.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return false;
    text.remove_prefix(static_cast<size_t>(done));
  }
  return true;
}

// The rename is on the disk when its directory is.
Result<void> flush_directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const Descriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || ::fsync(fd.get()) != 0) return failure(directory, "cannot be flushed");
  return {};
}

}  // namespace

Result<FileText> read_file(const std::string& path) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return failure(path, "cannot be opened");
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return failure(path, "cannot be read");
  FileText file;
  file.mode = status.st_mode & 07777;
  std::array<char, 16384> part{};
  while (true) {
    const ssize_t got = ::read(fd.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure(path, "cannot be read");
    if (got == 0) return file;
    file.text.append(part.data(), static_cast<size_t>(got));
    if (file.text.size() > kMost) {
      return Error::ours(Code::kSystem, Stage::kNone, path + ": is larger than 1 MiB");
    }
  }
}

Result<void> replace_file(const std::string& path, std::string_view text, mode_t mode) {
  const std::string beside = path + ".new";
  ::unlink(beside.c_str());  // of a process that was killed here
  Descriptor fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (fd.get() < 0) return failure(beside, "cannot be made");
  const bool whole = write_all(fd.get(), text) && ::fchmod(fd.get(), mode) == 0 &&
                     ::fsync(fd.get()) == 0 && fd.close();
  if (!whole || std::rename(beside.c_str(), path.c_str()) != 0) {
    Error error = failure(path, "cannot be written");
    ::unlink(beside.c_str());
    return error;
  }
  return flush_directory_of(path);
}

}  // namespace culvert::control
