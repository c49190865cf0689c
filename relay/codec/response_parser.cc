// Which answers are taken, and when a body is whole.
#include "relay/codec/response_parser.h"

#include "relay/base/limits.h"
#include "relay/base/text.h"
#include "relay/codec/message_parser.h"

namespace culvert {
namespace {

constexpr HeadLimits kLimits{limits::kHeadBytes, limits::kHeadFields, limits::kTargetBytes};

Error bad(std::string detail) {
  return Error::upstream(Code::kBadAnswer, Stage::kFirstByte, Retry::kNever, std::move(detail));
}

}  // namespace

class ResponseParser::Machine final : public MessageParser {
 public:
  explicit Machine(bool answer_to_head)
      : MessageParser(HTTP_RESPONSE, kLimits), answer_to_head_(answer_to_head) {}

  Result<HttpEvent> finish(bool clean);
  const ResponseHead& head() const { return head_; }
  bool started() const { return started_; }
  void note_input(std::string_view input) { started_ = started_ || !input.empty(); }

 private:
  Result<EventKind> head_complete() override;
  void begin_message() override { head_ = ResponseHead(); }
  void first_line_part(std::string_view part) override { head_.reason += part; }
  Error refusal(Code code, std::string detail) const override;
  Error parse_error(llhttp_errno_t code) const override;
  Result<void> check_framing();

  ResponseHead head_;
  const bool answer_to_head_;
  bool started_ = false;
  bool final_head_ = false;
  int interim_ = 0;
};

ResponseParser::ResponseParser(bool answer_to_head)
    : machine_(std::make_unique<Machine>(answer_to_head)) {}
ResponseParser::ResponseParser(ResponseParser&&) noexcept = default;
ResponseParser& ResponseParser::operator=(ResponseParser&&) noexcept = default;
ResponseParser::~ResponseParser() = default;

Result<HttpEvent> ResponseParser::next(std::string_view* input) {
  machine_->note_input(*input);
  return machine_->next(input);
}

Result<HttpEvent> ResponseParser::finish(bool clean) { return machine_->finish(clean); }
const ResponseHead& ResponseParser::head() const { return machine_->head(); }
bool ResponseParser::started() const { return machine_->started(); }

Error ResponseParser::Machine::refusal(Code /*code*/, std::string detail) const {
  Error error = bad("the upstream's answer: " + detail);
  if (final_head_) error.stage = Stage::kBody;
  return error;
}

Error ResponseParser::Machine::parse_error(llhttp_errno_t /*code*/) const {
  return refusal(Code::kBadAnswer, llhttp_get_error_reason(&llhttp_));
}

Result<EventKind> ResponseParser::Machine::head_complete() {
  head_.status = llhttp_.status_code;
  head_.minor_version = llhttp_.http_minor;
  head_.headers = std::move(headers_);
  if (llhttp_.http_major != 1 || llhttp_.http_minor > 1) return bad("the answer is not HTTP/1.1");
  if (head_.status < 100 || head_.status > 599) return bad("the answer's status is not one");
  if (head_.status == 101) return bad("the upstream switched protocols without being asked");
  if (head_.status < 200) {
    if (++interim_ > limits::kInterimAnswers) return bad("too many interim answers");
    skip_body_ = true;
    return EventKind::kInterim;
  }
  CULVERT_CHECK(check_framing());
  head_.keep_alive =
      llhttp_should_keep_alive(&llhttp_) != 0 && head_.framing != BodyFraming::kUntilClose;
  final_head_ = true;
  return EventKind::kHead;
}

Result<void> ResponseParser::Machine::check_framing() {
  const std::string* coding = head_.headers.find("transfer-encoding");
  const std::string* length = head_.headers.find("content-length");
  head_.has_length = length != nullptr;
  if (head_.has_length) head_.content_length = llhttp_.content_length;
  if (head_.headers.count("content-length") > 1) return bad("more than one Content-Length");
  if (coding != nullptr) {
    if (length != nullptr) return bad("Transfer-Encoding beside Content-Length (RFC 9112 §6.3)");
    if (head_.minor_version == 0) return bad("Transfer-Encoding in HTTP/1.0 (RFC 9112 §6.1)");
    if (head_.headers.count("transfer-encoding") > 1 || !equal_ignoring_case(*coding, "chunked")) {
      return bad("a transfer coding other than chunked");
    }
  }
  if (answer_to_head_ || head_.status == 204 || head_.status == 304) {
    head_.framing = BodyFraming::kNone;
    skip_body_ = true;
  } else if (coding != nullptr) {
    head_.framing = BodyFraming::kChunked;
  } else if (length != nullptr) {
    head_.framing = BodyFraming::kLength;
  } else {
    head_.framing = BodyFraming::kUntilClose;
  }
  return {};
}

Result<HttpEvent> ResponseParser::Machine::finish(bool clean) {
  if (!final_head_) {
    return Error::upstream(Code::kUpstreamClosed, Stage::kFirstByte, Retry::kNever,
                           started_ ? "the upstream closed in the middle of its answer's head"
                                    : "the upstream closed without an answer");
  }
  if (state_ != State::kBody) return HttpEvent{EventKind::kEnd, {}};
  if (head_.framing == BodyFraming::kUntilClose && clean) {
    state_ = State::kBefore;
    return HttpEvent{EventKind::kEnd, {}};
  }
  return Error::upstream(Code::kUpstreamClosed, Stage::kBody, Retry::kNever,
                         head_.framing == BodyFraming::kUntilClose
                             ? "the upstream's connection ended without saying that it was all"
                             : "the upstream closed before its answer was whole");
}

}  // namespace culvert
