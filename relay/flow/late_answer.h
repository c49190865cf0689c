// An upstream's answer that is no event stream, where the client has the head of one already, since
// heartbeats had begun: its error comes as an event, in the vendor's own words where they fit.
// Owned by the session.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/dialect.h"
#include "relay/base/error.h"

#include <string>
#include <string_view>

namespace culvert {

class LateAnswer {
 public:
  explicit LateAnswer(int status) : status_(status) {}

  // Of the body. False: no more of it is of use, for it is no error, or larger than any.
  bool see(std::string_view bytes);
  // For the log, and for the client where the vendor's words are no error of its dialect.
  Error error() const;
  // Behind it the transfer must end unfinished.
  std::string event(Dialect dialect, std::string_view request_id, WallTime now) const;

 private:
  const int status_;
  std::string body_;
};

}  // namespace culvert
