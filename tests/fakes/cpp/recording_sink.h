// A channel's sink that keeps what it is told, for tests to look at; `then` runs after each call,
// so that a test can pause, write or end things from inside.
#pragma once

#include "relay/channel/channel.h"

#include <functional>
#include <optional>
#include <string>

namespace culvert::test {

class RecordingSink final : public ChannelSink {
 public:
  void on_bytes(std::string_view more) override {
    bytes += more;
    ++reads;
    if (then) then();
  }
  void on_forwarded(size_t more) override {
    forwarded += more;
    if (then) then();
  }
  void on_end(bool was_clean) override {
    ++ends;
    clean = was_clean;
    if (then) then();
  }
  void on_drained() override {
    ++drained;
    if (then) then();
  }
  void on_failed(Error error) override {
    ++failures;
    failed = std::move(error);
    if (then) then();
  }

  std::string bytes;
  int reads = 0;
  size_t forwarded = 0;
  int ends = 0;
  bool clean = false;
  int drained = 0;
  int failures = 0;
  std::optional<Error> failed;
  std::function<void()> then;
};

}  // namespace culvert::test
