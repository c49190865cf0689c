// Blocking calls and nothing else: no loop, no TLS, no HTTP.
#include "tests/bench/load/pingpong.h"

#include "tests/bench/load/descriptor.h"
#include "tests/bench/load/now.h"
#include "tests/bench/load/tally.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>

#include <thread>
#include <vector>

namespace culvert::bench {
namespace {

bool pin(const Options& options, size_t side) {
  if (options.pins.size() <= side) return true;
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(static_cast<size_t>(options.pins[side]), &cores);
  return pthread_setaffinity_np(pthread_self(), sizeof cores, &cores) == 0;
}

// false: the other side is gone.
bool receive_all(int fd, std::vector<char>& message) {
  return recv(fd, message.data(), message.size(), MSG_WAITALL) ==
         static_cast<ssize_t>(message.size());
}

bool send_all(int fd, const std::vector<char>& message) {
  return send(fd, message.data(), message.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(message.size());
}

bool connect_pair(Descriptor& left, Descriptor& right) {
  const Descriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener.fd(), generic, size) != 0 || listen(listener.fd(), 1) != 0) return false;
  getsockname(listener.fd(), generic, &size);
  left.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(left.fd(), generic, size) != 0) return false;
  right.reset(accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC));
  const int on = 1;
  setsockopt(left.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(right.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return static_cast<bool>(right);
}

}  // namespace

std::string run_pingpong(const Options& options, std::string& error) {
  Descriptor left;
  Descriptor right;
  if (!connect_pair(left, right) || !pin(options, 0)) {
    error = "no pair of sockets, or no such core";
    return {};
  }
  std::thread echo([&] {
    std::vector<char> message(options.bytes_or(1));
    bool going = pin(options, 1);
    while (going) going = receive_all(right.fd(), message) && send_all(right.fd(), message);
    shutdown(right.fd(), SHUT_RDWR);
  });
  Window window;
  Tally tally;
  std::vector<char> message(options.bytes_or(1));
  const auto begin = now_ns() + static_cast<int64_t>(options.warmup * double{kSecond});
  const auto end = begin + static_cast<int64_t>(options.seconds * double{kSecond});
  for (int64_t now = now_ns(); now < end;) {
    if (window.begin_ns == 0 && now >= begin) window.begin(now, tally);
    if (!send_all(left.fd(), message) || !receive_all(left.fd(), message)) {
      tally.fail(ErrorKind::kClosed);
      break;
    }
    const int64_t after = now_ns();
    if (window.open()) {
      ++window.operations;
      window.latency.record(after - now);
    }
    now = after;
  }
  window.end(now_ns(), tally);
  shutdown(left.fd(), SHUT_RDWR);
  echo.join();
  if (tally.error_count() > 0) {
    error = "the other side is gone: no such core?";
    return {};
  }
  return report(options, window, tally, "");
}

}  // namespace culvert::bench
