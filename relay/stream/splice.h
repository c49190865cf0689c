// Two connections made one: what arrives at either side goes out at the other, byte for byte, until
// both have said their end or one broke. Owned by who conducts a tunnel; on one loop.
// An end of one side is passed on behind its bytes, and the other direction goes on (half-close). A
// reset, or an end of TLS that may be a cut, becomes a reset: nobody may take it for the whole.
#pragma once

#include "relay/channel/channel.h"
#include "relay/channel/loop.h"
#include "relay/channel/timer.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace culvert {

// How a splice ended.
struct SpliceEnd {
  enum class Cause : uint8_t {
    kWhole,        // both sides said their end, and all has gone out
    kClient,       // it broke off
    kDestination,  // it broke off
    kIdle,         // no byte went either way for too long
    kTotal,        // it took too long as a whole
    kClosed,       // close()
    kOutOfMemory,
  };
  Cause cause = Cause::kWhole;
  std::string detail;  // a sentence; of what broke off
};

class SpliceSink {
 public:
  virtual ~SpliceSink() = default;
  // Once, and never from inside a call of the sink's owner but close(). The splice may be retired.
  virtual void on_splice_over(SpliceEnd end) = 0;
};

class Splice final {
 public:
  enum Side : size_t { kClient, kDestination };
  // An end of TLS that may be a cut: a reset for the other side, or passed on as it came where the
  // protocol inside says itself what is whole.
  enum class Cuts : uint8_t { kBreakOff, kPassOn };
  struct Timers {
    Duration idle{};   // zero: none
    Duration total{};  // zero: none
    Cuts cuts = Cuts::kBreakOff;
  };

  Splice(Loop& loop, Timers timers, SpliceSink& sink);
  Splice(const Splice&) = delete;
  Splice& operator=(const Splice&) = delete;
  ~Splice();

  // Both are open; either may be paused. first: what the client had said already.
  void start(std::unique_ptr<Channel> client,
             std::unique_ptr<Channel> destination,
             std::string_view first);

  // That arrived from a side; `first` counts.
  uint64_t bytes_from(Side side) const { return ends_[side].bytes; }

  // For a relay that ends: both sides get an end; a side that has not taken all gets a reset.
  void close();

 private:
  // One side, and the sink of its channel.
  struct End final : public ChannelSink {
    void on_bytes(std::string_view arrived) override { splice->arrived(*this, arrived); }
    void on_forwarded(size_t count) override { splice->forwarded(*this, count); }
    void on_end(bool clean) override { splice->ended(*this, clean); }
    void on_drained() override { splice->drained(*this); }
    void on_failed(Error error) override { splice->failed(*this, std::move(error)); }

    Splice* splice = nullptr;
    End* other = nullptr;
    std::unique_ptr<Channel> channel;
    uint64_t bytes = 0;
    uint64_t acknowledged = 0;  // at the last look
    bool ended = false;
    bool held = false;  // its reading is paused until the other side has taken what there is
  };

  void arrived(End& from, std::string_view bytes);
  void forwarded(End& from, size_t count);
  void hold(End& from);
  void ended(End& from, bool clean);
  void drained(End& to);
  void failed(End& from, Error error);
  void break_off(End& from, SpliceEnd end);
  void look();
  void look_at_broken();
  void idle_expired();
  bool progressed();
  void watch_idle();
  void finish_both(SpliceEnd::Cause cause);
  void over(SpliceEnd end);

  const Timers timers_;
  SpliceSink& sink_;
  std::array<End, 2> ends_;
  End* broken_to_ = nullptr;  // who gets a reset, once it has what went before
  SpliceEnd end_;             // why
  bool over_ = false;
  Duration lingered_{};
  Timer idle_;
  Timer total_;
  Timer look_;
};

}  // namespace culvert
