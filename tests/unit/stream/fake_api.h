// Model APIs as pure functions: what they stream, how they go on when asked to, and what a client
// makes of the bytes that it got. For the tests of taking streams up again.
#pragma once

#include "relay/base/dialect.h"
#include "relay/codec/json_slice.h"
#include "relay/codec/sse_blocks.h"
#include "relay/codec/utf8.h"
#include "relay/stream/resume_dialect.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace culvert::test {

// How a model goes on with a text.
enum class Manner { kExact, kRepeats, kRestarts, kFence, kDots, kEmptyFirst };
inline constexpr Manner kManners[] = {Manner::kExact, Manner::kRepeats, Manner::kRestarts,
                                      Manner::kFence, Manner::kDots,    Manner::kEmptyFirst};

// What a client has read. error: something said that the answer failed.
struct Seen {
  std::string text, thoughts;
  int finishes = 0, tools = 0;
  bool behind_finish = false, error = false, broken = false, marker = false;
  uint64_t output = 0;  // tokens, as the last event that tells them says
};

inline std::vector<std::string> in_pieces(std::string_view text, size_t points = 7) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::string_view piece = first_points(text, points);
    out.emplace_back(piece);
    text.remove_prefix(piece.size());
  }
  return out;
}

inline bool in_code(std::string_view text) {
  size_t fences = 0;
  for (size_t at = 0; (at = text.find("```", at)) != std::string_view::npos; at += 3) ++fences;
  return fences % 2 == 1;
}

inline std::string last_words(std::string_view sent) {
  return std::string(count_points(sent) >= 8 ? last_points(sent, 20) : std::string_view());
}

inline std::string last_sentence(std::string_view sent) {
  size_t begin = 0;
  for (const std::string_view end : {". ", "。", "\n", "، "}) {
    const size_t at = sent.rfind(end);
    if (at != std::string_view::npos) begin = std::max(begin, at + end.size());
  }
  const std::string_view sentence = sent.substr(begin);
  const size_t points = count_points(sentence);
  const bool all = begin == 0 && points >= 3;
  return std::string((points >= 8 || all) && points <= 256 ? sentence : std::string_view());
}

// What the model says when it is asked to go on behind `sent`; attempt: the second is 2.
inline std::string go_on(Manner manner, std::string_view full, std::string_view sent, int attempt) {
  const std::string rest(full.substr(sent.size()));
  switch (manner) {
    case Manner::kExact:
      break;
    case Manner::kRepeats:
      return last_words(sent) + rest;
    case Manner::kRestarts:
      return last_sentence(sent) + rest;
    case Manner::kFence:
      return (in_code(sent) ? "```python\n" : "") + rest;
    case Manner::kDots:
      return last_words(sent).empty() ? rest : "… " + last_words(sent) + rest;
    case Manner::kEmptyFirst:
      return attempt == 2 ? "" : rest;
  }
  return rest;
}

// The events' data (and types) of a stream, read as a client reads.
template <class Visit>
void each_event(std::string_view bytes, Visit visit) {
  SseParser parser;
  while (const auto event = parser.next(&bytes)) visit(*event);
}

class FakeApi {
 public:
  explicit FakeApi(std::string text) : text_(std::move(text)) {}
  virtual ~FakeApi() = default;

  virtual Dialect dialect() const = 0;
  virtual std::string path() const = 0;
  virtual std::string request() const = 0;
  // The whole answer to the original request.
  virtual std::string stream(int attempt) const = 0;
  virtual std::string continued(std::string_view said, int attempt) const = 0;
  // Of the request for a continuation: the text that the model is shown; "!" with a reason where
  // the request is wrong.
  virtual std::string shown(const ResumeRequest& request) const = 0;
  virtual Seen look(std::string_view bytes) const = 0;
  virtual std::string error_event() const = 0;

