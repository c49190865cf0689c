// termios, and xterm's 1049 as every terminal of today takes it.
#include "control/cli/screen.h"

#include "control/cli/display.h"

#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <string>

namespace culvert::cli {

struct Screen::State {
  termios before{};
  bool known = false;
};

Screen::Screen(const Terminal& terminal) : terminal_(terminal), state_(std::make_unique<State>()) {
  state_->known = tcgetattr(STDIN_FILENO, &state_->before) == 0;
  if (state_->known) {
    termios now = state_->before;
    now.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | ISIG);
    now.c_cc[VMIN] = 1;
    now.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &now);
  }
  terminal_.out("\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J");
}

Screen::~Screen() {
  terminal_.out("\x1b[?25h\x1b[?1049l");
  if (state_->known) tcsetattr(STDIN_FILENO, TCSADRAIN, &state_->before);
}

void Screen::draw(std::string_view lines) const {
  const Size size = terminal_.size();
  std::string out = "\x1b[H";
  for (size_t row = 0; row < size.rows && !lines.empty(); ++row) {
    const size_t end = std::min(lines.find('\n'), lines.size());
    if (row > 0) out += "\r\n";
    out += cut_to_width(lines.substr(0, end), size.columns) + "\x1b[K";
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  terminal_.out(out + "\x1b[J");
}

}  // namespace culvert::cli
