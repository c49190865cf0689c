// Errors that the relay makes itself, in the words of the vendor whose endpoint it stands for, so
// that the vendor's own SDK raises its own exception (surface: Errors that a relay makes itself).
#pragma once

#include "relay/base/clock.h"
#include "relay/base/dialect.h"
#include "relay/base/error.h"

#include <string>
#include <string_view>

namespace culvert {

// The JSON body that goes with http_status(error.code). kOpaque gives the relay's own form.
// Each names code, stage and request id where its vendor leaves room for them.
std::string error_body(Dialect dialect,
                       const Error& error,
                       std::string_view request_id,
                       WallTime now);

// The text of one server-sent event, with its empty line, that makes the vendor's SDK throw in the
// middle of a stream. After it the transfer must end unfinished.
std::string error_event(Dialect dialect,
                        const Error& error,
                        std::string_view request_id,
                        WallTime now);

// The sentence for people in both: the detail, or a general sentence for the code.
std::string error_message(const Error& error);

}  // namespace culvert
