// Pipes of the kernel, through which bytes go from one socket to another without a copy to us:
// splice(2). One store per loop lends them; a pipe is held only while it has bytes in it, so a
// connection at rest holds none. Each takes two descriptors and, full, its size in memory.
#pragma once

#include "relay/channel/fd.h"

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <vector>

namespace culvert {

class KernelPipe {
 public:
  // Below the useful size, splicing costs as much as copying; above the full one, the system lends
  // nothing to who is not root (pipe-max-size).
  static constexpr size_t kUsefulBytes = 256 * 1024;
  static constexpr size_t kBytes = 1024 * 1024;

  // Null where the system has none of a useful size: descriptors or pipe-user-pages ran out.
  static std::unique_ptr<KernelPipe> open();

  // As recv(2) into the pipe and send(2) out of it, errno included. It is filled only while empty:
  // else nobody knows whether the socket has nothing or the pipe no room.
  ssize_t fill(int socket);
  ssize_t drain(int socket);

  size_t size() const { return size_; }  // bytes in it

 private:
  KernelPipe(Fd out, Fd in) : out_(std::move(out)), in_(std::move(in)) {}

  Fd out_;
  Fd in_;
  size_t size_ = 0;
};

class KernelPipes {
 public:
  // Per loop, lent or kept: a user that is not root has 64 MiB of pipes of full size in all
  // (pipe-user-pages-soft). Who gets none copies. Kept, they cost what bursts save.
  static constexpr size_t kPipes = 32;
  static constexpr size_t kKept = 4;

  // Gives the pipe back. One with bytes in it is closed: they are nobody's.
  struct GiveBack {
    KernelPipes* pipes = nullptr;
    void operator()(KernelPipe* pipe) const { pipes->take_back(pipe); }
  };
  using Lent = std::unique_ptr<KernelPipe, GiveBack>;

  KernelPipes() { kept_.reserve(kKept); }
  KernelPipes(const KernelPipes&) = delete;
  KernelPipes& operator=(const KernelPipes&) = delete;

  Lent lend();  // an empty one, or null
  size_t lent() const { return lent_; }
  size_t kept() const { return kept_.size(); }

 private:
  void take_back(KernelPipe* pipe);

  std::vector<std::unique_ptr<KernelPipe>> kept_;
  size_t lent_ = 0;
};

}  // namespace culvert
