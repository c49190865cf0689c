// The policy of requests: one function per rule, in the order in which a head brings its parts.
#include "relay/codec/request_parser.h"

#include "relay/base/text.h"
#include "relay/base/url.h"
#include "relay/codec/framing.h"
#include "relay/codec/message_reader.h"

#include <algorithm>
#include <array>
#include <new>
#include <optional>

namespace culvert {
namespace {

constexpr FieldName kHost("host");
constexpr FieldName kExpect("expect");

// Fields that are looked at here: the first two say where the message ends, the others mean one
// thing. Two of them would be read as the first by some and the last by others.
constexpr FieldTable kWatched(std::to_array<std::string_view>(
    {"content-length", "transfer-encoding", "host", "content-type", "authorization",
     "proxy-authorization", "expect", "user-agent", "referer", "origin", "range",
     "if-modified-since", "if-unmodified-since", "x-api-key", "x-goog-api-key", "x-culvert-token",
     "max-forwards", "content-range", "idempotency-key"}));

bool same_authority(std::string_view a, std::string_view b, uint16_t default_port) {
  const auto first = parse_authority(a);
  const auto second = parse_authority(b);
  if (!first || !second || first->host != second->host) return false;
  const auto port = [&](const HostPort& authority) {
    return authority.port == 0 ? default_port : authority.port;
  };
  return port(*first) == port(*second);
}

using Refusal = std::optional<Offence>;

}  // namespace

class RequestParser::Machine final : FieldSink {
 public:
  explicit Machine(const HeadLimits& limits) : reader_(HeadScanner::Kind::kRequest, limits) {}

  Result<HttpEvent> next(std::string_view* input);
  Error refuse(const Offence& offence);
  RequestHead& head() { return head_; }
  bool idle() const;

 private:
  enum class Phase : uint8_t { kBetween, kHead, kBody, kTunnel, kIgnored, kFailed };

  Result<HttpEvent> read_head(std::string_view* input);
  Result<HttpEvent> read_body(std::string_view* input);
  void expect(size_t fields, size_t bytes) override {
    head_.headers.reserve(fields, head_.headers.bytes() + bytes);
  }
  Refusal on_field(FieldName name, std::string_view value) override;
  int version() const { return reader_.start().minor_version; }
  Refusal check_field(FieldName name, std::string_view value);
  Refusal check_content() const;
  Refusal finish_head();
  Refusal take_target();
  Refusal take_absolute_target(std::string_view target);
  Refusal take_tunnel_target(std::string_view target);
  void take_framing();

