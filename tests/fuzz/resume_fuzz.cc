// Any bytes as a request, a separator and two attempts' streams, in every dialect, and a walk of
// cuts, refusals and ticks that the input itself chooses. Whatever comes, an answer has one end,
// and nothing follows an end or an error; what goes up is JSON; attempts are bounded; nothing is
// asked for again behind a tool's call; and what is not disturbed passes byte for byte.
#include "relay/codec/json_slice.h"
#include "relay/stream/gemini_answer.h"
#include "relay/stream/resume.h"
#include "tests/fuzz/fuzz.h"

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

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

ResumeSettings settings(Continuation continuation) {
  ResumeSettings out;
  out.on = true;
  out.event_bytes = 4096;
  out.text_bytes = 2048;
  out.continuation = continuation;
  return out;
}

// What happens is drawn from the input's own bytes, so that the same input walks the same way.
class Walk {
 public:
  Walk(Dialect dialect, std::string_view path, const Input& input)
      : input_(input),
        random_(std::hash<std::string_view>()(input.first) ^ input.second.size()),
        settings_(settings(static_cast<Continuation>(random_.below(4)))),
        dialect_(resume_dialect(dialect, path, input.request, settings_.continuation)),
        exact_(dialect_->exact()),
        resume_(std::move(dialect_), settings_, random_),
        reader_(resume_dialect(dialect, path, input.request, settings_.continuation)) {}

  void run() {
    attempt(input_.first);
    for (uint32_t i = 0; i < 2 * settings_.attempts && last_ == Next::kAgain; ++i) {
      require(exact_ || !fixed_, "asked for again behind a tool's call");
      ask();
      if (over_) break;
      answer();
    }
    require(last_ != Next::kAgain || over_, "attempts without an end");
    require(resume_.story().attempts <= settings_.attempts, "more attempts than allowed");
  }

 private:
  void ask() {
    clock_.advance(pause_);
    const auto request = resume_.request(input_.request);
    over_ = !request;
    if (request && request->kind == ResumeRequest::Kind::kContinuation) {
      require(is_json(request->body), "what goes up is JSON");
    }
  }
  // Refused, lost before it answered, or a stream.
  void answer() {
    constexpr std::array<int, 6> kStatuses = {400, 401, 403, 429, 500, 503};
    last_ = Next::kReadOn;
    const uint64_t drawn = random_.below(6);
    if (drawn == 0) {
      return take(resume_.refused(kStatuses[random_.below(kStatuses.size())], std::nullopt,
                                  random_.below(2) == 0, clock_.now()));
    }
    if (drawn == 1) return take(resume_.failed(broken(), clock_.now()));
    attempt(drawn == 2 ? input_.first : input_.second);
  }
  // In pieces, with a moment between them, and an end of some kind.
  void attempt(std::string_view bytes) {
    last_ = Next::kReadOn;
    resume_.begin(clock_.now());
    while (!bytes.empty() && last_ == Next::kReadOn) {
      const size_t piece = 1 + random_.below(bytes.size());
      take(resume_.see(bytes.substr(0, piece), clock_.now()));
      bytes.remove_prefix(piece);
      clock_.advance(std::chrono::milliseconds(random_.below(600)));
      if (last_ == Next::kReadOn && random_.below(3) == 0) take(resume_.tick(clock_.now()));
    }
    if (last_ != Next::kReadOn) return;
    take(random_.below(2) == 0 ? resume_.end(clock_.now())
                               : resume_.failed(broken(), clock_.now()));
    require(last_ != Next::kReadOn, "an end leads somewhere");
  }
  void take(const ResumeMove& move) {
    require(!over_ || (move.bytes.empty() && move.next == Next::kReadOn), "a move after the end");
    last_ = move.next;
    pause_ = move.pause;
    over_ = over_ || last_ == Next::kFinish || last_ == Next::kFail;
    require(last_ != Next::kFail || move.error, "a failure has a reason");
    require(last_ != Next::kAgain || pause_ <= settings_.within, "a pause that is too long");
    if (!resume_.passes_through()) look(move.bytes);
  }
  // As a client reads: whole events, whatever the pieces in which they came.
  void look(std::string_view bytes) {
    while (const auto event = parser_.next(&bytes)) {
      StreamReading reading;
      reader_->read(*event, &reading);
      fixed_ = fixed_ || (reading.fixed && !reading.several);
    }
  }
  static Error broken() {
    return Error::upstream(Code::kUpstreamClosed, Stage::kBody, Retry::kNever, "");
  }

  const Input input_;
  SeededRandom random_;
  const ResumeSettings settings_;
  std::unique_ptr<ResumeDialect> dialect_;
  const bool exact_;
  FakeClock clock_;
  Resume resume_;
  std::unique_ptr<ResumeDialect> reader_;
  SseParser parser_;
  Next last_ = Next::kReadOn;
  Duration pause_{};
  bool over_ = false;
  bool fixed_ = false;  // the client has a tool's call or media
};

// Without what stands between events: a comment goes the way of the event with which it came.
std::string events_in(std::string_view bytes) {
  std::string out;
  SseParser parser;
  while (const auto event = parser.next(&bytes)) {
    out.append(event->type).append("|").append(event->data).append("\n");
  }
  return out;
}

// The first attempt, in one piece and byte by byte: the client gets the same events both ways, and
// up to an end or a cut it gets what came, byte for byte and event by event.
void pass(Dialect dialect, std::string_view path, const Input& input) {
  const ResumeSettings own = settings(Continuation::kPrompt);
  const auto run = [&](const Pieces& pieces) {
    SeededRandom random(1);
    const FakeClock clock;
    Resume resume(resume_dialect(dialect, path, input.request, own.continuation), own, random);
    resume.begin(clock.now());
    std::string down;
    Next last = Next::kReadOn;
    for (const Piece& piece : pieces) {
      if (last != Next::kReadOn) break;
      const ResumeMove move = resume.see(piece.view(), clock.now());
      last = move.next;
      down += move.bytes;
    }
    const bool closing = resume.deadline().has_value();  // what may not follow an end is left out
    if (last == Next::kReadOn && !closing) {
      require(input.first.substr(0, down.size()) == down, "it is not what came");
      std::string_view left = input.first.substr(down.size());
      SseBlocks rest(own.event_bytes);
      require(!rest.next(&left), "an event was kept back");
    }
    return std::to_string(static_cast<int>(last)) + events_in(down);
  };
  const std::string in_one = run(whole(input.first));
  // Of an event that is too large, how much is read along with depends on the pieces.
  if (input.first.size() >= own.event_bytes) return;
  require(in_one == run(bytewise(input.first)), "pieces changed what the client gets");
}

}  // namespace
}  // namespace culvert::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert;        // NOLINT(google-build-using-namespace)
  using namespace culvert::test;  // NOLINT(google-build-using-namespace)
  const std::string bytes(text(data, size));
  const Input input = parted(bytes);
  const auto each = [&](Dialect dialect, std::string_view path) {
    Walk(dialect, path, input).run();
    pass(dialect, path, input);
  };
  each(Dialect::kGemini, "/v1beta/models/m:streamGenerateContent");
  each(Dialect::kAnthropic, "/v1/messages");
  each(Dialect::kOpenAi, "/v1/chat/completions");
  each(Dialect::kOpenAi, "/v1/responses");
  (void)why_incomplete(input.first);
  return 0;
}