  std::string answer(const ResumeRequest& request, Manner manner, int attempt) const {
    if (request.kind == ResumeRequest::Kind::kOriginal) return stream(attempt);
    return continued(go_on(manner, text_, shown(request), attempt), attempt);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

class FakeGemini : public FakeApi {
 public:
  using FakeApi::FakeApi;
  std::string line_end = "\n";
  bool thinks = true;
  bool signs = false;
  bool calls = false;       // a tool, behind the text
  bool apart = false;       // the end in an event of its own
  std::string config = {};  // generationConfig and what stands beside it

  Dialect dialect() const override { return Dialect::kGemini; }
  std::string path() const override { return "/v1beta/models/gemini-5:streamGenerateContent"; }
  std::string request() const override {
    return R"({"contents": [ {"role":"user","parts":[{"text":"hi"}]} ])" + config +
           R"(, "seed": 12345678901234567890})";
  }
  std::string event(std::string_view parts,
                    std::string_view reason,
                    int attempt,
                    int tokens) const {
    std::string data =
        R"({"candidates":[{"content":{"parts":[)" + std::string(parts) + R"(],"role":"model"})";
    if (!reason.empty()) data += R"(,"finishReason":")" + std::string(reason) + '"';
    data += R"(,"index":0}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":)" +
            std::to_string(tokens) + R"(},"responseId":"r)" + std::to_string(attempt) + "\"}";
    return "data: " + data + line_end + line_end;
  }
  std::string stream(int attempt) const override {
    std::string out;
    if (thinks) {
      for (const char* thought : {"Let me ", "think."}) {
        out +=
            event(R"({"text":")" + std::string(thought) + R"(","thought":true})", "", attempt, 1);
      }
    }
    return out + continued(text(), attempt);
  }
  std::string continued(std::string_view said, int attempt) const override {
    std::string out;
    const auto pieces = in_pieces(said);
    int tokens = 1;
    for (size_t i = 0; i < pieces.size(); ++i) {
      std::string part = R"({"text":)" + json_literal(pieces[i]);
      if (signs && i % 3 == 1) part += R"(,"thoughtSignature":"s)" + std::to_string(i) + '"';
      const bool last = i + 1 == pieces.size() && !apart && !calls;
      out += event(part + "}", last ? "STOP" : "", attempt, ++tokens);
    }
    if (calls) {
      out += event(R"({"functionCall":{"name":"f","args":{"x":1}}})", "", attempt, ++tokens);
    }
    if (pieces.empty() || apart || calls) out += event(R"({"text":""})", "STOP", attempt, ++tokens);
    return out;
  }
  std::string shown(const ResumeRequest& request) const override {
    const std::string& body = request.body;
    const std::string own = this->request();
    const size_t bracket = own.find(" ]") + 1;
    if (body.substr(0, bracket) != own.substr(0, bracket)) return "!the beginning changed";
    const size_t rest = own.size() - bracket;
    if (body.substr(body.size() - rest) != own.substr(bracket)) return "!the rest changed";
    if (!is_json(body)) return "!no JSON";
    const auto turns = JsonSlice(body).find("contents")->elements();
    if (turns.size() != 3) return "!turns";
    if (text_member(turns[1], "role") != "model") return "!role";
    if (text_member(turns[2], "role") != "user") return "!role of the prompt";
    std::string out;
    for (const JsonSlice& part : turns[1].find("parts")->elements()) {
      if (part.find("thought")) return "!a thought";
      out += text_member(part, "text");
    }
    return out;
  }
  Seen look(std::string_view bytes) const override {
    Seen seen;
    each_event(bytes, [&](const SseEvent& event) { look_at(event, &seen); });
    seen.marker = seen.finishes > 0;
    return seen;
  }
  std::string error_event() const override {
    return R"(data: {"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}})" +
           line_end + line_end;
  }

 private:
  static void look_at(const SseEvent& event, Seen* seen) {
    if (event.data.empty()) return;
    seen->behind_finish = seen->behind_finish || seen->finishes > 0;
    if (!is_json(event.data)) seen->broken = true;
    const JsonSlice root(event.data);
    seen->error = seen->error || root.find("error");
    if (const auto usage = find(root.find("usageMetadata"), "candidatesTokenCount")) {
      seen->output = usage->count().value_or(0);
    }
    const auto candidates = root.find("candidates");
    if (!candidates) return;
    const JsonSlice candidate = candidates->elements().at(0);
    if (candidate.find("finishReason")) ++seen->finishes;
    for (const JsonSlice& part : find(candidate.find("content"), "parts")->elements()) {
      (part.find("thought") ? seen->thoughts : seen->text) += text_member(part, "text");
      if (part.find("functionCall")) ++seen->tools;
    }
  }
};

class FakeChat : public FakeApi {
 public:
  using FakeApi::FakeApi;
  bool calls = false;

