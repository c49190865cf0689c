// Bytes in order, both ways, between us and one peer: TCP, TLS over it, or memory in tests.
// Owned by whoever talks to the peer; on one loop; may be destroyed at any time but inside its own
// sink's callbacks, where it is muted and its owner retired instead.
#pragma once

#include "relay/base/error.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace culvert {

class ChannelSink {
 public:
  virtual ~ChannelSink() = default;
  // Bytes that arrived; valid during the call.
  virtual void on_bytes(std::string_view bytes) = 0;
  // That many bytes came and went on to the channel of forward_to(), behind all that was written
  // there. What that has not taken yet is in its queue; empty again, it calls on_drained().
  virtual void on_forwarded(size_t /*bytes*/) {}
  // The peer sends no more. `clean`: it said so (close_notify; for plain TCP, FIN); a TLS stream
  // that ended by FIN alone may have been cut by anybody. Writing may go on. While reading is
  // paused and vanishing is watched, this comes before bytes that were not read.
  virtual void on_end(bool clean) = 0;
  // The queue of written bytes fell to the low-water mark after it had been above the high one.
  virtual void on_drained() = 0;
  // Dead: reset, I/O or TLS error. Nothing comes after it.
  virtual void on_failed(Error error) = 0;
};

class Channel {
 public:
  virtual ~Channel() = default;

  virtual void start(ChannelSink& sink) = 0;  // from now on the sink is called
  virtual void mute() = 0;                    // and from now on no more

  // Takes all bytes; the caller watches queued() against its high-water mark before it writes more.
  virtual void write(std::string_view bytes) = 0;
  virtual size_t queued() const = 0;
  // Bytes that the peer's system has acknowledged so far, as they are on the wire (RFC 4898,
  // tcpEStatsAppHCThruOctetsAcked): what never arrived was never acted upon.
  virtual uint64_t acknowledged() const = 0;
  // What acknowledged() is once all that was written so far has arrived.
  virtual uint64_t written() = 0;
  // For an idle connection: true while the peer has neither sent nor closed.
  virtual bool quiet() const = 0;

  virtual void pause() = 0;  // no on_bytes until resume()
  virtual void resume() = 0;
  // From now on a peer's end is told in its order, behind all bytes, also while reading is paused:
  // it may be half a close.
  virtual void stop_watching_vanishing() {}

  // Nothing is expected for a while: memory that only traffic needs may go. Cheap, but not for each
  // message.
  virtual void rest() {}

  // Bulk that arrives here may from now on go to `to` without passing through the sink: where both
  // can, while the queue there is empty, and until mute(), before which `to` stays. Nowhere else
  // than between two plain TCP connections is it possible.
  virtual void forward_to(Channel& /*to*/) {}

  // Sends what is queued, then ends our side: kClean says that it was all (close_notify, FIN); kCut
  // leaves the close_notify out, so that no reader can take it for the whole. Reading goes on.
  enum class Finish : uint8_t { kClean, kCut };
  virtual void finish(Finish how) = 0;
  // Makes the destructor reset the connection (RST), so that nobody takes it for a whole message.
  virtual void reset_on_close() = 0;
};

}  // namespace culvert
