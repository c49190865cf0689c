// Any bytes as a request, a separator and two attempts' streams, in every dialect. Whatever comes,
// an answer has one end, and nothing follows an end or an error; what goes up is JSON.
#include "relay/codec/json_slice.h"
#include "relay/stream/gemini_answer.h"
#include "relay/stream/resume.h"
#include "tests/fuzz/fuzz.h"

#include <chrono>
#include <memory>
#include <optional>

namespace culvert::test {
namespace {

using Next = ResumeMove::Next;

struct Input {
  std::string_view request, first, second;
};

Input parted(std::string_view input) {
  constexpr std::string_view kSeparator = "\n====\n";
  Input out;
  const auto next = [&] {
    const size_t at = input.find(kSeparator);
    const std::string_view part = input.substr(0, at);
    input =
        at == std::string_view::npos ? std::string_view() : input.substr(at + kSeparator.size());
    return part;
  };
  out.request = next();
  out.first = next();
  out.second = next();
  return out;
}

class Walk {
 public:
  Walk(Dialect dialect, std::string_view path, const Input& input)
      : input_(input), resume_(made(dialect, path, input.request), settings(), random_) {}

  std::string run() {
    attempt(input_.first);
    for (int i = 0; i < 8 && last_ == Next::kAgain; ++i) {
      const auto request = resume_.request(input_.request);
      if (!request) break;
      if (request->kind == ResumeRequest::Kind::kContinuation) {
        require(is_json(request->body), "what goes up is JSON");
      }
      attempt(input_.second);
    }
    require(resume_.story().attempts <= settings().attempts, "more attempts than allowed");
    return down_;
  }

 private:
  static ResumeSettings settings() {
    ResumeSettings out;
    out.on = true;
    out.event_bytes = 4096;
    return out;
  }
  static std::unique_ptr<ResumeDialect> made(Dialect dialect,
                                             std::string_view path,
                                             std::string_view request) {
    return resume_dialect(dialect, path, request, Continuation::kPrefill);
  }
  void take(const ResumeMove& move) {
    require(!over_ || (move.bytes.empty() && move.next == Next::kReadOn), "a move after the end");
    down_ += move.bytes;
    last_ = move.next;
    over_ = over_ || last_ == Next::kFinish || last_ == Next::kFail;
    require(last_ != Next::kFail || move.error, "a failure has a reason");
  }
  // In two pieces, with a moment between them.
  void attempt(std::string_view bytes) {
    last_ = Next::kReadOn;
    resume_.begin(clock_.now());
    take(resume_.see(bytes.substr(0, bytes.size() / 2), clock_.now()));
    if (last_ == Next::kReadOn) {
      clock_.advance(std::chrono::seconds(1));
      take(resume_.tick(clock_.now()));
    }
    if (last_ == Next::kReadOn) take(resume_.see(bytes.substr(bytes.size() / 2), clock_.now()));
    if (last_ == Next::kReadOn && !over_) {
      take(resume_.end(clock_.now()));
      require(last_ != Next::kReadOn, "an end leads somewhere");
    }
  }

  const Input input_;
  SeededRandom random_{1};
  FakeClock clock_;
  Resume resume_;
  std::string down_;
  Next last_ = Next::kReadOn;
  bool over_ = false;
};

}  // namespace
}  // namespace culvert::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert;        // NOLINT(google-build-using-namespace)
  using namespace culvert::test;  // NOLINT(google-build-using-namespace)
  const std::string bytes(text(data, size));
  const Input input = parted(bytes);
  (void)Walk(Dialect::kGemini, "/v1beta/models/m:streamGenerateContent", input).run();
  (void)Walk(Dialect::kAnthropic, "/v1/messages", input).run();
  (void)Walk(Dialect::kOpenAi, "/v1/chat/completions", input).run();
  (void)Walk(Dialect::kOpenAi, "/v1/responses", input).run();
  (void)why_incomplete(input.first);
  return 0;
}
