// The usual answer comes in one read; the next request is written from within it.
#include "tests/bench/load/connection.h"

#include "tests/bench/load/now.h"

#include <algorithm>
#include <cerrno>

namespace culvert::bench {
namespace {

constexpr std::array<char, 262144> kFiller{};

}  // namespace

void Connection::open() {
  opened_ns_ = now_ns();
  quiet_checks_ = 0;
  const Target& target = dialing_.target;
  Descriptor fd(socket(target.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail(ErrorKind::kConnect);
  const int done =
      connect(fd.fd(), reinterpret_cast<const sockaddr*>(&target.address), target.size);
  if (done != 0 && errno != EINPROGRESS) return fail(ErrorKind::kConnect);
  wire_.open(std::move(fd));
  stage_ = Stage::kConnecting;
  watched_ = EPOLLOUT;
  dialing_.poller.add(wire_.fd(), watched_, this);
}

void Connection::on_events(uint32_t events) {
  wire_.woken();
  quiet_checks_ = 0;
  if (stage_ == Stage::kConnecting) return established();
  if (stage_ == Stage::kHandshake) return shake_hands();
  if ((events & EPOLLOUT) != 0) {
    send_rest();
    if (stage_ != Stage::kWaiting) return;
  }
  read_all();
}

void Connection::established() {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(wire_.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return fail(ErrorKind::kConnect);
  watch(EPOLLIN);
  const Target& target = dialing_.target;
  if (!target.context) {
    stage_ = Stage::kIdle;
    return steps_.on_connected(*this);
  }
  stage_ = Stage::kHandshake;
  wire_.open_client_tls(target.context.get(), target.name, session_.get());
  SSL_set_app_data(wire_.ssl(), &session_);
  shake_hands();
}

void Connection::shake_hands() {
  const Transfer done = wire_.shake_hands();
  if (done.flow == Flow::kBlocked) return;
  if (done.flow != Flow::kMoved) return fail(ErrorKind::kTls);
  ++dialing_.tally.handshakes;
  if (SSL_session_reused(wire_.ssl()) == 1) ++dialing_.tally.resumed;
  stage_ = Stage::kIdle;
  steps_.on_connected(*this);
}

void Connection::send(const Request& request, int64_t started_ns) {
  request_ = &request;
  sent_ = 0;
  started_ns_ = started_ns;
  in_body_ = false;
  quiet_checks_ = 0;
  stage_ = Stage::kWaiting;
  ++dialing_.tally.requests;
  send_rest();
}

void Connection::send_rest() {
  const uint64_t size = request_->bytes.size();
  while (sent_ < size + request_->filler_bytes) {
    const std::string_view next =
        sent_ < size ? std::string_view(request_->bytes).substr(sent_)
                     : std::string_view(kFiller.data(),
                                        std::min(size + request_->filler_bytes - sent_,
                                                 uint64_t{kFiller.size()}));
    const Transfer put = wire_.write(next);
    if (put.flow == Flow::kBlocked) return watch(EPOLLIN | EPOLLOUT);
    if (put.flow != Flow::kMoved) return fail(ErrorKind::kClosed);
    sent_ += put.bytes;
    dialing_.tally.bytes_out += put.bytes;
  }
  watch(EPOLLIN);
}

void Connection::read_all() {
  for (;;) {
    const Transfer got = wire_.read(dialing_.buffer.data(), dialing_.buffer.size());
    if (got.flow == Flow::kBlocked) return;
    if (got.flow != Flow::kMoved) return ended(got.flow);
    dialing_.tally.bytes_in += got.bytes;
    if (stage_ != Stage::kWaiting) return fail(ErrorKind::kParse);  // nobody asked
    if (!take({dialing_.buffer.data(), got.bytes})) return;
  }
}

// false: the answer is over, or the connection failed.
bool Connection::take(std::string_view in) {
  while (!in.empty()) {
    if (!in_body_) {
      if (!take_head(in)) return stage_ == Stage::kWaiting;
    }
    while (!body_.whole() && !in.empty()) {
      std::string_view piece;
      if (body_.take(in, piece) == BodyReader::Found::kBroken) {
        fail(ErrorKind::kParse);
        return false;
      }
      if (!piece.empty()) steps_.on_body(*this, piece);
    }
    if (!body_.whole()) return true;
    if (in.empty()) {
      answered();
    } else {
      fail(ErrorKind::kParse);
    }
    return false;
  }
  return true;
}

// false: there is more to come, or it failed.
bool Connection::take_head(std::string_view& in) {
  const HeadCollector::Found found = collector_.take(in);
  if (found == HeadCollector::Found::kMore) return false;
  const Head head = read_head(collector_.head());
  status_ = head.status();
  if (found == HeadCollector::Found::kTooLong || status_ == 0) {
    fail(ErrorKind::kParse);
    return false;
  }
  collector_.clear();
  if (status_ < 200) return !in.empty() && take_head(in);  // 100 Continue
  reusable_ = !head.close;
  body_.begin(head, /*until_end=*/true);
  in_body_ = true;
  steps_.on_head(*this);
  return true;
}

void Connection::ended(Flow flow) {
  if (stage_ == Stage::kIdle) {
    close();
    return steps_.on_lost(*this);
  }
  if (in_body_ && body_.until_end() && flow == Flow::kEnded) {
    reusable_ = false;
    return answered();
  }
  fail(in_body_ || collector_.begun() ? ErrorKind::kShort : ErrorKind::kClosed);
}

void Connection::answered() {
  stage_ = Stage::kIdle;
  ++dialing_.tally.answers;
  // What was not sent yet, the peer does not want.
  if (sent_ < request_->bytes.size() + request_->filler_bytes) reusable_ = false;
  steps_.on_answer(*this);
}

void Connection::check_alive() {
  const bool waits = stage_ != Stage::kClosed && stage_ != Stage::kIdle;
  if (waits && ++quiet_checks_ > kQuietChecks) fail(ErrorKind::kTimeout);
}

void Connection::watch(uint32_t events) {
  if (watched_ == events) return;
  watched_ = events;
  dialing_.poller.change(wire_.fd(), events, this);
}

void Connection::fail(ErrorKind kind) {
  close();
  steps_.on_failure(*this, kind);
}

void Connection::close() {
  wire_.close();
  collector_.clear();
  in_body_ = false;
  stage_ = Stage::kClosed;
}

}  // namespace culvert::bench
