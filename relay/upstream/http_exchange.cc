// Events of the answer, in order; a pause may be asked for between any two.
#include "relay/upstream/http_exchange.h"

#include "relay/base/log.h"
#include "relay/codec/encode.h"

#include <fmt/format.h>

#include <new>

namespace culvert {

HttpExchange::HttpExchange(Loop& loop,
                           Connection connection,
                           ExchangeOptions options,
                           HttpExchangeSink& sink)
    : connection_(std::move(connection)),
      options_(options),
      sink_(&sink),
      parser_(options.head_request, options.upgrade),
      timer_(loop, [this] { on_timer(); }) {
  written_before_ = connection_.channel->written();
  connection_.channel->start(*this);
  connection_.channel->resume();
}

HttpExchange::~HttpExchange() {
  if (connection_.channel != nullptr) connection_.channel->mute();
}

void HttpExchange::send_head(std::string_view head) {
  connection_.channel->write(head);
  timer_.start(options_.first_byte);
}

void HttpExchange::send_body(std::string_view bytes) {
  if (bytes.empty()) return;
  if (options_.chunked_body) {
    connection_.channel->write(ChunkSize(bytes.size()).view());
    connection_.channel->write(bytes);
    connection_.channel->write(kChunkEnd);
  } else {
    connection_.channel->write(bytes);
  }
  if (!head_arrived_) timer_.start(options_.first_byte);
}

void HttpExchange::end_body() {
  body_sent_ = true;
  if (options_.chunked_body) connection_.channel->write(kLastChunk);
}

void HttpExchange::pause() {
  if (paused_) return;
  paused_ = true;
  timer_.stop();
  connection_.channel->pause();
}

void HttpExchange::resume() {
  if (!paused_) return;
  paused_ = false;
  if (!ended_ && head_arrived_) timer_.start(options_.idle);
  connection_.channel->resume();
}

void HttpExchange::release(Connector* connector) {
  sink_ = nullptr;
  timer_.stop();
  if (connection_.channel == nullptr) return;
  connection_.channel->mute();
  if (connector == nullptr || !reusable()) return;
  try {
    connector->give_back(std::move(connection_));
  } catch (const std::bad_alloc&) {
    log::error("out of memory while a connection was kept");  // it closes with this exchange
  }
}

Switched HttpExchange::take_channel() {
  sink_ = nullptr;
  ended_ = true;
  timer_.stop();
  return {std::move(connection_.channel), std::move(switched_)};
}

bool HttpExchange::reusable() const {
  return ended_ && keep_alive_ && body_sent_ && !excess_ && connection_.channel->queued() == 0;
}

void HttpExchange::on_bytes(std::string_view bytes) {
  if (ended_) {
    excess_ = true;
    return;
  }
  while (sink_ != nullptr) {
    auto event = parser_.next(&bytes);
    if (!event) return fail(std::move(event).error());
    if (event->kind == EventKind::kNeedMore) return;
    if (event->kind == EventKind::kHead && parser_.head().status == 101) switched_ = bytes;
    if (event->kind == EventKind::kEnd) excess_ = !bytes.empty();
    if (!handle(*event)) return;
  }
}

bool HttpExchange::handle(const HttpEvent& event) {
  switch (event.kind) {
    case EventKind::kInterim:
      timer_.start(options_.first_byte);
      // 100 answers an expectation that the relay has met itself.
      if (parser_.head().status != 100) sink_->on_interim_answer(parser_.head());
      return true;
    case EventKind::kHead:
      head_arrived_ = true;
      keep_alive_ = parser_.head().keep_alive;
      timer_.start(options_.idle);
      sink_->on_answer_head(parser_.head());
      return parser_.head().status != 101;
    case EventKind::kBody:
      if (!paused_) timer_.start(options_.idle);
      sink_->on_answer_body(event.body);
      return true;
    case EventKind::kEnd:
      ended_ = true;
      timer_.stop();
      sink_->on_answer_end();
      return false;
    case EventKind::kNeedMore:
      return false;
  }
  return false;
}

void HttpExchange::on_end(bool clean) {
  if (ended_ || sink_ == nullptr) return;
  keep_alive_ = false;
  peer_ended_ = true;
  auto event = parser_.finish(clean);
  if (!event) return fail(std::move(event).error());
  ended_ = true;
  timer_.stop();
  sink_->on_answer_end();
}

void HttpExchange::on_drained() {
  if (sink_ != nullptr) sink_->on_upload_drained();
}

void HttpExchange::on_failed(Error error) {
  if (ended_) return;
  error.fault = error.fault == Fault::kOurs ? Fault::kOurs : Fault::kUpstream;
  fail(std::move(error));
}

void HttpExchange::on_timer() {
  if (head_arrived_) {
    return fail(
        Error::upstream(Code::kIdleTimeout, Stage::kBody, Retry::kNever,
                        fmt::format("the upstream sent nothing for {} s", seconds(options_.idle))));
  }
  fail(Error::upstream(
      Code::kFirstByteTimeout, Stage::kFirstByte, Retry::kNever,
      fmt::format("the upstream did not answer within {} s", seconds(options_.first_byte))));
}

bool HttpExchange::untouched() const {
  return peer_ended_ && connection_.channel->acknowledged() <= written_before_;
}

void HttpExchange::fail(Error error) {
  if (sink_ == nullptr || ended_) return;
  ended_ = true;
  keep_alive_ = false;
  timer_.stop();
  if (error.stage == Stage::kNone || error.stage == Stage::kTls) {
    error.stage = head_arrived_ ? Stage::kBody : body_sent_ ? Stage::kFirstByte : Stage::kSend;
  }
  const bool died = error.code == Code::kUpstreamClosed || error.code == Code::kTlsFailed;
  if (died && connection_.legs.reused && !parser_.started() &&
      (options_.idempotent || untouched())) {
    error.retry = Retry::kFreshConnection;
  }
  HttpExchangeSink* sink = std::exchange(sink_, nullptr);
  connection_.channel->mute();
  sink->on_exchange_failed(std::move(error));
}

}  // namespace culvert
