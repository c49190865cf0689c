// The protocols of systemd are a datagram and two variables; no library is needed for them.
#include "relay/edge/system.h"

#include "relay/base/log.h"
#include "relay/channel/listener.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace culvert {
namespace {

constexpr int kFirstPassed = 3;  // SD_LISTEN_FDS_START
constexpr long kMostPassed = 64;

// A variable that holds a whole number and nothing else; 0 otherwise.
long number_of(const char* variable) {
  const char* text = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe)
  if (text == nullptr) return 0;
  const char* end = text + std::strlen(text);
  long number = 0;
  const auto [rest, failed] = std::from_chars(text, end, number);
  return failed == std::errc() && rest == end ? number : 0;
}

}  // namespace

size_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<size_t>(limit.rlim_cur);
}

void forbid_dumps() { prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

ProcessUse process_use() {
  ProcessUse use;
  rusage times{};
  if (getrusage(RUSAGE_SELF, &times) == 0) {
    const auto seconds_of = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    use.cpu_seconds = seconds_of(times.ru_utime) + seconds_of(times.ru_stime);
  }
  std::ifstream pages("/proc/self/statm");
  uint64_t all = 0;
  uint64_t resident = 0;
  if (pages >> all >> resident) {
    use.memory_bytes = resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  return use;
}

std::vector<PassedSocket> take_passed_sockets() {
  std::vector<PassedSocket> sockets;
  if (number_of("LISTEN_PID") != getpid()) return sockets;
  const long passed = std::min(number_of("LISTEN_FDS"), kMostPassed);
  unsetenv("LISTEN_PID");
  unsetenv("LISTEN_FDS");
  unsetenv("LISTEN_FDNAMES");
  for (int fd = kFirstPassed; fd < kFirstPassed + static_cast<int>(passed); ++fd) {
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    Fd owned(fd);
    if (auto address = bound_address(fd)) {
      sockets.push_back({std::move(owned), *address});
    } else {
      log::warn("a socket that the service manager passed is not used: listeners are IP sockets",
                {{"error", address.error().detail}});
    }
  }
  return sockets;
}

}  // namespace culvert
