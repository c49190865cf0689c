// Where a continuation meets the text that the client has already. Models repeat their last words,
// begin the sentence anew or open the code block again; what the client has must not come twice,
// and nothing that it lacks may be lost. Pure.
#pragma once

#include "relay/base/clock.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace culvert {

class Seam {
 public:
  // sent: all the text that the client has. points: how many code points of its end and of the
  // continuation's beginning are compared. blanks: the end of `sent` that the upstream was not
  // shown, because it takes no blanks there; it may write them again.
  Seam(std::string_view sent, size_t points, std::string_view blanks = {});

  // How many bytes of the continuation's beginning the client has already; nothing while more of it
  // has to come to tell. To be asked after each piece, and not again after an answer.
  std::optional<size_t> feed(std::string_view text);

  // No more will come, or nobody waits any longer: the best answer that there is.
  size_t decide() const;

  // So much of it is a repetition already that waiting on for its end is worthwhile.
  bool repeats() const;
  bool empty() const { return received_.empty(); }

 private:
  struct Match {
    size_t begin = 0;    // in received_: behind a fence or an ellipsis
    size_t overlap = 0;  // bytes behind it that are the end of the text
    bool may_grow = false;
    bool grown = false;  // … and has the least length already
  };
  Match match_behind(size_t begin) const;
  size_t blanks_again(size_t begin) const;
  size_t decoration() const;
  bool decoration_may_come() const;

  std::string tail_;
  std::string blanks_;
  size_t points_;
  size_t least_points_;
  bool in_fence_ = false;  // the text stands inside a code block
  bool line_start_ = true;
  std::string received_;
};

}  // namespace culvert