  Dialect dialect() const override { return Dialect::kOpenAi; }
  std::string path() const override { return "/v1/chat/completions"; }
  std::string request() const override {
    return R"({"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]})";
  }
  std::string event(std::string_view delta, std::string_view reason, int attempt) const {
    const std::string end = reason.empty() ? "null" : json_literal(reason);
    return R"(data: {"id":"c)" + std::to_string(attempt) + R"(","choices":[{"index":0,"delta":)" +
           std::string(delta) + R"(,"finish_reason":)" + end + "}]}\n\n";
  }
  std::string stream(int attempt) const override { return continued(text(), attempt); }
  std::string continued(std::string_view said, int attempt) const override {
    std::string out = event(R"({"role":"assistant","content":""})", "", attempt);
    for (const std::string& piece : in_pieces(said)) {
      out += event("{\"content\":" + json_literal(piece) + "}", "", attempt);
    }
    if (calls) out += event(R"({"tool_calls":[{"index":0,"id":"t"}]})", "", attempt);
    out += event("{}", calls ? "tool_calls" : "stop", attempt);
    out += R"(data: {"id":"c","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5}})"
           "\n\n";
    return out + "data: [DONE]\n\n";
  }
  std::string shown(const ResumeRequest& request) const override {
    if (!is_json(request.body)) return "!no JSON";
    const auto turns = JsonSlice(request.body).find("messages")->elements();
    if (turns.size() != 2 || text_member(turns[1], "role") != "assistant") return "!turns";
    const auto prefix = turns[1].find("prefix");
    return prefix && prefix->is_true() ? text_member(turns[1], "content") : "!prefix";
  }
  Seen look(std::string_view bytes) const override {
    Seen seen;
    each_event(bytes, [&](const SseEvent& event) { look_at(event, &seen); });
    return seen;
  }
  std::string error_event() const override {
    return "data: {\"error\":{\"message\":\"busy\",\"type\":\"server_error\"}}\n\n";
  }

 private:
  static void look_at(const SseEvent& event, Seen* seen) {
    if (event.data.empty()) return;
    seen->behind_finish = seen->behind_finish || seen->marker;
    if (event.data == "[DONE]") {
      seen->marker = true;
      return;
    }
    if (!is_json(event.data)) seen->broken = true;
    const JsonSlice root(event.data);
    seen->error = seen->error || root.find("error");
    if (const auto of = find(root.find("usage"), "completion_tokens")) seen->output = *of->count();
    const auto choices = root.find("choices");
    if (!choices || choices->elements().empty()) return;
    const JsonSlice choice = choices->elements()[0];
    seen->behind_finish = seen->behind_finish || seen->finishes > 0;
    if (choice.find("finish_reason")) ++seen->finishes;
    seen->text += text_member(choice.find("delta"), "content");
    if (find(choice.find("delta"), "tool_calls")) ++seen->tools;
  }
};

class FakeAnthropic : public FakeApi {
 public:
  using FakeApi::FakeApi;
  bool calls = false;

  Dialect dialect() const override { return Dialect::kAnthropic; }
  std::string path() const override { return "/v1/messages"; }
  std::string request() const override {
    return R"({"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"a"}]})";
  }
  static std::string event(std::string_view type, std::string_view rest) {
    return "event: " + std::string(type) + "\ndata: {\"type\":\"" + std::string(type) + "\"" +
           std::string(rest) + "}\n\n";
  }
  std::string stream(int attempt) const override { return continued(text(), attempt); }
  std::string continued(std::string_view said, int attempt) const override {
    std::string out = event("message_start", R"(,"message":{"id":"m)" + std::to_string(attempt) +
                                                 R"(","usage":{"input_tokens":4}})");
    out += event("content_block_start", R"(,"index":0,"content_block":{"type":"text","text":""})");
    for (const std::string& piece : in_pieces(said)) {
      out += event("content_block_delta", R"(,"index":0,"delta":{"type":"text_delta","text":)" +
                                              json_literal(piece) + "}");
    }
    out += event("content_block_stop", R"(,"index":0)");
    if (calls) {
      out += event("content_block_start",
                   R"(,"index":1,"content_block":{"type":"tool_use","id":"t","input":{}})");
      out += event("content_block_stop", R"(,"index":1)");
    }
    const std::string reason = calls ? "tool_use" : "end_turn";
    out += event("message_delta",
                 R"(,"delta":{"stop_reason":")" + reason + R"("},"usage":{"output_tokens":7})");
    return out + event("message_stop", "");
  }
  std::string shown(const ResumeRequest& request) const override {
    if (!is_json(request.body)) return "!no JSON";
    const auto turns = JsonSlice(request.body).find("messages")->elements();
    if (turns.size() != 2 || text_member(turns[1], "role") != "assistant") return "!turns";
    const std::string shown = text_member(turns[1], "content");
    if (shown.empty() || shown.back() == ' ' || shown.back() == '\n') return "!blanks at the end";
    return shown;
  }
  Seen look(std::string_view bytes) const override {
    Seen seen;
    int64_t open = -1;
    int64_t next = 0;
    each_event(bytes, [&](const SseEvent& event) {
      if (!is_json(event.data)) seen.broken = true;
      const JsonSlice root(event.data);
      seen.behind_finish = seen.behind_finish || seen.marker;
      const auto index = root.find("index");
      const int64_t at = index ? static_cast<int64_t>(*index->count()) : -1;
      if (event.type == "content_block_start") {
        seen.broken = seen.broken || open != -1 || at != next++;
        open = at;
        if (text_member(root.find("content_block"), "type") == "tool_use") ++seen.tools;
      } else if (event.type == "content_block_delta") {
        seen.broken = seen.broken || at != open;
        seen.text += text_member(root.find("delta"), "text");
      } else if (event.type == "content_block_stop") {
        seen.broken = seen.broken || at != open;
        open = -1;
      } else if (event.type == "message_delta") {
        ++seen.finishes;
        seen.output = *find(root.find("usage"), "output_tokens")->count();
      } else if (event.type == "message_start") {
        seen.broken = seen.broken || next != 0;
      } else if (event.type == "message_stop") {
        seen.marker = true;
      } else if (event.type == "error") {
        seen.error = true;
      }
    });
    return seen;
  }
  std::string error_event() const override {
    return event("error", R"(,"error":{"type":"overloaded_error","message":"busy"})");
  }
};

