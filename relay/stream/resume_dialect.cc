// See resume_dialect.h.
#include "relay/stream/resume_dialect.h"

#include "relay/base/limits.h"
#include "relay/codec/json_slice.h"
#include "relay/stream/resume_anthropic.h"
#include "relay/stream/resume_chat.h"
#include "relay/stream/resume_gemini.h"
#include "relay/stream/resume_responses.h"

#include <utility>

namespace culvert {
namespace {

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

}  // namespace

void reuse(std::string* text) {
  constexpr size_t kKeptBytes = 4 * limits::kKiB;
  text->clear();
  if (text->capacity() > kKeptBytes) std::string().swap(*text);
}

void StreamReading::clear() {
  StreamReading fresh;
  fresh.text.swap(text);
  fresh.why.swap(why);
  reuse(&fresh.text);
  reuse(&fresh.why);
  *this = std::move(fresh);
}

std::unique_ptr<ResumeDialect> resume_dialect(Dialect dialect,
                                              std::string_view path,
                                              std::string_view request_body,
                                              Continuation continuation) {
  if (dialect == Dialect::kGemini && ends_with(path, ":streamGenerateContent")) {
    return std::make_unique<GeminiResume>(request_body, continuation);
  }
  if (dialect == Dialect::kAnthropic && ends_with(path, "/messages")) {
    const bool prefill = continuation != Continuation::kPrompt;
    return std::make_unique<AnthropicResume>(request_body, prefill);
  }
  if (dialect == Dialect::kOpenAi && ends_with(path, "/chat/completions")) {
    return std::make_unique<ChatResume>(request_body, continuation);
  }
  if (dialect == Dialect::kOpenAi && ends_with(path, "/responses")) {
    return std::make_unique<ResponsesResume>(request_body);
  }
  return nullptr;
}

Result<std::string> with_turns(std::string_view body,
                               std::string_view name,
                               std::string_view turns) {
  const bool fits = body.size() <= limits::kResumeBodyBytes;
  const auto list = fits && is_json(body) ? JsonSlice(body).find(name) : std::nullopt;
  if (!list || !list->is_array()) {
    return Error::ours(Code::kInternal, Stage::kBody, "the request cannot be continued");
  }
  const std::string_view bracket = list->text().substr(list->text().size() - 1);
  const std::string comma = list->elements().empty() ? "" : ",";
  return replaced(body, bracket, comma + std::string(turns) + ']');
}

}  // namespace culvert
