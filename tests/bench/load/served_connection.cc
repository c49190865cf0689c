// The usual request comes in one read and is answered by one write, without memory taken.
#include "tests/bench/load/served_connection.h"

#include "tests/bench/load/now.h"

#include <fmt/format.h>

namespace culvert::bench {
namespace {

constexpr size_t kBeginning = 4096;  // of a body, in which its "bench" is looked for
constexpr std::array<char, 65536> kFiller{};

}  // namespace

std::string Counts::json() const {
  return fmt::format(
      R"({{"connections":{},"handshakes":{},"resumed":{},"tls_failed":{},"requests":{},)"
      R"("broken":{},"body_bytes":{},"streams":{},"streams_left":{},"events":{}}})",
      connections, handshakes, resumed, tls_failed, requests, broken, body_bytes, streams,
      streams_left, events);
}

void ServedConnection::open(Descriptor fd, SSL_CTX* context) {
  wire_.open(std::move(fd));
  if (context != nullptr) wire_.open_server_tls(context);
  stage_ = context == nullptr ? Stage::kHead : Stage::kHandshake;
  ++serial_;
  ++serving_.counts.connections;
  watched_ = EPOLLIN;
  serving_.poller.add(wire_.fd(), watched_, this);
}

void ServedConnection::on_events(uint32_t events) {
  wire_.woken();
  if (stage_ == Stage::kHandshake && !handshaken()) return;
  if ((events & EPOLLOUT) != 0 || stage_ == Stage::kAnswer) return flush();
  read_all();
}

bool ServedConnection::handshaken() {
  const Transfer done = wire_.shake_hands();
  if (done.flow == Flow::kBlocked) return false;
  if (done.flow != Flow::kMoved) {
    ++serving_.counts.tls_failed;
    close();
    return false;
  }
  ++serving_.counts.handshakes;
  if (SSL_session_reused(wire_.ssl()) == 1) ++serving_.counts.resumed;
  stage_ = Stage::kHead;
  return true;
}

void ServedConnection::read_all() {
  while (stage_ == Stage::kHead || stage_ == Stage::kBody || stage_ == Stage::kStream) {
    const Transfer got = wire_.read(serving_.buffer.data(), serving_.buffer.size());
    if (got.flow == Flow::kBlocked) return;
    if (got.flow != Flow::kMoved) {
      if (stage_ == Stage::kStream) ++serving_.counts.streams_left;
      return close();
    }
    take_all({serving_.buffer.data(), got.bytes});
  }
}

// A client here waits for its answer: what comes before it is sent is no request of ours.
void ServedConnection::take_all(std::string_view in) {
  while (!in.empty()) {
    if (stage_ != Stage::kHead && stage_ != Stage::kBody) return fail();
    if (!take_request(in)) return;
  }
}

// false: more bytes are needed, or the connection is closed.
bool ServedConnection::take_request(std::string_view& in) {
  if (stage_ == Stage::kHead) {
    const HeadCollector::Found found = collector_.take(in);
    if (found == HeadCollector::Found::kTooLong) fail();
    if (found != HeadCollector::Found::kWhole) return false;
    const Head head = read_head(collector_.head());
    if (!begin_request(head)) return true;
  }
  while (!body_.whole() && !in.empty()) {
    std::string_view piece;
    if (body_.take(in, piece) == BodyReader::Found::kBroken) {
      fail();
      return false;
    }
    take_body(piece);
  }
  if (!body_.whole()) return false;
  answer();
  return stage_ != Stage::kClosed;
}

// false: the request was one for the counts, and is answered.
bool ServedConnection::begin_request(const Head& head) {
  if (head.path() == "/counts") {
    const std::string counts = serving_.counts.json() + "\n";
    collector_.clear();
    stage_ = Stage::kAnswer;
    write(fmt::format(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
        counts.size(), counts));
    return false;
  }
  path_.assign(head.path());
  header_.assign(head.bench);
  beginning_.clear();
  close_after_ = head.close;
  body_.begin(head, /*until_end=*/false);
  collector_.clear();
  stage_ = Stage::kBody;
  if (head.expects_continue && !body_.whole()) {
    std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    put(go_on);
  }
  return true;
}

void ServedConnection::take_body(std::string_view piece) {
  serving_.counts.body_bytes += piece.size();
  if (beginning_.size() < kBeginning) {
    beginning_.append(piece.substr(0, kBeginning - beginning_.size()));
  }
}

void ServedConnection::answer() {
  ++serving_.counts.requests;
  spec_ = read_spec(path_, header_, beginning_);
  close_after_ = close_after_ || spec_.close;
  stage_ = Stage::kAnswer;
  switch (spec_.kind) {
    case Spec::Kind::kJson:
      return write(serving_.answers.json(close_after_));
    case Spec::Kind::kSse:
      return begin_stream();
    case Spec::Kind::kBulk:
      filler_left_ = spec_.bytes;
      return write(serving_.answers.bulk_head(spec_.bytes));
  }
}

void ServedConnection::begin_stream() {
  ++serving_.counts.streams;
  event_ = 0;
  const double period = static_cast<double>(kSecond) / spec_.rate;
  due_ns_ = now_ns() + static_cast<int64_t>(serving_.schedule.next_phase() * period);
  serving_.schedule.add({due_ns_, this, serial_});
  stage_ = Stage::kStream;
  write(serving_.answers.stream_head());
}

// A reader that is too slow gets its events later, and all of them.
void ServedConnection::on_due(uint64_t serial) {
  if (serial != serial_ || stage_ != Stage::kStream) return;
  if (!out_.empty()) return serving_.schedule.add({now_ns() + kMillisecond, this, serial_});
  const std::string_view event = serving_.answers.event(spec_, event_);
  ++event_;
  ++serving_.counts.events;
  if (event_ == spec_.events) {
    stage_ = Stage::kAnswer;
  } else {
    due_ns_ += static_cast<int64_t>(static_cast<double>(kSecond) / spec_.rate);
    serving_.schedule.add({due_ns_, this, serial_});
  }
  write(event);
}

void ServedConnection::write(std::string_view bytes) {
  if (!put(bytes)) return close();
  if (!bytes.empty()) {
    out_.assign(bytes);
    out_at_ = 0;
    return watch(EPOLLOUT);
  }
  if (filler_left_ > 0) return flush();
  if (stage_ == Stage::kAnswer) answer_sent();
}

void ServedConnection::flush() {
  std::string_view left = std::string_view(out_).substr(out_at_);
  if (!put(left)) return close();
  out_at_ = out_.size() - left.size();
  if (!left.empty()) return watch(EPOLLOUT);
  out_.clear();
  out_at_ = 0;
  while (filler_left_ > 0) {
    const size_t size = static_cast<size_t>(std::min<uint64_t>(filler_left_, kFiller.size()));
    std::string_view filler(kFiller.data(), size);
    if (!put(filler)) return close();
    filler_left_ -= size - filler.size();
    if (!filler.empty()) return watch(EPOLLOUT);
  }
  if (stage_ == Stage::kAnswer) return answer_sent();
  watch(EPOLLIN);
}

// Writes from the front of `bytes` until it is empty or would block. false: the client is gone.
bool ServedConnection::put(std::string_view& bytes) {
  while (!bytes.empty()) {
    const Transfer put = wire_.write(bytes);
    if (put.flow == Flow::kBlocked) return true;
    if (put.flow != Flow::kMoved) return false;
    bytes.remove_prefix(put.bytes);
  }
  return true;
}

void ServedConnection::answer_sent() {
  if (close_after_) return close();
  stage_ = Stage::kHead;
  watch(EPOLLIN);
}

void ServedConnection::watch(uint32_t events) {
  if (watched_ == events) return;
  watched_ = events;
  serving_.poller.change(wire_.fd(), events, this);
}

void ServedConnection::fail() {
  ++serving_.counts.broken;
  close();
}

void ServedConnection::close() {
  if (stage_ == Stage::kClosed) return;
  wire_.close();
  stage_ = Stage::kClosed;
  ++serial_;
  collector_.clear();
  out_.clear();
  out_at_ = 0;
  filler_left_ = 0;
  close_after_ = false;
  serving_.free.push_back(this);
}

}  // namespace culvert::bench
