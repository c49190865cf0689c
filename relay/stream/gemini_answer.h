// Whether an answer of Gemini's that did not stream is one: Google answers 200 to calls whose
// answer is empty or stops in the middle (streams: Recovery, 4 and 5). Pure.
#pragma once

#include <string_view>

namespace culvert {

// path: as it goes up, without the query. Only these have candidates.
bool generates_gemini_content(std::string_view path);

// Why the body of a 2xx is not to be passed on as a success; empty where it is whole. Also of the
// JSON list that streamGenerateContent gives without `alt=sse`.
std::string_view why_incomplete(std::string_view json);

}  // namespace culvert
