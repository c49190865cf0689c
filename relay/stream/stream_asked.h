// Whether a request asks for an event stream, as far as itself tells: OpenAI's and Anthropic's by
// `"stream": true` in the body, Gemini's by the method in the path with `alt=sse`. Pure.
#pragma once

#include "relay/base/dialect.h"

#include <string_view>

namespace culvert {

// path: with its query. False for what is opaque: nobody knows what its client can read.
bool asks_for_events(Dialect dialect, std::string_view path, std::string_view body);

}  // namespace culvert
