// Standard input, output and error as a person or a pipe has them. Main thread, but for what says
// otherwise. All that the program prints goes through it.
#pragma once

#include "control/cli/environment.h"
#include "relay/base/result.h"
#include "relay/base/secret.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace culvert::cli {

struct Size {
  size_t columns = 80;
  size_t rows = 24;
};

class Terminal {
 public:
  // NO_COLOR (any value but empty) and TERM=dumb take the colours away.
  explicit Terminal(const Environment& environment);

  bool input_is_terminal() const { return input_; }
  bool output_is_terminal() const { return output_; }
  bool error_is_terminal() const { return error_; }
  bool colours() const { return output_ && colours_; }
  bool error_colours() const { return error_ && colours_; }
  bool moves_cursor() const { return output_ && !dumb_; }
  Size size() const;  // of the output as it is now

  void out(std::string_view text) const;    // written at once; what nobody reads is dropped
  void error(std::string_view text) const;  // any thread
  // "culvert: TEXT" on standard error, made harmless.
  void complain(std::string_view text) const;
  void warn(std::string_view text) const;

  // One line typed without echo. kBadRequest where it was given up with Ctrl-C or Ctrl-D.
  Result<Secret> ask_secret(std::string_view question) const;
  // Yes or no; kBadRequest where nobody can be asked, naming --yes.
  Result<bool> confirm(std::string_view question) const;

 private:
  bool input_;
  bool output_;
  bool error_;
  bool dumb_;
  bool colours_;
};

}  // namespace culvert::cli
