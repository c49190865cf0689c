// Connections are taken until none is waiting; events that are due are sent between two polls.
#include "tests/bench/load/server.h"

#include "tests/bench/load/now.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace culvert::bench {

bool Listener::open(uint16_t port, std::string& error) {
  fd_.reset(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(fd_.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(fd_.fd(), generic, size) != 0 || listen(fd_.fd(), SOMAXCONN) != 0) {
    error = fmt::format("port {}: {}", port, std::strerror(errno));
    return false;
  }
  getsockname(fd_.fd(), generic, &size);
  port_ = ntohs(address.sin_port);
  return server_.serving().poller.add(fd_.fd(), EPOLLIN, this);
}

void Listener::on_events(uint32_t) {
  for (;;) {
    const int fd = accept4(fd_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    server_.accept(Descriptor(fd), context_.get());
  }
}

void Server::accept(Descriptor fd, SSL_CTX* context) {
  if (serving_.free.empty()) {
    connections_.push_back(std::make_unique<ServedConnection>(serving_));
    serving_.free.push_back(connections_.back().get());
  }
  ServedConnection* connection = serving_.free.back();
  serving_.free.pop_back();
  connection->open(std::move(fd), context);
}

void Server::run() {
  while (!end_.ended()) {
    serving_.poller.poll(std::min(serving_.schedule.next_ns(), now_ns() + kSecond));
    const int64_t now = now_ns();
    while (serving_.schedule.next_ns() <= now) {
      const Schedule::Due due = serving_.schedule.take();
      due.stream->on_due(due.serial);
    }
  }
}

}  // namespace culvert::bench
