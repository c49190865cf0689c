// System calls, and what their failure means to whom.
#include "relay/usage/spool_folder.h"

#include "relay/usage/segment.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <string_view>

namespace culvert {
namespace {

constexpr std::string_view kEnding = ".usage";
constexpr size_t kDigits = 12;

Error failed(const std::string& path, const char* what) {
  return Error::ours(Code::kSystem, Stage::kNone,
                     fmt::format("{} {}: {}", what, path, std::strerror(errno)));
}

Result<void> make_folders(const std::string& path) {
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) {
      return failed(part, "cannot make");
    }
    if (slash == std::string::npos) return {};
  }
}

uint64_t number_of(std::string_view name) {
  uint64_t number = 0;
  if (name.size() != kDigits + kEnding.size() || name.substr(kDigits) != kEnding) return 0;
  const auto done = std::from_chars(name.data(), name.data() + kDigits, number);
  return done.ptr == name.data() + kDigits ? number : 0;
}

}  // namespace

Result<SpoolFolder> SpoolFolder::open(std::string path) {
  CULVERT_CHECK(make_folders(path));
  SpoolFolder folder(std::move(path));
  const std::string lock = folder.path_of("lock");
  folder.lock_ = Fd(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (folder.lock_.get() < 0) return failed(lock, "cannot open");
  if (::flock(folder.lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return failed(lock, "cannot lock");
    return Error::ours(Code::kSystem, Stage::kNone,
                       folder.path_ +
                           " is in use by another relay: each needs a state_dir of "
                           "its own");
  }
  const std::string mark = folder.path_of("acknowledged");
  folder.mark_ = Fd(::open(mark.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (folder.mark_.get() < 0) return failed(mark, "cannot open");
  return folder;
}

std::string SpoolFolder::path_of(uint64_t segment) const {
  return fmt::format("{}/{:0{}}{}", path_, segment, kDigits, kEnding);
}

std::vector<Segment> SpoolFolder::segments() const {
  std::vector<Segment> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path_.c_str()), ::closedir);
  if (folder == nullptr) return found;
  while (const dirent* entry = ::readdir(folder.get())) {
    const uint64_t number = number_of(entry->d_name);
    struct stat info {};
    if (number == 0 || ::stat(path_of(number).c_str(), &info) != 0) continue;
    found.push_back({number, static_cast<uint64_t>(info.st_size), 0});
  }
  std::sort(found.begin(), found.end(),
            [](const Segment& a, const Segment& b) { return a.number < b.number; });
  return found;
}

SpoolPosition SpoolFolder::acknowledged() const {
  std::array<char, kRecordFrame + sizeof(SpoolPosition)> bytes{};
  const ssize_t size = ::pread(mark_.get(), bytes.data(), bytes.size(), 0);
  if (size != static_cast<ssize_t>(bytes.size())) return {};
  RecordReader reader({bytes.data(), bytes.size()});
  const auto record = reader.next();
  SpoolPosition position;
  if (!record || record->size() != sizeof position) return {};
  std::memcpy(&position, record->data(), sizeof position);
  return position;
}

// One write: a process that dies leaves the old position or the new one. Where the disk takes
// neither, records are sent again, and the service knows them by their ids.
void SpoolFolder::set_acknowledged(const SpoolPosition& position) const {
  std::string framed;
  frame({reinterpret_cast<const char*>(&position), sizeof position}, &framed);
  [[maybe_unused]] const ssize_t done = ::pwrite(mark_.get(), framed.data(), framed.size(), 0);
}

}  // namespace culvert
