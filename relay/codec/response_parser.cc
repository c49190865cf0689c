// The policy of answers.
#include "relay/codec/response_parser.h"

#include "relay/base/limits.h"
#include "relay/base/recycled.h"
#include "relay/codec/framing.h"
#include "relay/codec/message_reader.h"

#include <new>
#include <optional>

namespace culvert {

namespace {

constexpr HeadLimits kLimits{limits::kHeadBytes, limits::kHeadFields, limits::kTargetBytes};

}  // namespace

class ResponseParser::Machine final : public Recycled<ResponseParser::Machine>, FieldSink {
 public:
  Machine(bool answer_to_head, bool upgrade)
      : answer_to_head_(answer_to_head),
        upgrade_(upgrade),
        reader_(HeadScanner::Kind::kResponse, kLimits) {}

  Result<HttpEvent> next(std::string_view* input);
  Result<HttpEvent> finish(bool clean);
  Error refuse(const Offence& offence);
  const ResponseHead& head() const { return head_; }
  bool started() const { return started_; }

 private:
  enum class Phase : uint8_t { kHead, kBody, kSwitched, kEnded, kFailed };

  void expect(size_t fields, size_t bytes) override {
    head_.headers.reserve(fields, head_.headers.bytes() + bytes);
  }
  std::optional<Offence> on_field(FieldName name, std::string_view value) override;
  Result<HttpEvent> read_head(std::string_view* input);
  Result<HttpEvent> finish_head();
  Result<HttpEvent> take_interim();
  Result<HttpEvent> read_body(std::string_view* input);
  Result<HttpEvent> end();
  Error cut(Stage stage, const char* detail);
  void take_framing();

