// What requests say about streams that are kept (streams: Replay): that one is to be, and which one
// is read from where. Pure.
#pragma once

#include "relay/base/result.h"
#include "relay/codec/headers.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace culvert {

// X-Culvert-Replay: 1 or 0; nullopt where it is not there. Errors: kBadRequest.
Result<std::optional<bool>> replay_asked(const Headers& headers);

// Last-Event-ID: the number of the last event that the reader has; 0 where it has none.
// Errors: kBadRequest.
Result<uint64_t> last_event_of(const Headers& headers);

// Has it the form of a stream's id, 32 hexadecimal digits in lower case?
bool is_stream_id(std::string_view text);

}  // namespace culvert
