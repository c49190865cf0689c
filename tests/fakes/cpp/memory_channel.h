// A Channel in memory, for tests of what speaks over one: the test is the peer. What is written is
// kept for the test to read; what the test says arrives whole or split wherever it asks.
#pragma once

#include "relay/channel/channel.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace culvert::test {

// What a test sees of a channel, also after its owner has destroyed it. Owned by the test.
struct MemoryPeer {
  // --- what the other side did
  std::string written;
  bool destroyed = false;
  bool muted = false;
  bool paused = false;
  bool finished = false;
  bool reset = false;
  int rests = 0;
  // --- how the channel is to answer
  uint64_t acknowledged = 0;
  bool acknowledges = true;  // what is written counts as acknowledged at once
  bool quiet = true;
  size_t queued = 0;

  // Bytes that arrive in pieces of the given size; 0: in one. Stops while reading is paused, as a
  // socket would, and returns what was not taken.
  std::string say(std::string_view bytes, size_t piece = 0) {
    while (!bytes.empty() && sink != nullptr && !paused) {
      const size_t part = piece == 0 ? bytes.size() : std::min(piece, bytes.size());
      const std::string copy(bytes.substr(0, part));  // gone after the call, as a loop's scratch is
      bytes.remove_prefix(part);
      sink->on_bytes(copy);
    }
    return std::string(bytes);
  }
  void end(bool clean) {
    if (sink != nullptr) sink->on_end(clean);
  }
  void fail(Error error) {
    if (sink != nullptr) sink->on_failed(std::move(error));
  }
  void drain() {
    if (sink != nullptr) sink->on_drained();
  }

  ChannelSink* sink = nullptr;
};

class MemoryChannel final : public Channel {
 public:
  explicit MemoryChannel(MemoryPeer& peer) : peer_(peer) {}
  ~MemoryChannel() override {
    peer_.sink = nullptr;
    peer_.destroyed = true;
  }

  void start(ChannelSink& sink) override {
    peer_.sink = &sink;
    peer_.muted = false;
  }
  void mute() override {
    peer_.sink = nullptr;
    peer_.muted = true;
  }
  void write(std::string_view bytes) override {
    sent_ = written() + bytes.size();
    peer_.written += bytes;
    if (peer_.acknowledges) peer_.acknowledged += bytes.size();
  }
  size_t queued() const override { return peer_.queued; }
  uint64_t acknowledged() const override { return peer_.acknowledged; }
  uint64_t written() override {
    if (sent_ == 0) sent_ = peer_.acknowledged;
    return sent_;
  }
  bool quiet() const override { return peer_.quiet; }
  void pause() override { peer_.paused = true; }
  void resume() override { peer_.paused = false; }
  void rest() override { ++peer_.rests; }
  void finish(Finish) override { peer_.finished = true; }
  void reset_on_close() override { peer_.reset = true; }

 private:
  MemoryPeer& peer_;
  uint64_t sent_ = 0;
};

}  // namespace culvert::test
