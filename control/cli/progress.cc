// Drawn ten times a second, from the second second on.
#include "control/cli/progress.h"

#include "control/cli/display.h"

#include <array>
#include <chrono>

namespace culvert::cli {

Progress::Progress(const Terminal& terminal, std::string what)
    : terminal_(terminal), what_(std::move(what)) {
  if (terminal_.error_is_terminal()) thread_ = std::thread([this] { turn(); });
}

Progress::~Progress() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Progress::say(std::string what) {
  const std::lock_guard lock(mutex_);
  what_ = std::move(what);
}

void Progress::turn() {
  static constexpr std::array<const char*, 4> kShapes = {"|", "/", "-", "\\"};
  std::unique_lock lock(mutex_);
  const auto ended = [this] { return ended_; };
  if (changed_.wait_for(lock, std::chrono::seconds(1), ended)) return;
  for (size_t step = 0;; ++step) {
    terminal_.error("\r" + cut_to_width(kShapes[step % 4] + (" " + clean(what_)), 78) + "\x1b[K");
    if (changed_.wait_for(lock, std::chrono::milliseconds(100), ended)) break;
  }
  terminal_.error("\r\x1b[K");
}

}  // namespace culvert::cli
