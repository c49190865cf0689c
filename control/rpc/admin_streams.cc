// The streaming calls of the Admin service. Each looks several times a second whether it goes on.
#include "control/rpc/admin_service.h"
#include "control/rpc/status.h"
#include "proto/scalars.h"
#include "relay/base/random.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace culvert::control {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLook = 200ms;
constexpr Duration kIntervalLeast = 200ms;
constexpr Duration kIntervalMost = 60s;
constexpr Duration kIntervalDefault = 1s;
constexpr uint64_t kAuditDefault = 100;
constexpr uint64_t kAuditMost = 10'000;
constexpr size_t kChunkBytes = 64 * 1024;
constexpr uint64_t kBackupBytesMost = uint64_t{4} << 30;  // of a file that comes from outside

// A file that is gone when its owner is, and that only the service may read.
class Passing {
 public:
  explicit Passing(const std::string& directory)
      : path_(directory + "/passing-" + random_id(Random::system())) {}
  Passing(const Passing&) = delete;
  Passing& operator=(const Passing&) = delete;
  ~Passing() {
    if (fd_ >= 0) ::close(fd_);
    ::unlink(path_.c_str());
  }
  const std::string& path() const { return path_; }
  bool open(int flags) {
    fd_ = ::open(path_.c_str(), flags | O_CLOEXEC, 0600);
    return fd_ >= 0;
  }
  int fd() const { return fd_; }

 private:
  std::string path_;
  int fd_ = -1;
};

Error failure(const std::string& path) {
  return Error::ours(Code::kSystem, Stage::kNone,
                     fmt::format("{}: {}", path, std::strerror(errno)));
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(fd, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(done));
  }
  return true;
}

}  // namespace

grpc::Status AdminService::watch(const Context& context,
                                 const v1::WatchRequest& request,
                                 grpc::ServerWriter<v1::Revision>* writer) {
  const auto place = streams_.take();
  if (!place) return to_status(place.error());
  auto state = parts_.live.current();
  uint64_t sent = request.has_after_revision() ? request.after_revision() : state->revision;
  if (sent > state->revision) {
    return to_status(Error::client(
        Code::kNotKept, Stage::kNone,
        fmt::format("there is no revision {} yet; the newest is {}", sent, state->revision)));
  }
  while (streams_.goes_on(context)) {
    // After a restore the count may stand lower than before: it is followed from there.
    sent = std::min(sent, state->revision);
    for (; sent < state->revision; ++sent) {
      const auto revision = parts_.revisions.revision(sent + 1);
      if (!revision) return to_status(revision.error());
      if (!writer->Write(*revision)) return Status::OK;
    }
    state = parts_.live.wait(state->generation, kLook);
  }
  return Status::OK;
}

grpc::Status AdminService::watch_relays(const Context& context,
                                        const v1::WatchRelaysRequest& request,
                                        grpc::ServerWriter<v1::ListRelaysReply>* writer) {
  const Duration interval =
      request.has_interval() ? from_proto(request.interval()) : kIntervalDefault;
  if (interval < kIntervalLeast || interval > kIntervalMost) {
    return to_status(
        Error::client(Code::kBadRequest, Stage::kNone,
                      "an interval of " + print_duration(interval) + "; allowed is 200ms to 1m"));
  }
  const auto place = streams_.take();
  if (!place) return to_status(place.error());
  while (streams_.goes_on(context)) {
    const auto relays = parts_.fleet.relays("");
    if (!relays) return to_status(relays.error());
    v1::ListRelaysReply reply;
    reply.set_revision(parts_.live.current()->revision);
    reply.mutable_relays()->Assign(relays->begin(), relays->end());
    if (!writer->Write(reply)) return Status::OK;
    streams_.pause(context, interval);
  }
  return Status::OK;
}

grpc::Status AdminService::audit(const Context& context,
                                 const v1::AuditRequest& request,
                                 grpc::ServerWriter<v1::AuditEntry>* writer) {
  const auto place = streams_.take();
  if (!place) return to_status(place.error());
  const uint64_t limit =
      std::min(request.limit() == 0 ? kAuditDefault : uint64_t{request.limit()}, kAuditMost);
  auto part = parts_.audit.newest(limit);
  while (part) {
    for (const v1::AuditEntry& entry : part->entries) {
      if (!writer->Write(entry)) return Status::OK;
    }
    if (!request.follow() || !streams_.goes_on(context)) return Status::OK;
    if (const auto woken = parts_.audit.wait(part->next, kLook); !woken) {
      return to_status(woken.error());
    }
    part = parts_.audit.from(part->next, kAuditMost);
  }
  return to_status(part.error());
}

grpc::Status AdminService::backup(const Context& context, grpc::ServerWriter<v1::Chunk>* writer) {
  const auto place = streams_.take();
  if (!place) return to_status(place.error());
  Passing file(parts_.directory);
  if (const auto made = parts_.store.backup(file.path()); !made) return to_status(made.error());
  if (!file.open(O_RDONLY)) return to_status(failure(file.path()));
  std::string bytes(kChunkBytes, '\0');
  while (streams_.goes_on(context)) {
    const ssize_t got = ::read(file.fd(), bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return to_status(failure(file.path()));
    if (got == 0) return Status::OK;
    v1::Chunk chunk;
    chunk.set_data(bytes.data(), static_cast<size_t>(got));
    if (!writer->Write(chunk)) break;
  }
  // A backup that ends early must not look whole.
  return {grpc::StatusCode::ABORTED, "the backup was cut"};
}

grpc::Status AdminService::restore(grpc::ServerReader<v1::Chunk>* reader) {
  const auto place = streams_.take();
  if (!place) return to_status(place.error());
  Passing file(parts_.directory);
  if (!file.open(O_WRONLY | O_CREAT | O_EXCL)) return to_status(failure(file.path()));
  v1::Chunk chunk;
  uint64_t size = 0;
  while (reader->Read(&chunk)) {
    size += chunk.data().size();
    if (size > kBackupBytesMost) {
      return to_status(Error::client(Code::kBodyTooLarge, Stage::kLimit,
                                     "a backup of more than 4 GiB is none of this service"));
    }
    if (!write_all(file.fd(), chunk.data())) return to_status(failure(file.path()));
  }
  auto restored = parts_.store.restore(file.path());
  if (restored) restored = parts_.live.refresh();
  if (restored) return Status::OK;
  Error error = restored.error();
  if (error.code == Code::kInvalidConfig) error.code = Code::kPrecondition;
  return to_status(error);
}

}  // namespace culvert::control
