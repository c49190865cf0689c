// The life of a client's connection: handshake → (head → request → answer)* → closing.
#include "relay/edge/client_connection.h"

#include "relay/base/kept_text.h"
#include "relay/base/limits.h"
#include "relay/base/log.h"
#include "relay/codec/encode.h"
#include "relay/flow/detached_sessions.h"
#include "relay/flow/refusal.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <utility>

namespace culvert {
namespace {

// What is left of a request's body after an early answer is read and dropped up to this size, so
// that the connection can go on; with more to come it ends instead.
constexpr uint64_t kDrainableBody = 256 * 1024;

// A client that sends nothing for so long has paused, or waits for an answer that takes long: its
// buffers take memory for nothing, and those towards the upstream.
constexpr auto kRestsAfter = std::chrono::seconds(1);

// Room for what an answer's head gets here: its framing, Date and Connection.
constexpr size_t kOwnFields = 3;
constexpr size_t kOwnFieldBytes = 128;

HeadLimits head_limits(const Settings& settings) {
  return {settings.head_bytes, settings.head_fields, settings.target_bytes};
}

}  // namespace

ClientConnection::ClientConnection(ConnectionOwner& owner,
                                   WorkerServices& services,
                                   ClientConnectionOptions options,
                                   ConnectionTicket ticket)
    : owner_(owner),
      services_(services),
      options_(options),
      ticket_(std::move(ticket)),
      parser_(head_limits(services.table->settings())),
      timer_(services.loop, [this] { expired(); }),
      write_timer_(services.loop, [this] { write_expired(); }),
      again_(services.loop, [this] { parse_held(); }) {
  services_.metrics.add_connections(1);
}

ClientConnection::~ClientConnection() {
  if (channel_ != nullptr) channel_->mute();
  services_.metrics.add_connections(-1);
}

void ClientConnection::start(std::unique_ptr<Channel> channel) {
  channel_ = std::move(channel);
  if (options_.secure) {
    timer_.start(settings().handshake);
  } else {
    wait_for_request(settings().request_head);
  }
  channel_->start(*this);
}

void ClientConnection::on_tls_ready() { wait_for_request(settings().request_head); }

void ClientConnection::wait_for_request(Duration most) {
  phase_ = Phase::kIdle;
  if (draining_) most = std::min<Duration>(most, limits::kDrainFresh);
  const Duration awake = std::min<Duration>(most, kRestsAfter);
  idle_left_ = most - awake;
  timer_.start(awake);
}

void ClientConnection::on_bytes(std::string_view bytes) {
  if (phase_ == Phase::kClosing) return;  // lingering: read and dropped
  if (!held_.empty() || request_whole_ || crowded_) {
    held_.append(bytes);
    if (held_.size() > limits::kPipelined) channel_->pause();
    return;
  }
  parse(bytes);
}

// Every event of the bytes is taken before the next bytes come: events point into them.
void ClientConnection::parse(std::string_view bytes) {
  std::string later = std::move(held_);
  held_.clear();
  if (!later.empty()) bytes = later;
  while (phase_ != Phase::kClosing && !request_whole_ && !over_ && !crowded_) {
    if (phase_ == Phase::kIdle && !bytes.empty()) {
      phase_ = Phase::kHead;
      timer_.start(settings().request_head);
    }
    auto event = parser_.next(&bytes);
    if (!event) return refuse_bytes(std::move(event).error());
    if (event->kind == EventKind::kNeedMore) return;
    handle(*event);
  }
  if (phase_ != Phase::kClosing && !over_) held_.assign(bytes);
}

void ClientConnection::parse_held() {
  try {
    parse({});
  } catch (const std::bad_alloc&) {
    log::error("out of memory while handling a connection");
    return kill();
  }
  // What was held may have been above the mark at which reading stops.
  const bool waits = phase_ != Phase::kClosing && !request_whole_ && !body_paused_ && !crowded_;
  if (!over_ && waits) channel_->resume();
}

void ClientConnection::handle(const HttpEvent& event) {
  switch (event.kind) {
    case EventKind::kHead:
      return begin_request();
    case EventKind::kBody:
      if (!body_paused_) timer_.start(settings().request_body);
      if (session_ != nullptr) session_->on_request_body(event.body);
      return;
    case EventKind::kEnd:
      request_whole_ = true;
      timer_.start(kRestsAfter);
      if (session_ != nullptr) return session_->on_request_end();
      return next_request();
    case EventKind::kInterim:
    case EventKind::kNeedMore:
      return;
  }
}

void ClientConnection::begin_request() {
  RequestHead head = parser_.take_head();
  phase_ = Phase::kRequest;
  fresh_ = false;
  http10_ = head.minor_version == 0;
  head_request_ = head.method == "HEAD";
  keep_alive_ = head.keep_alive;
  // Without the 100 that it waits for, a client may leave its body out: nobody knows what comes
  // next.
  drainable_ = !head.has_body() || (head.framing == BodyFraming::kLength &&
                                    head.content_length <= kDrainableBody && !head.expect_continue);
  head_sent_ = until_close_ = answer_over_ = continue_sent_ = false;
  if (head.has_body()) {
    timer_.start(settings().request_body);
  } else {
    timer_.stop();
  }
  session_ = std::make_unique<Session>(services_, *this, std::move(head));
  services_.metrics.add_active_requests(1);
  if (options_.refuse) {
    return session_->refuse(Error::ours(Code::kOverloaded, Stage::kLimit,
                                        "the relay has as many connections as it may"));
  }
  session_->start();
}

void ClientConnection::refuse_bytes(Error error) {
  if (session_ != nullptr) {
    keep_alive_ = drainable_ = false;
    return session_->on_request_broken(std::move(error));
  }
  if (phase_ != Phase::kRequest) {  // there is no session for what could not be read
    http10_ = head_request_ = keep_alive_ = head_sent_ = until_close_ = false;
    answer_refusal(services_, *this, error);
  }
  close_after_flush(Channel::Finish::kClean);
}

void ClientConnection::send_continue() {
  if (continue_sent_ || head_sent_) return;
  continue_sent_ = true;
  drainable_ = false;
  channel_->write("HTTP/1.1 100 Continue\r\n\r\n");
}

void ClientConnection::send_interim(int status, const Headers& headers) {
  if (http10_ || head_sent_) return;
  channel_->write(encode_response_head(status, {}, headers));
  watch_writes();
}

void ClientConnection::send_head(AnswerHead&& head) {
  head_sent_ = true;
  body_kind_ = head.body;
  until_close_ = head.body == AnswerHead::Body::kUnknown && http10_;
  keep_alive_ =
      keep_alive_ && !head.close && !draining_ && !until_close_ && (request_whole_ || drainable_);
  Headers fields = std::move(head.headers);
  fields.reserve(fields.size() + kOwnFields, fields.bytes() + kOwnFieldBytes);
  switch (head.body) {
    case AnswerHead::Body::kLength:
      fields.add("Content-Length", fmt::to_string(head.content_length));
      break;
    case AnswerHead::Body::kUnknown:
      if (!http10_) fields.add("Transfer-Encoding", "chunked");
      if (!http10_ && !head.trailer.empty()) fields.add("Trailer", head.trailer);
      break;
    case AnswerHead::Body::kNone:
      if (head.tell_length) fields.add("Content-Length", fmt::to_string(head.content_length));
      break;
  }
  if (!fields.find("date")) {
    std::string date = http_date(services_.clock.wall());
    fields.add("Date", date);
    keep_text(std::move(date));
  }
  if (!keep_alive_) {
    fields.add("Connection", "close");
  } else if (http10_) {
    fields.add("Connection", "keep-alive");
  }
  std::string text = encode_response_head(head.status, head.reason, fields);
  channel_->write(text);
  keep_text(std::move(text));
  watch_writes();
}

void ClientConnection::send_body(std::string_view bytes) {
  if (bytes.empty() || head_request_) return;
  if (body_kind_ == AnswerHead::Body::kUnknown && !http10_) {
    channel_->write(ChunkSize(bytes.size()).view());
    channel_->write(bytes);
    channel_->write(kChunkEnd);
  } else {
    channel_->write(bytes);
  }
  watch_writes();
}

void ClientConnection::send_end(const Headers& trailers) {
  if (body_kind_ == AnswerHead::Body::kUnknown && !http10_ && !head_request_) {
    channel_->write(encode_last_chunk(trailers));
    watch_writes();
  }
  answer_over_ = true;
}

ClientTunnel ClientConnection::become_tunnel(int status, std::string_view reason, Headers headers) {
  head_sent_ = true;
  keep_alive_ = false;
  channel_->write(encode_response_head(status, reason, headers));
  phase_ = Phase::kTunnel;
  timer_.stop();
  write_timer_.stop();
  again_.stop();
  channel_->stop_watching_vanishing();
  return {std::move(channel_), std::exchange(held_, {})};
}

void ClientConnection::cut() {
  if (phase_ == Phase::kTunnel) return;
  if (!until_close_) return close_after_flush(Channel::Finish::kCut);
  if (over_ || phase_ == Phase::kClosing) return;
  // A body that ends with the connection looks whole whatever way TCP ends it, but for a reset: no
  // FIN may go before it, and what is still queued has the time of a closing connection.
  channel_->reset_on_close();
  phase_ = Phase::kClosing;
  held_.clear();
  channel_->pause();
  timer_.start(channel_->queued() == 0 ? Duration::zero() : limits::kLingerTimeout);
}

void ClientConnection::pause_body() {
  if (body_paused_) return;
  body_paused_ = true;
  timer_.stop();
  channel_->pause();
}

void ClientConnection::resume_body() {
  if (!body_paused_) return;
  body_paused_ = false;
  if (phase_ == Phase::kRequest && !request_whole_) timer_.start(settings().request_body);
  channel_->resume();
}

void ClientConnection::session_over() {
  services_.metrics.add_active_requests(-1);
  services_.loop.retire(std::move(session_));
  if (phase_ == Phase::kClosing || over_) return;
  if (phase_ == Phase::kTunnel) return over();
  resume_body();
  if (!keep_alive_) return close_after_flush(Channel::Finish::kClean);
  if (request_whole_) next_request();
}

// The request is read to its end and answered.
void ClientConnection::next_request() {
  if (!keep_alive_ || draining_) return close_after_flush(Channel::Finish::kClean);
  request_whole_ = false;
  wait_for_request(settings().keep_alive);
  // A client that sends requests and reads no answers gets no further ones until it reads.
  crowded_ = channel_->queued() > limits::kHighWater;
  if (crowded_) return channel_->pause();
  if (!held_.empty()) again_.start(Duration::zero());
  channel_->resume();
}

void ClientConnection::on_end(bool /*clean*/) {
  // A client that sends no more while it waits for an answer has left: SDKs and browsers never
  // half-close, and an answer that nobody reads costs money.
  client_gone();
}

void ClientConnection::on_failed(Error error) {
  const bool handshake = phase_ == Phase::kHandshake;
  client_gone();  // needs no memory, which counting may; this object lives on until it is buried
  if (!handshake) return;
  services_.metrics.count_refused("tls_handshake");
  log::debug("a client's TLS handshake failed", {{"error", error.detail}});
}

void ClientConnection::client_gone() {
  if (over_) return;
  if (session_ != nullptr) {
    phase_ = Phase::kClosing;
    const bool stays = session_->outlives_client() && services_.detached->take(&session_);
    if (!stays) session_->on_client_gone();
  }
  over();
}

void ClientConnection::on_drained() {
  if (session_ != nullptr) return session_->on_client_drained();
  if (!std::exchange(crowded_, false) || phase_ == Phase::kClosing) return;
  if (!held_.empty()) again_.start(Duration::zero());
  channel_->resume();
}

void ClientConnection::close_after_flush(Channel::Finish how) {
  if (over_ || phase_ == Phase::kClosing) return;
  phase_ = Phase::kClosing;
  held_.clear();
  channel_->finish(how);
  channel_->resume();  // until the client closes too, so that no reset overtakes the answer
  timer_.start(limits::kLingerTimeout);
}

void ClientConnection::expired() {
  switch (phase_) {
    case Phase::kHandshake:
      services_.metrics.count_refused("handshake_timeout");
      return over();
    case Phase::kIdle:  // the write timer ends a reader that takes nothing of the last answer
      if (channel_->queued() > 0) return timer_.start(settings().keep_alive);
      if (idle_left_ == Duration::zero()) return over();
      channel_->rest();
      return timer_.start(std::exchange(idle_left_, Duration::zero()));
    case Phase::kHead:
      return refuse_bytes(Error::client(Code::kRequestTimeout, Stage::kRequest,
                                        "the request's head did not arrive in time"));
    case Phase::kRequest:
      if (request_whole_) return rest();
      return refuse_bytes(
          Error::client(Code::kRequestTimeout, Stage::kRequest, "the request's body stood still"));
    case Phase::kTunnel:
      return;
    case Phase::kClosing:
      if (channel_->queued() > 0) return timer_.start(limits::kLingerTimeout);
      return over();
  }
}

void ClientConnection::rest() {
  channel_->rest();
  if (session_ != nullptr) session_->rest();
}

void ClientConnection::watch_writes() {
  if (write_timer_.running()) return;
  acknowledged_ = channel_->acknowledged();
  write_timer_.start(settings().write);
}

void ClientConnection::write_expired() {
  if (channel_->queued() == 0) return;
  if (channel_->acknowledged() != acknowledged_) return watch_writes();
  services_.metrics.count_refused("slow_reader");
  channel_->reset_on_close();
  client_gone();
}

void ClientConnection::drain() {
  draining_ = true;
  if (phase_ != Phase::kIdle) return;
  if (!fresh_) return close_after_flush(Channel::Finish::kClean);
  idle_left_ = Duration::zero();
  timer_.start(limits::kDrainFresh);
}

void ClientConnection::kill() {
  if (channel_ != nullptr) channel_->reset_on_close();
  client_gone();
}

void ClientConnection::over() {
  if (over_) return;
  over_ = true;
  timer_.stop();
  write_timer_.stop();
  again_.stop();
  if (channel_ != nullptr) channel_->mute();
  owner_.connection_over(*this);
}

const Settings& ClientConnection::settings() const { return services_.table->settings(); }

}  // namespace culvert
