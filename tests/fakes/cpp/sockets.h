// Plain loopback sockets for tests: the peers of what is tested, and a count of descriptors for
// tests that look for leaks.
#pragma once

#include "relay/base/address.h"
#include "relay/channel/fd.h"
#include "relay/channel/listener.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <utility>

namespace culvert::test {

inline SocketAddress loopback(uint16_t port = 0, const char* address = "127.0.0.1") {
  return {Address::parse(address).value(), port};
}

inline uint16_t port_of(int fd) { return bound_address(fd)->port; }

// A blocking socket, connected.
inline Fd connect_to(uint16_t port, const char* address = "127.0.0.1") {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage storage{};
  const socklen_t size = loopback(port, address).address.to_sockaddr(port, &storage);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size), 0);
  return fd;
}

inline void set_nonblocking(const Fd& fd) {
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
}

// Both ends of one TCP connection: ours, non-blocking, and the peer's.
inline std::pair<Fd, Fd> tcp_pair() {
  auto listening = listen_on(loopback());
  EXPECT_TRUE(listening);
  Fd peer = connect_to(port_of(listening->get()));
  ::fcntl(listening->get(), F_SETFL, 0);  // the accept below waits
  Fd ours(::accept4(listening->get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  EXPECT_TRUE(ours.valid());
  return {std::move(ours), std::move(peer)};
}

inline void send_all(const Fd& fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ASSERT_GT(sent, 0);
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
}

// What lies ready, without waiting.
inline std::string take_ready(const Fd& fd) {
  std::string all;
  char part[65536];
  while (true) {
    const ssize_t got = ::recv(fd.get(), part, sizeof part, MSG_DONTWAIT);
    if (got <= 0) return all;
    all.append(part, static_cast<size_t>(got));
  }
}

// Closes so that the peer gets a reset.
inline void reset(Fd fd) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

inline size_t open_descriptors() {
  size_t count = 0;
  DIR* folder = ::opendir("/proc/self/fd");
  while (::readdir(folder) != nullptr) ++count;
  ::closedir(folder);
  return count;
}

}  // namespace culvert::test
