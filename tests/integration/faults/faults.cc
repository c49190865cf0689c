// The interposed calls. No header that declares the socket functions is included: glibc's checked
// variants of them (_FORTIFY_SOURCE) are inline functions of the same names.
#include "tests/integration/faults/faults.h"

#include <dlfcn.h>
#include <sys/uio.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <new>

struct sockaddr;

// As sendmsg(2) has it.
struct msghdr {
  void* msg_name;
  unsigned msg_namelen;
  iovec* msg_iov;
  std::size_t msg_iovlen;
  void* msg_control;
  std::size_t msg_controllen;
  int msg_flags;
};

namespace culvert::test {
namespace {

std::atomic<FaultKind> armed{FaultKind::kNone};
std::atomic<int64_t> calls{0};
std::atomic<int64_t> first{0};
std::atomic<int64_t> last{0};
std::atomic<int> what{0};
thread_local bool exempt = false;

bool fails(FaultKind kind) {
  if (exempt || armed.load(std::memory_order_acquire) != kind) return false;
  const int64_t call = calls.fetch_add(1) + 1;
  return call >= first.load() && call <= last.load();
}

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

void arm(const FaultPlan& plan) {
  calls.store(0);
  first.store(plan.at);
  last.store(plan.at + plan.count - 1);
  what.store(plan.error);
  armed.store(plan.kind, std::memory_order_release);
}

bool disarm() {
  armed.store(FaultKind::kNone, std::memory_order_release);
  return calls.load() >= first.load();
}

void exempt_this_thread() { exempt = true; }

}  // namespace culvert::test

using culvert::test::FaultKind;

void* operator new(std::size_t size) {
  if (culvert::test::fails(FaultKind::kAllocation)) throw std::bad_alloc();
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void* operator new[](std::size_t size) { return ::operator new(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

// One byte of the first part that has any.
ssize_t call_short(ssize_t (*call)(int, const msghdr*, int),
                   int fd,
                   const msghdr& message,
                   int flags) {
  msghdr part = message;
  while (part.msg_iovlen > 1 && part.msg_iov->iov_len == 0) {
    ++part.msg_iov;
    --part.msg_iovlen;
  }
  iovec one = *part.msg_iov;
  one.iov_len = one.iov_len < 1 ? one.iov_len : 1;
  part.msg_iov = &one;
  part.msg_iovlen = 1;
  return call(fd, &part, flags);
}

}  // namespace

extern "C" {

int accept4(int fd, sockaddr* address, unsigned* size, int flags) {
  static auto* const call = culvert::test::real<int(int, sockaddr*, unsigned*, int)>("accept4");
  if (culvert::test::fails(FaultKind::kAccept)) {
    errno = culvert::test::what.load();
    return -1;
  }
  return call(fd, address, size, flags);
}

int connect(int fd, const sockaddr* address, unsigned size) {
  static auto* const call = culvert::test::real<int(int, const sockaddr*, unsigned)>("connect");
  if (culvert::test::fails(FaultKind::kConnect)) {
    errno = culvert::test::what.load();
    return -1;
  }
  return call(fd, address, size);
}

ssize_t recv(int fd, void* to, std::size_t size, int flags) {
  static auto* const call = culvert::test::real<ssize_t(int, void*, std::size_t, int)>("recv");
  if (culvert::test::fails(FaultKind::kReceive)) {
    const int error = culvert::test::what.load();
    if (error == culvert::test::kEnd) return 0;
    if (error == culvert::test::kShort) return call(fd, to, size < 1 ? size : 1, flags);
    errno = error;
    return -1;
  }
  return call(fd, to, size, flags);
}

ssize_t send(int fd, const void* from, std::size_t size, int flags) {
  static auto* const call =
      culvert::test::real<ssize_t(int, const void*, std::size_t, int)>("send");
  if (culvert::test::fails(FaultKind::kSend)) {
    const int error = culvert::test::what.load();
    if (error == culvert::test::kShort) return call(fd, from, size < 1 ? size : 1, flags);
    errno = error;
    return -1;
  }
  return call(fd, from, size, flags);
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  static auto* const call = culvert::test::real<ssize_t(int, const msghdr*, int)>("sendmsg");
  if (culvert::test::fails(FaultKind::kSend)) {
    const int error = culvert::test::what.load();
    if (error == culvert::test::kShort) return call_short(call, fd, *message, flags);
    errno = error;
    return -1;
  }
  return call(fd, message, flags);
}

}  // extern "C"
