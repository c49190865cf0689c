// See gemini_request.h.
#include "relay/stream/gemini_request.h"

#include "relay/base/text.h"
#include "relay/codec/json_slice.h"

namespace culvert {
namespace {

std::optional<JsonSlice> either(std::optional<JsonSlice> of,
                                std::string_view camel,
                                std::string_view snake) {
  const auto found = find(of, camel);
  return found ? found : find(of, snake);
}

bool twice(JsonSlice root, std::string_view name) {
  int times = 0;
  for (const auto& [key, value] : root.members()) times += key == name ? 1 : 0;
  return times > 1;
}

bool asks_for_json(std::optional<JsonSlice> config) {
  if (either(config, "responseSchema", "response_schema")) return true;
  if (either(config, "responseJsonSchema", "response_json_schema")) return true;
  const auto type = either(config, "responseMimeType", "response_mime_type");
  return type && type->string().value_or("text/plain") != "text/plain";
}

bool forces_tools(JsonSlice root) {
  const auto calling = either(either(root, "toolConfig", "tool_config"), "functionCallingConfig",
                              "function_calling_config");
  const auto mode = find(calling, "mode");
  return mode && equal_ignoring_case(mode->string().value_or(""), "ANY");
}

// Google's JSON takes numbers as strings too.
bool several(std::optional<JsonSlice> config) {
  const auto count = either(config, "candidateCount", "candidate_count");
  if (!count) return false;
  return count->count().value_or(2) > 1 && count->string().value_or("") != "1";
}

std::string part(std::string_view text, std::string_view signature) {
  std::string out = "{\"text\":" + json_literal(text);
  if (!signature.empty()) out.append(",\"thoughtSignature\":").append(signature);
  return out + '}';
}

std::string model_turn(std::string_view text, const std::vector<SignedText>& signed_parts) {
  std::string parts;
  const auto add = [&](std::string_view piece, std::string_view signature) {
    if (piece.empty() && signature.empty()) return;
    if (!parts.empty()) parts += ',';
    parts += part(piece, signature);
  };
  size_t at = 0;
  for (const SignedText& of : signed_parts) {
    add(text.substr(at, of.begin - at), {});
    add(text.substr(of.begin, of.end - of.begin), of.signature);
    at = of.end;
  }
  add(text.substr(at), {});
  return R"({"role":"model","parts":[)" + parts + "]}";
}

}  // namespace

GeminiAsked read_gemini_request(std::string_view body) {
  if (!is_json(body)) return {"the request is no JSON", {}};
  const JsonSlice root(body);
  const auto config = either(root, "generationConfig", "generation_config");
  if (several(config)) return {"several candidates were asked for", {}};
  const auto contents = root.find("contents");
  if (!contents || !contents->is_array()) return {{}, "the request has no list of contents"};
  if (twice(root, "contents")) return {{}, "the request has contents twice"};
  if (asks_for_json(config)) return {{}, "JSON was asked for"};
  if (forces_tools(root)) return {{}, "a tool's call was asked for"};
  return {};
}

Result<std::string> gemini_continuation(std::string_view body,
                                        const ResumeState& state,
                                        const std::vector<SignedText>& signed_parts) {
  std::string turns = model_turn(state.text, signed_parts);
  if (!state.prompt.empty()) {
    turns += R"(,{"role":"user","parts":[)" + part(state.prompt, {}) + "]}";
  }
  return with_turns(body, "contents", turns);
}

}  // namespace culvert
