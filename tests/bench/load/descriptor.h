// One open file descriptor and its owner, for the load programs: they stand apart from the relay's
// own channel, which they measure.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <utility>

namespace culvert::bench {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

  Descriptor& operator=(Descriptor&& other) noexcept {
    reset(std::exchange(other.fd_, -1));
    return *this;
  }

  ~Descriptor() { reset(-1); }

  int fd() const { return fd_; }  // -1: none
  explicit operator bool() const { return fd_ >= 0; }

  // Closing also takes it out of every epoll set.
  void reset(int fd) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

// As many descriptors as the system lets this process have.
inline void raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace culvert::bench
