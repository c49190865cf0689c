// Sends a stream that is kept to a client that comes back for it, as fast as that takes it, up to
// the stream's own end. Part of the session of that client's request. Holds no events itself.
#pragma once

#include "relay/channel/loop.h"
#include "relay/flow/client_side.h"
#include "relay/flow/kept_streams.h"

#include <cstdint>
#include <memory>
#include <string_view>

namespace culvert {

class ReplayReaderSink {
 public:
  virtual ~ReplayReaderSink() = default;
  virtual void on_replay_ready() = 0;                     // pump() has more to send
  virtual void on_replayed(std::string_view events) = 0;  // the client gets them
  virtual void on_replay_over(bool whole) = 0;
};

class ReplayReader final : public Retirable, private StreamSink {
 public:
  ReplayReader(ClientSide& client, ReplayReaderSink& sink) : client_(client), sink_(&sink) {}

  // Nothing is sent before pump(). Errors: as KeptStreams::read.
  Result<void> begin(KeptStreams& streams, Loop& loop, std::string_view id, uint64_t after);
  void pump();  // and whenever the client has taken what was sent
  void stop();  // no more calls of the sink

  const StreamHead& head() const { return reader_->head(); }
  Headers trailers() const { return reader_->trailers(); }

 private:
  void on_stream_changed() override {
    if (sink_ != nullptr) sink_->on_replay_ready();
  }

  ClientSide& client_;
  ReplayReaderSink* sink_;  // null: stopped
  std::unique_ptr<KeptReader> reader_;
};

}  // namespace culvert
