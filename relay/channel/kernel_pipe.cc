// splice(2) in and out, and the store of pipes.
#include "relay/channel/kernel_pipe.h"

#include <fcntl.h>

#include <cassert>
#include <utility>

namespace culvert {

std::unique_ptr<KernelPipe> KernelPipe::open() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return nullptr;
  Fd out(ends[0]);
  Fd in(ends[1]);
  // It may be less than was asked for, or what it was: the size of a page, of a user with many.
  ::fcntl(in.get(), F_SETPIPE_SZ, static_cast<int>(kBytes));
  if (::fcntl(in.get(), F_GETPIPE_SZ) < static_cast<int>(kUsefulBytes)) return nullptr;
  return std::unique_ptr<KernelPipe>(new KernelPipe(std::move(out), std::move(in)));
}

ssize_t KernelPipe::fill(int socket) {
  assert(size_ == 0);
  const ssize_t got = ::splice(socket, nullptr, in_.get(), nullptr, kBytes,
                               SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (got > 0) size_ = static_cast<size_t>(got);
  return got;
}

ssize_t KernelPipe::drain(int socket) {
  const ssize_t gone = ::splice(out_.get(), nullptr, socket, nullptr, size_,
                                SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (gone > 0) size_ -= static_cast<size_t>(gone);
  return gone;
}

KernelPipes::Lent KernelPipes::lend() {
  if (lent_ >= kPipes) return {};
  std::unique_ptr<KernelPipe> pipe;
  if (kept_.empty()) {
    pipe = KernelPipe::open();
    if (pipe == nullptr) return {};
  } else {
    pipe = std::move(kept_.back());
    kept_.pop_back();
  }
  ++lent_;
  return {pipe.release(), GiveBack{this}};
}

void KernelPipes::take_back(KernelPipe* pipe) {
  std::unique_ptr<KernelPipe> returned(pipe);
  --lent_;
  if (returned->size() == 0 && kept_.size() < kKept) kept_.push_back(std::move(returned));
}

}  // namespace culvert
