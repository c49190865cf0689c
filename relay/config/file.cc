// read(2) and not a stream, because a stream does not say why it failed.
#include "relay/config/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace culvert {
namespace {

class OpenFile {
 public:
  explicit OpenFile(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (fd_ >= 0) close(fd_);
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

Error unreadable(const std::string& path, std::string_view why) {
  return Error::ours(Code::kInvalidConfig, Stage::kNone,
                     fmt::format("the file {} cannot be read: {}", path, why));
}

}  // namespace

Result<FileText> read_file(const std::string& path, size_t most_bytes) {
  const OpenFile file(path);
  struct stat status {};
  if (file.fd() < 0 || fstat(file.fd(), &status) != 0) {
    return unreadable(path, std::strerror(errno));
  }
  FileText out;
  out.world_readable = S_ISREG(status.st_mode) && (status.st_mode & S_IROTH) != 0;
  char block[16 * 1024];
  for (;;) {
    const ssize_t got = read(file.fd(), block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unreadable(path, std::strerror(errno));
    if (got == 0) return out;
    if (out.text.size() + static_cast<size_t>(got) > most_bytes) {
      return unreadable(path, fmt::format("it is larger than {} bytes", most_bytes));
    }
    out.text.append(block, static_cast<size_t>(got));
  }
}

}  // namespace culvert
