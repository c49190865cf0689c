// read(2) and not a stream, because a stream does not say why it failed.
#include "relay/config/file.h"

#include "relay/base/secret.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
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

struct Block {
  ~Block() { wipe(bytes, sizeof bytes); }
  char bytes[16 * 1024];
};

Error unreadable(const std::string& path, std::string_view why) {
  return Error::ours(Code::kInvalidConfig, Stage::kNone,
                     fmt::format("the file {} cannot be read: {}", path, why));
}

// At once, so that no part of a secret stays behind in memory that the text has outgrown.
void reserve(std::string* text, off_t size, size_t most_bytes) {
  if (size > 0) text->reserve(std::min(static_cast<size_t>(size), most_bytes));
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
  if (S_ISREG(status.st_mode)) reserve(&out.text, status.st_size, most_bytes);
  Block block;
  for (;;) {
    const ssize_t got = read(file.fd(), block.bytes, sizeof block.bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unreadable(path, std::strerror(errno));
    if (got == 0) return out;
    if (out.text.size() + static_cast<size_t>(got) > most_bytes) {
      return unreadable(path, fmt::format("it is larger than {} bytes", most_bytes));
    }
    out.text.append(block.bytes, static_cast<size_t>(got));
  }
}

}  // namespace culvert