class FakeResponses : public FakeApi {
 public:
  using FakeApi::FakeApi;

  Dialect dialect() const override { return Dialect::kOpenAi; }
  std::string path() const override { return "/v1/responses"; }
  std::string request() const override {
    return R"({"model":"m","stream":true,"background":true,"input":"hi"})";
  }
  std::vector<std::string> events() const {
    std::vector<std::string> out;
    const auto add = [&](std::string_view type, std::string_view rest) {
      out.push_back("event: " + std::string(type) + "\ndata: {\"type\":\"" + std::string(type) +
                    "\",\"sequence_number\":" + std::to_string(out.size()) + std::string(rest) +
                    "}\n\n");
    };
    add("response.created", R"(,"response":{"id":"resp_1"})");
    add("response.output_item.added", R"(,"output_index":0)");
    for (const std::string& piece : in_pieces(text())) {
      add("response.output_text.delta", ",\"delta\":" + json_literal(piece));
    }
    add("response.output_item.done", R"(,"output_index":0)");
    add("response.completed",
        R"(,"response":{"id":"resp_1","usage":{"input_tokens":2,"output_tokens":6}})");
    return out;
  }
  std::string stream(int) const override {
    std::string out;
    for (const std::string& event : events()) out += event;
    return out;
  }
  std::string continued(std::string_view, int) const override { return {}; }
  std::string shown(const ResumeRequest& request) const override { return request.path; }
  // The events behind `starting_after`.
  std::string behind(const std::string& path) const {
    static constexpr std::string_view kStart = "/resp_1?stream=true&starting_after=";
    if (path.substr(0, kStart.size()) != kStart) return "!" + path;
    const auto after = JsonSlice(std::string_view(path).substr(kStart.size())).count();
    std::string out;
    const auto all = events();
    for (size_t i = *after + 1; i < all.size(); ++i) out += all[i];
    return out;
  }
  Seen look(std::string_view bytes) const override {
    Seen seen;
    uint64_t next = 0;
    each_event(bytes, [&](const SseEvent& event) {
      const JsonSlice root(event.data);
      if (root.find("error")) {
        seen.error = true;
        return;
      }
      if (!is_json(event.data)) seen.broken = true;
      const auto number = root.find("sequence_number");
      seen.broken = seen.broken || !number || number->count() != next++;
      seen.behind_finish = seen.behind_finish || seen.finishes > 0;
      seen.text += text_member(root, "delta");
      if (event.type == "response.completed") ++seen.finishes;
    });
    seen.marker = seen.finishes > 0;
    return seen;
  }
  std::string error_event() const override {
    return "event: error\ndata: {\"type\":\"error\",\"code\":\"server_error\",\"error\":{}}\n\n";
  }
};

}  // namespace culvert::test
