// Reading and writing of a TCP socket. One read(2) into the loop's scratch, at most
// kReadsPerWakeup of them before others get their turn; small writes go out together when the
// events of a turn have been handled, and only what the kernel does not take is queued. Bulk
// between two of them goes through a pipe of the kernel, one fill at a turn.
#include "relay/channel/tcp.h"

#include "relay/base/limits.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

namespace culvert {
namespace {

// Full reads, one after the other, that make a bulk: half a megabyte. Small messages are no cheaper
// through a pipe. A read below kBulkLeast ends it: two calls of splice cost as much as its copy.
constexpr int kBulkReads = 8;
constexpr ssize_t kBulkLeast = 16 * 1024;

// Gathered at most: what is larger is not worth a copy.
constexpr size_t kGathered = 16 * 1024;

// The socket cannot be spliced, which is no failure of it.
bool not_spliced(int error) { return error == EINVAL || error == ENOSYS || error == EPERM; }

}  // namespace

void tune_socket(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // A peer that lost its power while nothing was to be sent is noticed after about two minutes.
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  const int idle_s = 60;
  const int interval_s = 15;
  const int probes = 4;
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

TcpState tcp_state(int fd) {
  constexpr uint8_t kCloseWait =
      8;  // TCP_CLOSE_WAIT; the kernel's and the C library's headers clash
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return {};
  return {info.tcpi_bytes_acked, info.tcpi_state == kCloseWait};
}

TcpChannel::TcpChannel(Loop& loop, Fd fd, bool watch_vanishing)
    : loop_(loop),
      fd_(std::move(fd)),
      watch_vanishing_(watch_vanishing),
      poll_(loop, fd_.get(), *this) {}

TcpChannel::~TcpChannel() {
  if (!blocked_ && !dead_ && broken_ == 0 && !out_.empty()) hand_over({});
  if (reset_ && fd_.valid()) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
}

void TcpChannel::start(ChannelSink& sink) {
  sink_ = &sink;
  watch();
}

void TcpChannel::mute() {
  sink_ = nullptr;
  forward_to_ = nullptr;
  watch();
}

void TcpChannel::write(std::string_view bytes) {
  if (dead_ || finishing_ || broken_ != 0) return;  // never on behind a gap
  written_ = written() + bytes.size();
  const bool gathers = !blocked_ && pipe_ == nullptr && out_.size() + bytes.size() <= kGathered;
  if (gathers) {
    out_.append(bytes);
    return loop_.flush_soon(*this);
  }
  if (queued() > 0) {
    out_.append(bytes);
    blocked_ = true;
  } else if (hand_over(bytes)) {
    return watch();
  }
  if (out_.size() > limits::kHighWater) was_high_ = true;
  watch();
}

// Gives the kernel what is gathered and `more` behind it, which is queued as far as it is not
// taken. True: all was taken, or nothing will ever be.
bool TcpChannel::hand_over(std::string_view more) {
  const std::string_view gathered = out_.view();
  iovec parts[] = {{const_cast<char*>(gathered.data()), gathered.size()},
                   {const_cast<char*>(more.data()), more.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = std::size(parts);
  const ssize_t sent =
      more.empty() ? ::send(fd_.get(), gathered.data(), gathered.size(), MSG_NOSIGNAL)
                   : ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
    // Told when the loop comes around, never from inside a write: see broken().
    broken_ = errno;
    out_.clear();
    return true;
  }
  size_t taken = sent > 0 ? static_cast<size_t>(sent) : 0;
  const size_t of_gathered = std::min(taken, gathered.size());
  out_.consume(of_gathered);
  more.remove_prefix(taken - of_gathered);
  out_.append(more);
  blocked_ = !out_.empty();
  return !blocked_;
}

// The events in which it was gathered are over.
void TcpChannel::flush() {
  if (dead_ || blocked_ || broken_ != 0 || out_.empty()) return;
  hand_over({});
  if (finishing_) finish(Finish::kClean);
  watch();
}

void TcpChannel::pause() {
  paused_ = true;
  watch();
}

void TcpChannel::resume() {
  paused_ = false;
  watch();
}

void TcpChannel::finish(Finish /*how*/) {  // TCP has one way to end
  finishing_ = true;
  if (broken_ == 0 && !dead_ && queued() == 0 && !out_.empty()) hand_over({});
  if (broken_ != 0) reset_ = true;  // a FIN behind a gap would make a cut body look whole
  if (broken_ == 0 && queued() == 0 && !dead_ && !finished_) {
    finished_ = true;
    ::shutdown(fd_.get(), SHUT_WR);
  }
  watch();
}

uint64_t TcpChannel::acknowledged() const { return tcp_state(fd_.get()).acknowledged; }

// The system is asked once: it counts the SYN of who connects, and with that all that follows.
uint64_t TcpChannel::written() {
  if (written_ == 0) written_ = acknowledged();
  return written_;
}

bool TcpChannel::quiet() const {
  char byte = 0;
  const ssize_t got = ::recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

void TcpChannel::watch() {
  int interest = Poll::kNone;
  if (!dead_) {
    // A failed write may have left the socket silent (ENOBUFS): the loop is to come around anyway.
    const bool tells = sink_ != nullptr && (ended_ || !paused_ || watch_vanishing_);
    if (queued() > 0 || (broken_ != 0 && tells)) interest |= Poll::kWrite;
    if (sink_ != nullptr && !ended_) {
      if (!paused_) interest |= Poll::kRead;
      // Also beside reading, where it tells nothing: a pause then changes nothing for the kernel.
      if (watch_vanishing_) interest |= Poll::kPeerClosed;
    }
  }
  poll_.watch(interest);
}

void TcpChannel::on_ready(Ready ready) {
  if (ready.failed) return broken();
  if (ready.writable) go_on_writing();
  if (ready.readable && !paused_ && !ended_ && !dead_) read_some();
  if (ready.peer_closed && paused_ && !ended_ && !dead_) end(false);
}

// The connection was reset. Bytes that came before may still wait in the kernel (an upstream that
// refuses a body answers and closes without reading it): they are read before the failure is told.
void TcpChannel::broken() {
  int reason = 0;
  socklen_t size = sizeof reason;
  getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &reason, &size);
  if (broken_ == 0) broken_ = reason != 0 ? reason : ECONNRESET;
  drop_queue();
  if (ended_ || (paused_ && watch_vanishing_)) return fail_errno("connection", broken_);
  if (paused_) return watch();  // resume() finds the bytes, and the reason after them
  read_some();
  if (!dead_) watch();
}

void TcpChannel::on_out_of_memory() {
  fail(Error::ours(Code::kOutOfMemory, Stage::kNone, "out of memory"));
}

void TcpChannel::read_some() {
  for (int i = 0; i < limits::kReadsPerWakeup && sink_ != nullptr && !paused_ && !dead_; ++i) {
    bool forwarded = false;
    const ssize_t got = read_once(&forwarded);
    if (got == 0) return broken_ != 0 ? fail_errno("connection", broken_) : end(true);
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) return fail_errno("read", errno);
      if (broken_ != 0) fail_errno("connection", broken_);
      return;
    }
    if (forwarded) return sink_->on_forwarded(static_cast<size_t>(got));
    sink_->on_bytes({loop_.scratch(), static_cast<size_t>(got)});
    if (static_cast<size_t>(got) < limits::kReadScratch) return;
  }
}

// As recv(2), to the loop's scratch or to where bulk goes.
ssize_t TcpChannel::read_once(bool* forwarded) {
  std::optional<ssize_t> got;
  if (forward_to_ != nullptr && full_reads_ >= kBulkReads && broken_ == 0) {
    got = forward_to_->splice_from(fd_.get());
    if (got && *got < 0 && not_spliced(errno)) {
      forward_to_ = nullptr;
      got.reset();
    }
  }
  *forwarded = got.has_value();
  if (!got) got = ::recv(fd_.get(), loop_.scratch(), limits::kReadScratch, 0);
  if (*got >= static_cast<ssize_t>(limits::kReadScratch)) {
    full_reads_ = std::min(full_reads_ + 1, kBulkReads);
  } else if (*got >= 0 && (*got < kBulkLeast || full_reads_ < kBulkReads)) {
    full_reads_ = 0;
  }
  return *got;
}

// What another socket has, taken over as written here. Empty where that is not possible now; else
// as recv(2). Tells nothing to our sink: the caller is another's.
std::optional<ssize_t> TcpChannel::splice_from(int socket) {
  if (dead_ || finishing_ || broken_ != 0 || queued() > 0) return {};
  if (!out_.empty() && (!hand_over({}) || broken_ != 0)) {
    watch();
    return {};
  }
  pipe_ = loop_.pipes().lend();
  if (pipe_ == nullptr) return {};
  const ssize_t got = pipe_->fill(socket);
  const int error = errno;
  broken_ = drain_pipe();
  if (pipe_ != nullptr) was_high_ = true;
  watch();
  errno = error;
  return got;
}

// Gives the pipe back once it is empty; the errno of a failure, with which its bytes are lost.
int TcpChannel::drain_pipe() {
  int error = 0;
  while (pipe_ != nullptr && pipe_->size() > 0) {
    if (pipe_->drain(fd_.get()) >= 0 || errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    error = errno;
    break;
  }
  pipe_.reset();
  return error;
}

void TcpChannel::drop_queue() {
  pipe_.reset();
  out_.clear();
  blocked_ = false;
}

void TcpChannel::go_on_writing() {
  if (drain_pipe() != 0) return broken();
  while (pipe_ == nullptr && !out_.empty()) {
    const std::string_view bytes = out_.view();
    const ssize_t taken = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (taken < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      return broken();
    }
    out_.consume(static_cast<size_t>(taken));
  }
  blocked_ = !out_.empty();
  if (queued() == 0 && broken_ != 0) return broken();
  if (queued() == 0 && finishing_) finish(Finish::kClean);
  watch();
  if (was_high_ && pipe_ == nullptr && out_.size() <= limits::kLowWater) {
    was_high_ = false;
    if (sink_ != nullptr) sink_->on_drained();
  }
}

void TcpChannel::end(bool clean) {
  ended_ = true;
  watch();
  if (sink_ != nullptr) sink_->on_end(clean);
}

void TcpChannel::fail(Error error) {
  if (dead_) return;
  dead_ = true;
  drop_queue();
  watch();
  if (sink_ != nullptr) sink_->on_failed(std::move(error));
}

void TcpChannel::fail_errno(const char* what, int error) {
  fail(Error{Fault::kUpstream, Code::kUpstreamClosed, Stage::kNone, Retry::kNever,
             std::string(what) + ": " + std::strerror(error)});
}

}  // namespace culvert
