// What changes before one's eyes: a view that is drawn again in the terminal's alternate screen, or
// written out once more on a pipe, whenever its source says that it changed.
// The source runs on a thread of its own where there is a screen; the view is shared with it.
#pragma once

#include "control/cli/terminal.h"
#include "relay/base/clock.h"
#include "relay/base/result.h"

#include <functional>
#include <mutex>
#include <stop_token>
#include <string>

namespace culvert::cli {

class View {
 public:
  virtual ~View() = default;
  virtual std::string screen(Size size) = 0;  // lines; what does not fit is cut
  virtual std::string page() = 0;             // for a pipe; empty: nothing to write now
  virtual void pressed(char) {}               // a key that the screen does not take itself
};

// Blocks until the stop; calls the function at each change.
using Source =
    std::function<Result<void>(const std::stop_token& stop, const std::function<void()>& changed)>;

// On a screen until q, Ctrl-C, SIGTERM or SIGHUP, and the terminal is then as it was before; on a
// pipe until the source ends. Must begin before the process has other threads: the signals that it
// waits for are taken from all of them.
Result<int> run_live(const Terminal& terminal, View* view, const Source& source);

// A source that asks at an interval: `ask` makes the view's next state.
Source polling(Duration interval, std::function<Result<void>()> ask);

// The simplest view: a text, with a line above it on a screen.
class TextView final : public View {
 public:
  // `between`: what stands between two pages.
  TextView(std::string title, std::string between)
      : title_(std::move(title)), between_(std::move(between)) {}
  void put(std::string text);  // any thread
  std::string screen(Size size) override;
  std::string page() override;  // only where it is not what was written last

 private:
  const std::string title_;
  const std::string between_;
  std::mutex mutex_;
  std::string text_;
  std::string written_;
};

}  // namespace culvert::cli
