// A small HTTP/1.1 upstream without TLS, on a thread of the test's own that no fault touches:
//   /hello   five bytes with a length
//   /echo    how many bytes of body came, in decimal
//   /events  a stream of events in chunks, whole
//   /stuck   the first event of a stream, and then nothing until the reader leaves
#pragma once

#include "tests/fakes/cpp/sockets.h"
#include "tests/integration/faults/faults.h"

#include <poll.h>

#include <atomic>
#include <charconv>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace culvert::test {

inline const std::string kEvents =
    "data: {\"one\":1}\n\ndata: {\"two\":2}\n\ndata: {\"three\":3}\n\ndata: [DONE]\n\n";

class PlainUpstream {
 public:
  PlainUpstream() : listening_(std::move(listen_on(loopback())).value()) {
    port_ = port_of(listening_.get());
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    wake_read_ = Fd(ends[0]);
    wake_write_ = Fd(ends[1]);
    thread_ = std::thread([this] { serve(); });
  }
  PlainUpstream(const PlainUpstream&) = delete;
  PlainUpstream& operator=(const PlainUpstream&) = delete;
  ~PlainUpstream() {
    wake_write_.reset();
    thread_.join();
  }

  uint16_t port() const { return port_; }
  // Whether every answer ends its connection, so that the relay has none to use again.
  void close_after_answers(bool close) { close_.store(close); }

 private:
  static std::string chunk(std::string_view bytes) {
    char size[16];
    const auto end = std::to_chars(size, size + sizeof size, bytes.size(), 16).ptr;
    return std::string(size, end) + "\r\n" + std::string(bytes) + "\r\n";
  }

  // The answer to the request at the front, which is taken out; empty where it is not whole.
  std::string answer(std::string* in) const {
    const size_t head = in->find("\r\n\r\n");
    if (head == std::string::npos) return {};
    size_t length = 0;
    if (const size_t at = in->find("Content-Length: "); at < head) {
      std::from_chars(in->data() + at + 16, in->data() + head, length);
    }
    if (in->size() < head + 4 + length) return {};
    const std::string target = in->substr(in->find(' ') + 1, in->find(" HTTP") - in->find(' ') - 1);
    in->erase(0, head + 4 + length);
    const std::string start =
        std::string("HTTP/1.1 200 OK\r\n") + (close_.load() ? "Connection: close\r\n" : "");
    const std::string stream =
        start + "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    if (target == "/stuck") return stream + chunk(kEvents.substr(0, 17));
    if (target == "/events") {
      std::string all = stream;
      for (size_t at = 0; at < kEvents.size(); at += 13) all += chunk(kEvents.substr(at, 13));
      return all + "0\r\n\r\n";
    }
    const std::string body = target == "/echo" ? std::to_string(length) : "hello";
    return start + "Content-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
  }

  void serve() {
    exempt_this_thread();
    std::map<int, std::pair<Fd, std::string>> connections;
    while (true) {
      std::vector<pollfd> watched{{wake_read_.get(), POLLIN, 0}, {listening_.get(), POLLIN, 0}};
      for (const auto& item : connections) watched.push_back({item.first, POLLIN, 0});
      ::poll(watched.data(), watched.size(), -1);
      if (watched[0].revents != 0) return;
      if (watched[1].revents != 0) {
        Fd fd(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        const int number = fd.get();
        if (fd.valid()) connections[number] = std::pair(std::move(fd), std::string());
      }
      for (size_t i = 2; i < watched.size(); ++i) {
        if (watched[i].revents == 0) continue;
        auto& [fd, in] = connections[watched[i].fd];
        char part[65536];
        const ssize_t got = ::recv(fd.get(), part, sizeof part, 0);
        if (got <= 0) {
          connections.erase(watched[i].fd);
          continue;
        }
        in.append(part, static_cast<size_t>(got));
        const std::string out = answer(&in);
        static_cast<void>(::send(fd.get(), out.data(), out.size(), MSG_NOSIGNAL));
      }
    }
  }

  Fd listening_;
  Fd wake_read_;
  Fd wake_write_;
  uint16_t port_ = 0;
  std::atomic<bool> close_{false};
  std::thread thread_;
};

}  // namespace culvert::test