  MessageReader reader_;
  Phase phase_ = Phase::kBetween;
  Phase after_ = Phase::kBetween;  // the phase that follows the body
  RequestHead head_;
  FramingFields framing_;
  std::string target_fault_;  // what an Offence points to
  Error error_;
};

RequestParser::RequestParser(const HeadLimits& limits)
    : machine_(std::make_unique<Machine>(limits)) {}
RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;
RequestParser::~RequestParser() = default;

Result<HttpEvent> RequestParser::next(std::string_view* input) {
  try {
    return machine_->next(input);
  } catch (const std::bad_alloc&) {
    return machine_->refuse({Code::kOutOfMemory, ""});
  }
}

const RequestHead& RequestParser::head() const { return machine_->head(); }
RequestHead RequestParser::take_head() { return std::move(machine_->head()); }
bool RequestParser::idle() const { return machine_->idle(); }

bool RequestParser::Machine::idle() const {
  return phase_ == Phase::kBetween || (phase_ == Phase::kHead && !reader_.started());
}

Result<HttpEvent> RequestParser::Machine::next(std::string_view* input) {
  switch (phase_) {
    case Phase::kFailed:
      return error_;
    case Phase::kIgnored:
      input->remove_prefix(input->size());
      return HttpEvent{};
    case Phase::kTunnel:
      return HttpEvent{};
    case Phase::kBody:
      return read_body(input);
    case Phase::kBetween:
      if (input->empty()) return HttpEvent{};
      reader_.begin();
      head_ = {};
      framing_ = {};
      phase_ = Phase::kHead;
      break;
    case Phase::kHead:
      break;
  }
  return read_head(input);
}

Result<HttpEvent> RequestParser::Machine::read_head(std::string_view* input) {
  const MessageReader::Step step = reader_.read_head(input, this);
  if (step == MessageReader::Step::kFailed) {
    // llhttp refuses a second word on the framing in the same way as an unknown coding.
    const bool again = framing_.length() || framing_.chunked();
    if (!again || reader_.offence().code != Code::kNotImplemented) return refuse(reader_.offence());
    return refuse({Code::kBadRequest,
                   "Transfer-Encoding stands beside another framing field (RFC 9112 §6.1)"});
  }
  if (step == MessageReader::Step::kMore) return HttpEvent{};
  if (const Refusal refused = finish_head()) return refuse(*refused);
  phase_ = Phase::kBody;
  return HttpEvent{EventKind::kHead, {}};
}

Result<HttpEvent> RequestParser::Machine::read_body(std::string_view* input) {
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
  phase_ = after_;
  return HttpEvent{EventKind::kEnd, {}};
}

Error RequestParser::Machine::refuse(const Offence& offence) {
  phase_ = Phase::kFailed;
  const bool limit = offence.code == Code::kHeadTooLarge || offence.code == Code::kTargetTooLong;
  const Stage stage = limit ? Stage::kLimit : Stage::kRequest;
  error_ = offence.code == Code::kOutOfMemory ? Error::ours(offence.code, stage, {})
                                              : Error::client(offence.code, stage, offence.detail);
  return error_;
}

Refusal RequestParser::Machine::on_field(FieldName name, std::string_view value) {
  if (kWatched.contains(name)) {
    if (const Refusal refused = check_field(name, value)) return refused;
  }
  head_.headers.add(name, value);
  return std::nullopt;
}

Refusal RequestParser::Machine::check_field(FieldName name, std::string_view value) {
  if (is_framing(name)) {
    if (const Refusal refused = framing_.see(name, value, version())) return refused;
    return check_content();
  }
  if (head_.headers.count(name) > 0) {
    return Offence{Code::kBadRequest, "a field that may stand once stands twice (RFC 9110 §5.3)"};
  }
  if (name == kHost && !parse_authority(value)) {
    return Offence{Code::kBadRequest, "Host is malformed (RFC 9112 §3.2)"};
  }
  if (name == kExpect && version() >= 1 && !equal_ignoring_case(value, "100-continue")) {
    return Offence{Code::kExpectationFailed, "only 100-continue can be met (RFC 9110 §10.1.1)"};
  }
  return std::nullopt;
}

// Content in a request that has no use for it is how bodies become requests.
Refusal RequestParser::Machine::check_content() const {
  const std::string_view method = reader_.start().method;
  if (method == "CONNECT") {
    return Offence{Code::kBadRequest, "CONNECT has no content (RFC 9110 §9.3.6)"};
  }
  if ((method == "GET" || method == "HEAD") && framing_.length() != 0U) {
    return Offence{Code::kBadRequest, "GET and HEAD have no content (RFC 9110 §9.3.1)"};
  }
  return std::nullopt;
}

Refusal RequestParser::Machine::finish_head() {
  if (!reader_.agrees(framing_)) {
    return Offence{Code::kBadRequest, "the content's length is ambiguous (RFC 9112 §6.3)"};
  }
  const StartLine start = reader_.start();
  head_.method = start.method;
  head_.minor_version = start.minor_version;
  const auto host = head_.headers.find(kHost);
  if (host) head_.host = *host;
  if (!host && head_.minor_version >= 1) {
    return Offence{Code::kBadRequest, "Host is missing (RFC 9112 §3.2)"};
  }
  if (const Refusal refused = take_target()) return refused;
  take_framing();
  return std::nullopt;
}

Refusal RequestParser::Machine::take_target() {
  const std::string_view target = reader_.start().target;
  if (head_.method == "CONNECT") return take_tunnel_target(target);
  if (starts_with_ignoring_case(target, "http://") ||
      starts_with_ignoring_case(target, "https://")) {
    if (const Refusal refused = take_absolute_target(target)) return refused;
  } else {
    head_.target = target;
  }
  if (head_.target == "*" && head_.method == "OPTIONS") return std::nullopt;
  if (const auto checked = check_target(head_.target); !checked) {
    target_fault_ = checked.error().detail;
    return Offence{Code::kBadRequest, target_fault_.c_str()};
  }
  return std::nullopt;
}

// RFC 9112 §3.2.2 lets absolute-form win over Host; whoever forwards the other one is fooled, so
// they must agree.
Refusal RequestParser::Machine::take_absolute_target(std::string_view target) {
  const bool tls = lower(target[4]) == 's';
  const std::string_view rest = target.substr(tls ? 8 : 7);
  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  const std::string_view named = rest.substr(0, end);
  if (!same_authority(named, head_.host.empty() ? named : head_.host, tls ? 443 : 80)) {
    return Offence{Code::kBadRequest,
                   "the target's host is not a host, or not that of Host (RFC 9112 §3.2.2)"};
  }
  head_.host = named;
  const std::string_view path = rest.substr(end);
  head_.target = path.empty() && head_.method == "OPTIONS" ? "*" : join_path("", path);
  return std::nullopt;
}

Refusal RequestParser::Machine::take_tunnel_target(std::string_view target) {
  const auto authority = parse_connect_authority(target);
  if (!authority) {
    target_fault_ = authority.error().detail;
    return Offence{Code::kBadRequest, target_fault_.c_str()};
  }
  if (head_.host.empty()) head_.host = target;
  if (!same_authority(target, head_.host, authority->port)) {
    return Offence{Code::kBadRequest, "the target's host and Host differ (RFC 9112 §3.2)"};
  }
  head_.target = target;
  return std::nullopt;
}

void RequestParser::Machine::take_framing() {
  if (framing_.chunked()) {
    head_.framing = BodyFraming::kChunked;
  } else if (framing_.length() && head_.method != "GET" && head_.method != "HEAD") {
    head_.framing = BodyFraming::kLength;
    head_.content_length = *framing_.length();
  }
  reader_.begin_body(head_.framing, head_.content_length);
  head_.keep_alive = keeps_alive(head_.headers, head_.minor_version);
  const bool content = head_.framing == BodyFraming::kChunked || head_.content_length > 0;
  head_.expect_continue = content && head_.minor_version >= 1 && head_.headers.count(kExpect) > 0;
  after_ = head_.method == "CONNECT" ? Phase::kTunnel
           : head_.keep_alive        ? Phase::kBetween
                                     : Phase::kIgnored;
}

}  // namespace culvert