  const bool answer_to_head_;
  const bool upgrade_;
  MessageReader reader_;
  Phase phase_ = Phase::kHead;
  bool started_ = false;
  bool between_heads_ = true;  // before the first byte of the next head
  int interims_ = 0;
  ResponseHead head_;
  FramingFields framing_;
  Error error_;
};

ResponseParser::ResponseParser(bool answer_to_head, bool upgrade)
    : machine_(std::make_unique<Machine>(answer_to_head, upgrade)) {}
ResponseParser::ResponseParser(ResponseParser&&) noexcept = default;
ResponseParser& ResponseParser::operator=(ResponseParser&&) noexcept = default;
ResponseParser::~ResponseParser() = default;

Result<HttpEvent> ResponseParser::next(std::string_view* input) {
  try {
    return machine_->next(input);
  } catch (const std::bad_alloc&) {
    return machine_->refuse({Code::kOutOfMemory, ""});
  }
}

Result<HttpEvent> ResponseParser::finish(bool clean) { return machine_->finish(clean); }
const ResponseHead& ResponseParser::head() const { return machine_->head(); }
bool ResponseParser::started() const { return machine_->started(); }

Result<HttpEvent> ResponseParser::Machine::next(std::string_view* input) {
  started_ = started_ || !input->empty();
  switch (phase_) {
    case Phase::kFailed:
      return error_;
    case Phase::kSwitched:
    case Phase::kEnded:
      return HttpEvent{};
    case Phase::kBody:
      return read_body(input);
    case Phase::kHead:
      break;
  }
  if (input->empty()) return HttpEvent{};
  if (between_heads_) {
    reader_.begin();
    head_ = {};
    framing_ = {};
    between_heads_ = false;
  }
  return read_head(input);
}

Result<HttpEvent> ResponseParser::Machine::read_head(std::string_view* input) {
  const MessageReader::Step step = reader_.read_head(input, this);
  if (step == MessageReader::Step::kFailed) return refuse(reader_.offence());
  if (step == MessageReader::Step::kMore) return HttpEvent{};
  return finish_head();
}

std::optional<Offence> ResponseParser::Machine::on_field(FieldName name, std::string_view value) {
  if (is_framing(name)) {
    const auto refused = framing_.see(name, value, reader_.start().minor_version);
    if (refused) return refused;
  }
  head_.headers.add(name, value);
  return std::nullopt;
}

Result<HttpEvent> ResponseParser::Machine::finish_head() {
  const StartLine start = reader_.start();
  head_.status = start.status;
  head_.minor_version = start.minor_version;
  head_.reason = start.reason;
  if (!reader_.agrees(framing_)) {
    return refuse({Code::kBadAnswer, "the content's length is ambiguous (RFC 9112 §6.3)"});
  }
  if (head_.status < 200) return take_interim();
  take_framing();
  phase_ = Phase::kBody;
  return HttpEvent{EventKind::kHead, {}};
}

Result<HttpEvent> ResponseParser::Machine::take_interim() {
  if (head_.status == 101 && !upgrade_) {
    return refuse({Code::kBadAnswer, "nobody asked to switch protocols (RFC 9110 §15.2.2)"});
  }
  if (framing_.chunked() || framing_.length()) {
    return refuse({Code::kBadAnswer, "an interim answer says it has content (RFC 9110 §8.6)"});
  }
  if (head_.status == 101) {
    phase_ = Phase::kSwitched;
    return HttpEvent{EventKind::kHead, {}};
  }
  if (++interims_ > limits::kInterimAnswers) {
    return refuse({Code::kBadAnswer, "too many interim answers (RFC 9110 §15.2)"});
  }
  between_heads_ = true;
  return HttpEvent{EventKind::kInterim, {}};
}

// RFC 9112 §6.3, in its order.
void ResponseParser::Machine::take_framing() {
  head_.has_length = framing_.length().has_value();
  head_.content_length = framing_.length().value_or(0);
  head_.keep_alive = keeps_alive(head_.headers, head_.minor_version);
  if (answer_to_head_ || head_.status == 204 || head_.status == 304) {
    // A 204 that speaks of content may send it all the same; nobody reads on after that.
    const bool speaks = framing_.chunked() || head_.content_length > 0;
    if (head_.status == 204 && speaks) head_.keep_alive = false;
  } else if (framing_.chunked()) {
    head_.framing = BodyFraming::kChunked;
  } else if (head_.has_length) {
    head_.framing = BodyFraming::kLength;
  } else {
    head_.framing = BodyFraming::kUntilClose;
    head_.keep_alive = false;
  }
  reader_.begin_body(head_.framing, head_.content_length);
}

Result<HttpEvent> ResponseParser::Machine::read_body(std::string_view* input) {
  std::string_view body;
  switch (reader_.read_body(input, &body)) {
    case MessageReader::Step::kMore:
      return HttpEvent{};
    case MessageReader::Step::kBody:
      return HttpEvent{EventKind::kBody, body};
    case MessageReader::Step::kFailed:
      return refuse(reader_.offence());
    case MessageReader::Step::kHead:
    case MessageReader::Step::kEnd:
      break;
  }
  return end();
}

Result<HttpEvent> ResponseParser::Machine::end() {
  phase_ = Phase::kEnded;
  return HttpEvent{EventKind::kEnd, {}};
}

Result<HttpEvent> ResponseParser::Machine::finish(bool clean) {
  switch (phase_) {
    case Phase::kFailed:
      return error_;
    case Phase::kEnded:
      return end();
    case Phase::kHead:
      return cut(Stage::kFirstByte, started_
                                        ? "the upstream closed before its answer's head was whole"
                                        : "the upstream closed without an answer");
    case Phase::kSwitched:
      return cut(Stage::kFirstByte, "the upstream closed as it switched protocols");
    case Phase::kBody:
      break;
  }
  if (head_.framing == BodyFraming::kUntilClose) {
    if (clean) return end();
    return cut(Stage::kBody, "the upstream's connection ended without saying that this was all");
  }
  std::string_view nothing;
  Result<HttpEvent> last = read_body(&nothing);
  if (!last || last->kind == EventKind::kEnd) return last;
  return cut(Stage::kBody, "the upstream closed before its answer was whole (RFC 9112 §8)");
}

Error ResponseParser::Machine::refuse(const Offence& offence) {
  const Stage stage = phase_ == Phase::kBody ? Stage::kBody : Stage::kFirstByte;
  phase_ = Phase::kFailed;
  if (offence.code == Code::kOutOfMemory) {
    error_ = Error::ours(offence.code, stage, {});
  } else {
    error_ =
        Error::upstream(Code::kBadAnswer, stage, Retry::kNever,
                        std::string("the upstream's answer cannot be read: ") + offence.detail);
  }
  return error_;
}

Error ResponseParser::Machine::cut(Stage stage, const char* detail) {
  phase_ = Phase::kFailed;
  error_ = Error::upstream(Code::kUpstreamClosed, stage, Retry::kNever, detail);
  return error_;
}

}  // namespace culvert
