// See client_link.h.
#include "relay/flow/client_link.h"

#include "relay/base/limits.h"
#include "relay/route/target.h"

#include <utility>

namespace culvert {

bool ClientLink::keep(KeptStreams& streams,
                      KeptStreams::Order order,
                      Loop& loop,
                      ClientLinkSink& sink) {
  unread_ = order.settings.unread;
  const size_t most = order.settings.stream_bytes;
  writer_ = streams.keep(
      std::move(order), [&loop](std::function<void()> task) { loop.post(std::move(task)); },
      static_cast<StreamSink&>(*this));
  if (writer_ == nullptr) return false;
  sink_ = &sink;
  numbers_ = std::make_unique<SseNumbers>(most);
  unread_timer_ = std::make_unique<Timer>(loop, [this] { sink_->on_unread(); });
  return true;
}

std::string ClientLink::path() const { return std::string(kStreamsPath).append(writer_->id()); }

uint32_t ClientLink::readers_ever() const {
  return writer_ == nullptr ? 0 : writer_->readers_ever();
}

void ClientLink::leave(ClientSide& nobody) {
  client_ = &nobody;
  left_ = true;
  watch_readers();
}

bool ClientLink::has_reader() const { return !left_ || writer_->readers() > 0; }

void ClientLink::drop_unfinished() {
  if (numbers_ != nullptr) numbers_->take_unfinished();
}

void ClientLink::send_body(std::string_view bytes) {
  if (numbers_ == nullptr) return client_->send_body(bytes);
  std::string down;
  while (auto piece = numbers_->next(&bytes)) keep_piece(*std::move(piece), &down);
  if (numbers_->overflowed()) give_up_keeping(&down);
  client_->send_body(down);
}

// Kept before it is sent: what a client has got, it can say.
void ClientLink::keep_piece(SseNumbers::Piece piece, std::string* down) {
  if (!left_) down->append(piece.text);
  if (piece.id > 0) writer_->append(std::move(piece.text));
}

// An event that does not fit into what is kept of a stream. The client gets it as it comes.
void ClientLink::give_up_keeping(std::string* down) {
  down->append(numbers_->take_unfinished());
  numbers_.reset();
  writer_->forget();
  if (left_) unread_timer_->start(Duration::zero());
}

void ClientLink::send_end(const Headers& trailers) {
  if (numbers_ != nullptr) {
    std::string down;
    if (auto piece = numbers_->end()) keep_piece(*std::move(piece), &down);
    client_->send_body(down);
  }
  if (writer_ != nullptr) writer_->end(trailers);
  client_->send_end(trailers);
}

void ClientLink::cut() {
  if (writer_ != nullptr) writer_->cut();
  client_->cut();
}

// A reader that would lose events holds the stream back as a full queue does.
size_t ClientLink::queued() const {
  if (writer_ != nullptr && writer_->blocked()) return limits::kHighWater + 1;
  return client_->queued();
}

void ClientLink::on_stream_changed() {
  watch_readers();
  if (!writer_->blocked()) sink_->on_readers_drained();
}

void ClientLink::watch_readers() {
  if (has_reader()) return unread_timer_->stop();
  if (unread_timer_->running()) return;
  unread_timer_->start(unread_);
  sink_->on_nobody_reads();
}

}  // namespace culvert
