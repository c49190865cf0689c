// Accepting in bounded rounds.
#include "relay/channel/listener.h"

#include "relay/base/limits.h"
#include "relay/base/log.h"
#include "relay/channel/tcp.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace culvert {

Result<Fd> listen_on(const SocketAddress& address, Sharing sharing) {
  const auto failed = [&] {
    return Error::ours(Code::kSystem, Stage::kNone, address.text() + ": " + std::strerror(errno));
  };
  sockaddr_storage storage{};
  const socklen_t size = address.address.to_sockaddr(address.port, &storage);
  Fd fd(::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return failed();
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (sharing == Sharing::kShared) {
    setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  }
  if (storage.ss_family == AF_INET6) {
    // [::] and 0.0.0.0 can be configured side by side.
    setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) != 0) return failed();
  if (::listen(fd.get(), limits::kListenBacklog) != 0) return failed();
  return fd;
}

namespace {

std::optional<SocketAddress> read_address(const sockaddr_storage& storage) {
  const auto address = Address::from(reinterpret_cast<const sockaddr*>(&storage));
  if (!address) return std::nullopt;
  const in_port_t port = storage.ss_family == AF_INET
                             ? reinterpret_cast<const sockaddr_in*>(&storage)->sin_port
                             : reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port;
  return SocketAddress{*address, ntohs(port)};
}

}  // namespace

Result<SocketAddress> bound_address(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) == 0) {
    if (const auto address = read_address(storage)) return *address;
  }
  return Error::ours(Code::kSystem, Stage::kNone, "a listener is not an IP socket");
}

Result<SocketAddress> peer_address(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) == 0) {
    if (const auto address = read_address(storage)) return *address;
  }
  return Error::ours(Code::kSystem, Stage::kNone, "the connection is gone");
}

Listener::Listener(Loop& loop, Fd fd, AcceptSink& sink)
    : fd_(std::move(fd)),
      sink_(sink),
      retry_(loop, [this] { resume(); }),
      poll_(loop, fd_.get(), *this) {
  resume();
}

void Listener::pause() { poll_.watch(Poll::kNone); }

void Listener::resume() { poll_.watch(Poll::kRead); }

void Listener::on_ready(Ready ready) {
  if (ready.failed) return retry_.start(std::chrono::milliseconds(100));
  accept_some(limits::kAcceptsPerWakeup);
}

void Listener::on_out_of_memory() {
  pause();
  retry_.start(std::chrono::milliseconds(100));
}

void Listener::accept_waiting() { accept_some(limits::kListenBacklog); }

void Listener::accept_some(int most) {
  for (int i = 0; i < most; ++i) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    Fd connection(::accept4(fd_.get(), reinterpret_cast<sockaddr*>(&storage), &size,
                            SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!connection.valid()) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO) continue;
      // EMFILE, ENFILE, ENOBUFS, ENOMEM: what waits in the backlog is served when some are free.
      log::warn("cannot accept", {{"error", std::strerror(errno)}});
      pause();
      return retry_.start(std::chrono::milliseconds(100));
    }
    tune_socket(connection.get());
    const auto peer = Address::from(reinterpret_cast<const sockaddr*>(&storage));
    if (!sink_.on_accept(std::move(connection), peer.value_or(Address()))) return pause();
  }
}

}  // namespace culvert
