// The terminal's alternate screen without a cursor, keys coming one by one and unseen, while it
// lives; its destructor gives the terminal back as it was. Main thread.
#pragma once

#include "control/cli/terminal.h"

#include <memory>
#include <string_view>

namespace culvert::cli {

class Screen {
 public:
  explicit Screen(const Terminal& terminal);
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;
  ~Screen();

  // In place, line by line, so that nothing flickers; cut to the terminal's size.
  void draw(std::string_view lines) const;

 private:
  struct State;
  const Terminal& terminal_;
  std::unique_ptr<State> state_;
};

}  // namespace culvert::cli
