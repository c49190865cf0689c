// POSIX terminals: termios, TIOCGWINSZ, ECMA-48 sequences.
#include "control/cli/terminal.h"

#include "control/cli/display.h"
#include "control/cli/table.h"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

namespace culvert::cli {
namespace {

constexpr size_t kMostTyped = 64 * 1024;

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    text.remove_prefix(static_cast<size_t>(count));
  }
}

// Without echo, and without signals, so that Ctrl-C cannot leave the terminal like this.
class Hidden {
 public:
  Hidden() {
    if (tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios now = before_;
    now.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG | ICANON);
    now.c_cc[VMIN] = 1;
    now.c_cc[VTIME] = 0;
    set_ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &now) == 0;
  }
  Hidden(const Hidden&) = delete;
  Hidden& operator=(const Hidden&) = delete;
  ~Hidden() {
    if (set_) tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
  }

 private:
  termios before_{};
  bool set_ = false;
};

}  // namespace

Terminal::Terminal(const Environment& environment)
    : input_(isatty(STDIN_FILENO) != 0),
      output_(isatty(STDOUT_FILENO) != 0),
      error_(isatty(STDERR_FILENO) != 0),
      dumb_(variable(environment, "TERM") == "dumb"),
      colours_(!dumb_ && variable(environment, "NO_COLOR").empty()) {}

Size Terminal::size() const {
  winsize facts{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &facts) != 0 || facts.ws_col == 0) return {};
  return {facts.ws_col, facts.ws_row == 0 ? size_t{24} : facts.ws_row};
}

void Terminal::out(std::string_view text) const { write_all(STDOUT_FILENO, text); }

void Terminal::error(std::string_view text) const { write_all(STDERR_FILENO, text); }

void Terminal::complain(std::string_view text) const {
  error(painted("culvert:", Colour::kRed, error_colours()) + " " + clean_lines(text) + "\n");
}

void Terminal::warn(std::string_view text) const {
  error(painted("culvert:", Colour::kYellow, error_colours()) + " " + clean_lines(text) + "\n");
}

Result<Secret> Terminal::ask_secret(std::string_view question) const {
  const Hidden hidden;  // before the question: who sees it may type at once
  error(std::string(question) + ": ");
  std::string typed;
  const auto given_up = [&] {
    wipe(typed.data(), typed.size());
    error("\n");
    return Error::client(Code::kBadRequest, Stage::kNone, "nothing was typed");
  };
  for (char c = 0;;) {
    const ssize_t count = ::read(STDIN_FILENO, &c, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0 || c == 3 || (c == 4 && typed.empty())) return given_up();
    if (c == '\n' || c == '\r' || c == 4) break;
    if (c == 127 || c == 8) {
      if (!typed.empty()) typed.pop_back();
    } else if (c == 21) {  // Ctrl-U
      typed.clear();
    } else if (typed.size() < kMostTyped) {
      typed += c;
    }
  }
  if (typed.empty()) return given_up();
  error("\n");
  Secret secret(typed);
  wipe(typed.data(), typed.size());
  return secret;
}

Result<bool> Terminal::confirm(std::string_view question) const {
  if (!input_) {
    return Error::client(Code::kBadRequest, Stage::kNone,
                         clean(question) + " Nobody can be asked here: --yes says so");
  }
  error(clean(question) + " [y/N] ");
  std::string answer;
  for (char c = 0;;) {
    const ssize_t count = ::read(STDIN_FILENO, &c, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0 || c == '\n') break;
    if (answer.size() < 16) answer += c;
  }
  return answer == "y" || answer == "Y" || answer == "yes" || answer == "Yes";
}

}  // namespace culvert::cli
