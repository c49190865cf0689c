// Plain read(2): streams of the standard library do not say what went wrong.
#include "relay/config/files.h"

#include "relay/base/limits.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace culvert {

Result<std::string> read_file(const std::string& path) {
  const auto failed = [&](const std::string& why) {
    return Error::ours(Code::kInvalidConfig, Stage::kNone, path + ": " + why);
  };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failed(std::strerror(errno));
  std::string content;
  std::array<char, 16384> part{};
  ssize_t got = 0;
  while ((got = ::read(fd, part.data(), part.size())) > 0) {
    content.append(part.data(), static_cast<size_t>(got));
    if (content.size() > limits::kConfigBytes) break;
  }
  const int error = errno;
  ::close(fd);
  explicit_bzero(part.data(), part.size());
  if (got < 0) return failed(std::strerror(error));
  if (content.size() > limits::kConfigBytes) return failed("the file is larger than 16 MiB");
  return content;
}

}  // namespace culvert
