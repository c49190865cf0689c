// See gemini_answer.h.
#include "relay/stream/gemini_answer.h"

#include "relay/codec/json_slice.h"
#include "relay/stream/resume_gemini.h"

#include <vector>

namespace culvert {
namespace {

using End = StreamReading::End;

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// All chunks of one answer, read as one stream. Of several candidates each event's are one text:
// that anything was said, and that an end was told, is all that is asked.
std::string_view why(const std::vector<JsonSlice>& chunks) {
  GeminiResume reader("{}", Continuation::kPrompt);
  StreamReading reading;
  bool said = false;
  for (const JsonSlice& chunk : chunks) {
    reader.read({{}, chunk.text(), {}, {}}, &reading);
    said = said || !reading.text.empty() || reading.fixed;
    switch (reading.end) {
      case End::kNone:
        break;
      case End::kStop:
        return said ? "" : "the model said nothing";
      case End::kFinal:
        return {};
      case End::kAccident:
        return said ? "" : "the model stumbled";
      case End::kError:
      case End::kRefusal:
        return "the answer is an error";
      case End::kGarbled:
        return "the answer is garbled";
    }
  }
  return "the answer stops in the middle";
}

}  // namespace

bool generates_gemini_content(std::string_view path) {
  return ends_with(path, ":generateContent") || ends_with(path, ":streamGenerateContent");
}

std::string_view why_incomplete(std::string_view json) {
  if (!is_json(json)) return "the answer is no JSON, or was cut";
  const JsonSlice root(json);
  if (root.is_array()) return why(root.elements());
  return why({root});
}

}  // namespace culvert
