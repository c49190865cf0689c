// Answers that the relay makes itself: errors in the dialect of the endpoint, and local pages.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/dialect.h"
#include "relay/base/error.h"
#include "relay/flow/client_side.h"

#include <string>
#include <string_view>

namespace culvert {

struct LocalAnswer {
  AnswerHead head;  // with its length
  std::string body;
};

// surface: "Errors that a relay makes itself". `connect`: a CONNECT request, whose 401 is a 407.
LocalAnswer error_answer(const Error& error,
                         Dialect dialect,
                         std::string_view request_id,
                         WallTime now,
                         bool connect = false);

LocalAnswer text_answer(int status, std::string_view type, std::string body, std::string_view id);

void send(ClientSide& client, LocalAnswer answer);

}  // namespace culvert
