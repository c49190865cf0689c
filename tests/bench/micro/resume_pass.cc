// A stream that could be taken up again, as it passes while nothing goes wrong, beside the same one
// that is only read along with. An iteration is a stream.
#include "relay/stream/carry.h"
#include "relay/stream/resume.h"
#include "tests/bench/micro/allocations.h"
#include "tests/bench/micro/samples.h"

namespace culvert::bench {
namespace {

constexpr size_t kPiece = 1400;  // as TLS records come

std::string_view path_of(Dialect dialect) {
  if (dialect == Dialect::kGemini) return "/v1beta/models/gemini-2.5-pro:streamGenerateContent";
  return dialect == Dialect::kAnthropic ? "/v1/messages" : "/v1/chat/completions";
}

std::string_view request_of(Dialect dialect) {
  if (dialect == Dialect::kGemini) return R"({"contents":[{"parts":[{"text":"Tell me."}]}]})";
  return R"({"model":"m","stream":true,"messages":[{"role":"user","content":"Tell me."}]})";
}

void resume_on(benchmark::State& state, Dialect dialect) {
  const auto events = static_cast<size_t>(state.range(0));
  const std::string stream = event_stream(dialect, events);
  ResumeSettings settings;
  settings.on = true;
  SeededRandom random(42);
  const Instant now{};
  const Allocations count(state, events);
  for (auto _ : state) {
    Resume resume(
        resume_dialect(dialect, path_of(dialect), request_of(dialect), settings.continuation),
        settings, random);
    resume.begin(now);
    ResumeMove move;
    for (std::string_view rest = stream; !rest.empty();) {
      const std::string_view piece = rest.substr(0, kPiece);
      rest.remove_prefix(piece.size());
      move = resume.see(piece, now);
      benchmark::DoNotOptimize(move.bytes.data());
    }
    if (move.next != ResumeMove::Next::kFinish && resume.end(now).next != ResumeMove::Next::kFinish)
      return state.SkipWithError("the stream did not end");
  }
  state.SetComplexityN(state.range(0));
}
BENCHMARK_CAPTURE(resume_on, gemini, Dialect::kGemini)
    ->RangeMultiplier(8)
    ->Range(16, 8192)
    ->Complexity();
BENCHMARK_CAPTURE(resume_on, openai, Dialect::kOpenAi)->Arg(1024);
BENCHMARK_CAPTURE(resume_on, anthropic, Dialect::kAnthropic)->Arg(1024);

void resume_off(benchmark::State& state, Dialect dialect) {
  const auto events = static_cast<size_t>(state.range(0));
  const std::string stream = event_stream(dialect, events);
  ResponseHead head;
  head.status = 200;
  head.headers.add("Content-Type", "text/event-stream");
  const Allocations count(state, events);
  for (auto _ : state) {
    Carry carry(dialect, head, true);
    for (std::string_view rest = stream; !rest.empty();) {
      const std::string_view piece = rest.substr(0, kPiece);
      rest.remove_prefix(piece.size());
      carry.see(piece);
    }
    if (!carry.ended() || carry.usage().empty()) return state.SkipWithError("the end was not seen");
  }
  state.SetComplexityN(state.range(0));
}
BENCHMARK_CAPTURE(resume_off, gemini, Dialect::kGemini)
    ->RangeMultiplier(8)
    ->Range(16, 8192)
    ->Complexity();
BENCHMARK_CAPTURE(resume_off, openai, Dialect::kOpenAi)->Arg(1024);
BENCHMARK_CAPTURE(resume_off, anthropic, Dialect::kAnthropic)->Arg(1024);

}  // namespace
}  // namespace culvert::bench
