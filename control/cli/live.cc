// One poll(2) over keys, signals and the source's news.
#include "control/cli/live.h"

#include "control/cli/screen.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <thread>

namespace culvert::cli {
namespace {

// SIGWINCH and the signals that end a program, as a descriptor; blocked while it lives.
class Signals {
 public:
  Signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGWINCH, SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigaddset(&set, signal);
    pthread_sigmask(SIG_BLOCK, &set, &before_);
    fd_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals() {
    if (fd_ >= 0) ::close(fd_);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  int fd() const { return fd_; }
  // Whether one of those that end was among what came.
  bool ended() const {
    signalfd_siginfo facts{};
    bool ended = false;
    while (::read(fd_, &facts, sizeof(facts)) == static_cast<ssize_t>(sizeof(facts))) {
      ended = ended || facts.ssi_signo != SIGWINCH;
    }
    return ended;
  }

 private:
  sigset_t before_{};
  int fd_ = -1;
};

class Bell {
 public:
  Bell() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;
  ~Bell() { ::close(fd_); }
  int fd() const { return fd_; }
  void ring() const {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t count = ::write(fd_, &one, sizeof(one));
  }
  void quiet() const {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t size = ::read(fd_, &count, sizeof(count));
  }

 private:
  int fd_;
};

// Whether a key that ends was among them.
bool take_keys(View* view) {
  std::array<char, 64> keys;
  const ssize_t count = ::read(STDIN_FILENO, keys.data(), keys.size());
  if (count <= 0) return count == 0 || errno != EINTR;
  if (keys[0] == '\x1b' && count > 1) return false;  // an arrow or the like: not ours
  for (ssize_t i = 0; i < count; ++i) {
    const char key = keys[static_cast<size_t>(i)];
    if (key == 'q' || key == 'Q' || key == 3 || key == 4) return true;
    view->pressed(key);
  }
  return false;
}

Result<int> on_screen(const Terminal& terminal, View* view, const Source& source) {
  const Signals signals;
  const Bell bell;
  std::atomic<bool> source_ended = false;
  Result<void> outcome;
  std::jthread thread([&](const std::stop_token& stop) {
    outcome = source(stop, [&] { bell.ring(); });
    source_ended = true;
    bell.ring();
  });
  {
    const Screen screen(terminal);
    std::array<pollfd, 3> watched = {
        {{STDIN_FILENO, POLLIN, 0}, {signals.fd(), POLLIN, 0}, {bell.fd(), POLLIN, 0}}};
    for (bool done = false; !done && !source_ended;) {
      screen.draw(view->screen(terminal.size()));
      if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) break;
      if (watched[2].revents != 0) bell.quiet();
      if (watched[1].revents != 0) done = signals.ended();
      if (!done && watched[0].revents != 0) done = take_keys(view);
    }
  }
  thread.request_stop();
  thread.join();
  if (!outcome) return std::move(outcome).error();
  return 0;
}

}  // namespace

Result<int> run_live(const Terminal& terminal, View* view, const Source& source) {
  if (terminal.moves_cursor() && terminal.input_is_terminal()) {
    return on_screen(terminal, view, source);
  }
  CULVERT_CHECK(source({}, [&] { terminal.out(view->page()); }));
  return 0;
}

Source polling(Duration interval, std::function<Result<void>()> ask) {
  return [interval, ask = std::move(ask)](const std::stop_token& stop,
                                          const std::function<void()>& changed) -> Result<void> {
    std::mutex mutex;
    std::condition_variable_any never;
    while (!stop.stop_requested()) {
      CULVERT_CHECK(ask());
      changed();
      std::unique_lock lock(mutex);
      never.wait_for(lock, stop, interval, [] { return false; });
    }
    return {};
  };
}

void TextView::put(std::string text) {
  const std::lock_guard lock(mutex_);
  text_ = std::move(text);
}

std::string TextView::screen(Size) {
  const std::lock_guard lock(mutex_);
  return title_ + "   (q leaves)\n\n" + text_;
}

std::string TextView::page() {
  const std::lock_guard lock(mutex_);
  if (text_ == written_) return {};
  const bool first = written_.empty();
  written_ = text_;
  return first ? text_ : between_ + text_;
}

}  // namespace culvert::cli
