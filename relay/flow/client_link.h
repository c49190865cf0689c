// The session's way to its client, whoever that is: the connection that asked, or, for a stream
// that is kept, nobody at times. Passes everything on as it is until the stream is to be kept: from
// then on events get their numbers here and are kept before they are sent. Owned by the session.
#pragma once

#include "relay/channel/timer.h"
#include "relay/codec/sse_numbers.h"
#include "relay/flow/client_side.h"
#include "relay/flow/kept_streams.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace culvert {

// What the session hears of a stream that is kept.
class ClientLinkSink {
 public:
  virtual ~ClientLinkSink() = default;
  virtual void on_readers_drained() = 0;  // a slow reader is no reason to wait any more
  virtual void on_nobody_reads() = 0;     // the client has left, and no reader is there just now
  virtual void on_unread() = 0;           // it was so for as long as it may
};

class ClientLink final : public ClientSide, private StreamSink {
 public:
  explicit ClientLink(ClientSide& client) : client_(&client) {}

  // From the answer's head on, which says where to read it by path(). False: there is no room.
  bool keep(KeptStreams& streams, KeptStreams::Order order, Loop& loop, ClientLinkSink& sink);
  bool kept() const { return writer_ != nullptr; }
  std::string path() const;  // only while kept()
  uint32_t readers_ever() const;

  // The connection is gone; `nobody` takes its place. Only while kept().
  void leave(ClientSide& nobody);
  bool has_reader() const;  // somebody gets what is sent
  // Half an event will not be whole any more: what follows begins another one.
  void drop_unfinished();

  // ClientSide
  const Address& peer() const override { return client_->peer(); }
  bool secure() const override { return client_->secure(); }
  void send_continue() override { client_->send_continue(); }
  void send_interim(int status, const Headers& headers) override {
    client_->send_interim(status, headers);
  }
  void send_head(AnswerHead&& head) override { client_->send_head(std::move(head)); }
  void send_body(std::string_view bytes) override;
  void send_end(const Headers& trailers) override;
  void cut() override;
  ClientTunnel become_tunnel(int status, std::string_view reason, Headers headers) override {
    return client_->become_tunnel(status, reason, std::move(headers));
  }
  size_t queued() const override;
  void pause_body() override { client_->pause_body(); }
  void resume_body() override { client_->resume_body(); }
  void session_over() override { client_->session_over(); }

 private:
  void on_stream_changed() override;
  void keep_piece(SseNumbers::Piece piece, std::string* down);
  void give_up_keeping(std::string* down);
  void watch_readers();

  ClientSide* client_;
  ClientLinkSink* sink_ = nullptr;
  std::unique_ptr<KeptWriter> writer_;
  std::unique_ptr<SseNumbers> numbers_;  // null: bytes pass as they are
  std::unique_ptr<Timer> unread_timer_;
  Duration unread_{};
  bool left_ = false;
};

}  // namespace culvert
