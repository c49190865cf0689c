// A blocking HTTP client, plain or over TLS (with the relay's own engine), that says how an answer
// ended and never takes a cut one for whole. A time limit on the socket is the guard against hangs.
#pragma once

#include "relay/channel/tls_engine.h"
#include "tests/fakes/cpp/sockets.h"

#include <sys/time.h>

#include <cerrno>
#include <charconv>
#include <memory>
#include <string>

namespace culvert::test {

struct Answer {
  enum class End { kWhole, kClosed, kHung };
  End end = End::kClosed;
  int status = 0;  // 0: no head came
  std::string body;
};

class Client {
 public:
  // tls: null for plain HTTP
  Client(uint16_t port, std::shared_ptr<TlsClientConfig> tls) : fd_(connect_to(port)) {
    const timeval most{.tv_sec = 20, .tv_usec = 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
    if (tls == nullptr) return;
    engine_ = std::move(TlsEngine::client(std::move(tls), "localhost")).value();
    while (true) {
      const auto progress = engine_->handshake();
      push();
      if (!progress) {
        closed_ = true;
        return;
      }
      if (*progress == HandshakeProgress::kDone) return;
      if (!pull()) return;
    }
  }

  void send(std::string_view bytes) {
    if (closed_) return;
    if (engine_ == nullptr) return send_raw(bytes);
    if (engine_->write(bytes)) push();
  }

  // Reads one answer; with a `mark` only until the body holds it.
  Answer receive(std::string_view mark = {}) {
    Answer answer;
    while (true) {
      if (parse(&answer) || (!mark.empty() && answer.body.find(mark) != std::string::npos)) {
        answer.end = Answer::End::kWhole;
        return answer;
      }
      if (!read_more()) {
        answer.end = until_close_ && clean_ ? Answer::End::kWhole
                     : hung_                ? Answer::End::kHung
                                            : Answer::End::kClosed;
        return answer;
      }
    }
  }

 private:
  void send_raw(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;  // io_uring of the loops interrupts this thread
      if (sent <= 0) {
        closed_ = true;
        return;
      }
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }

  void push() {
    send_raw(engine_->out().view());
    engine_->out().clear();
  }

  // One read of the socket. False at its end, whatever kind.
  bool pull() {
    char part[65536];
    ssize_t got = -1;
    do {
      got = ::recv(fd_.get(), part, sizeof part, 0);
    } while (got < 0 && errno == EINTR);
    if (got <= 0) {
      clean_ = got == 0;
      hung_ = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
      closed_ = true;
      return false;
    }
    if (engine_ == nullptr) {
      in_.append(part, static_cast<size_t>(got));
    } else {
      engine_->feed({part, static_cast<size_t>(got)});
    }
    return true;
  }

  bool read_more() {
    if (engine_ == nullptr) return pull();
    while (true) {
      std::string_view got;
      const auto state = engine_->read(&got);
      if (!state) return false;
      if (*state == TlsEngine::ReadState::kBytes) {
        in_.append(got);
        engine_->taken();
        return true;
      }
      if (*state != TlsEngine::ReadState::kWantsInput || !pull()) return false;
    }
  }

  // Whether a whole answer lies in in_; fills in what is known of it either way.
  bool parse(Answer* answer) {
    const size_t head = in_.find("\r\n\r\n");
    if (head == std::string::npos) return false;
    std::from_chars(in_.data() + 9, in_.data() + 12, answer->status);
    size_t at = head + 4;
    answer->body.clear();
    size_t length = 0;
    if (const size_t field = in_.find("Content-Length: "); field < head) {
      std::from_chars(in_.data() + field + 16, in_.data() + head, length);
      answer->body = in_.substr(at, length);
      if (answer->body.size() < length) return false;
      in_.erase(0, at + length);
      return true;
    }
    if (in_.find("Transfer-Encoding: chunked") >= head) {
      until_close_ = true;
      answer->body = in_.substr(at);
      return false;
    }
    while (true) {
      const size_t line = in_.find("\r\n", at);
      if (line == std::string::npos) return false;
      std::from_chars(in_.data() + at, in_.data() + line, length, 16);
      if (length == 0 && in_.size() >= line + 4) {
        in_.erase(0, line + 4);
        return true;
      }
      answer->body += in_.substr(line + 2, length);
      at = line + 2 + length + 2;
      if (length == 0 || at > in_.size()) return false;
    }
  }

  Fd fd_;
  std::unique_ptr<TlsEngine> engine_;
  std::string in_;
  bool closed_ = false;
  bool until_close_ = false;  // the body ends with the connection
  bool clean_ = false;        // which ended by FIN
  bool hung_ = false;
};

}  // namespace culvert::test
