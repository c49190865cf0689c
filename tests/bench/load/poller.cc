// One call of epoll_pwait2 per turn: its nanoseconds keep events of different streams apart, which
// milliseconds would bundle.
#include "tests/bench/load/poller.h"

#include "tests/bench/load/now.h"

#include <algorithm>
#include <cerrno>

namespace culvert::bench {

Poller::Poller() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

bool Poller::add(int fd, uint32_t events, Polled* polled) {
  epoll_event event{.events = events, .data = {.ptr = polled}};
  return epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void Poller::change(int fd, uint32_t events, Polled* polled) {
  epoll_event event{.events = events, .data = {.ptr = polled}};
  epoll_ctl(epoll_.fd(), EPOLL_CTL_MOD, fd, &event);
}

void Poller::remove(int fd) { epoll_ctl(epoll_.fd(), EPOLL_CTL_DEL, fd, nullptr); }

void Poller::poll(int64_t until_ns) {
  const int64_t wait = std::max<int64_t>(0, until_ns - now_ns());
  const timespec limit{.tv_sec = wait / kSecond, .tv_nsec = wait % kSecond};
  const auto size = static_cast<int>(ready_.size());
  int count = epoll_pwait2(epoll_.fd(), ready_.data(), size, &limit, nullptr);
  if (count < 0 && errno == ENOSYS) {  // under valgrind, whose callgrind counts instructions
    const int64_t ms = std::min(wait, kSecond) / kMillisecond;
    count = epoll_wait(epoll_.fd(), ready_.data(), size, static_cast<int>(ms));
  }
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = ready_[static_cast<size_t>(i)];
    static_cast<Polled*>(event.data.ptr)->on_events(event.events);
  }
}

}  // namespace culvert::bench
