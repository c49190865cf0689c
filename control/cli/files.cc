// POSIX calls: std::filesystem knows nothing of modes at creation.
#include "control/cli/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

namespace culvert::cli {
namespace {

Error failed(const std::string& what, const std::string& path, int reason) {
  return Error::ours(Code::kSystem, Stage::kNone,
                     what + " " + path + ": " + std::generic_category().message(reason));
}

class Descriptor {
 public:
  explicit Descriptor(int fd, bool owned = true) : fd_(fd), owned_(owned) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (owned_ && fd_ >= 0) ::close(fd_);
  }
  int fd() const { return fd_; }

 private:
  int fd_;
  bool owned_;
};

Result<void> write_all(int fd, const std::string& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("cannot write", path, errno);
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return {};
}

}  // namespace

Result<FileText> read_file(const std::string& path, size_t most_bytes) {
  const bool input = path == "-";
  const std::string shown = input ? "standard input" : path;
  const Descriptor file(input ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC), !input);
  if (file.fd() < 0) return failed("cannot read", shown, errno);
  struct stat facts {};
  if (fstat(file.fd(), &facts) != 0) return failed("cannot read", shown, errno);
  if (S_ISDIR(facts.st_mode)) return failed("cannot read", shown, EISDIR);
  FileText out;
  out.others_read = S_ISREG(facts.st_mode) && (facts.st_mode & S_IROTH) != 0;
  std::array<char, 65536> piece;
  for (;;) {
    const ssize_t count = ::read(file.fd(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("cannot read", shown, errno);
    if (count == 0) return out;
    out.text.append(piece.data(), static_cast<size_t>(count));
    if (out.text.size() > most_bytes) {
      return Error::ours(
          Code::kSystem, Stage::kNone,
          shown + " is larger than the " + std::to_string(most_bytes) + " bytes that are taken");
    }
  }
}

bool exists(const std::string& path) {
  struct stat facts {};
  return ::lstat(path.c_str(), &facts) == 0;
}

bool is_folder(const std::string& path) {
  std::error_code none;
  return std::filesystem::is_directory(path, none);
}

Result<std::vector<std::string>> configuration_files(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code reason;
  std::filesystem::directory_iterator at(folder, reason);
  if (reason) return failed("cannot read", folder, reason.value());
  for (; at != std::filesystem::directory_iterator(); at.increment(reason)) {
    const std::string ending = at->path().extension();
    const bool hidden = at->path().filename().string().rfind('.', 0) == 0;
    const bool wanted = ending == ".yaml" || ending == ".yml" || ending == ".json";
    if (!hidden && wanted && !is_folder(at->path())) files.push_back(at->path());
    if (reason) return failed("cannot read", folder, reason.value());
  }
  std::sort(files.begin(), files.end());
  return files;
}

Result<void> write_file(const std::string& path, const std::function<Result<void>(Sink)>& fill) {
  std::string draft = path + ".XXXXXX";
  const Descriptor file(::mkostemp(draft.data(), O_CLOEXEC));  // mode 0600
  if (file.fd() < 0) return failed("cannot write", path, errno);
  auto done = fill([&](std::string_view bytes) { return write_all(file.fd(), path, bytes); });
  if (done && ::fsync(file.fd()) != 0) done = failed("cannot write", path, errno);
  if (done && ::rename(draft.c_str(), path.c_str()) != 0) {
    done = failed("cannot write", path, errno);
  }
  if (!done) ::unlink(draft.c_str());
  return done;
}

Result<void> make_folder_of(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::filesystem::path made;
  for (const auto& part : folder) {
    made /= part;
    if (is_folder(made)) continue;
    if (::mkdir(made.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
      return failed("cannot make the folder", made, errno);
    }
  }
  return {};
}

}  // namespace culvert::cli
