// The policy above llhttp: each rule names what it refuses and the section that lets it.
#include "relay/codec/request_parser.h"

#include "relay/base/text.h"
#include "relay/base/url.h"
#include "relay/codec/message_parser.h"

#include <algorithm>
#include <array>

namespace culvert {
namespace {

constexpr std::array<std::string_view, 8> kMethods = {"GET",   "HEAD",   "POST",    "PUT",
                                                      "PATCH", "DELETE", "OPTIONS", "CONNECT"};

// Fields of which two would leave open which one counts.
constexpr std::array<std::string_view, 12> kSingletons = {
    "authorization", "content-length",      "content-type",   "content-encoding",
    "expect",        "proxy-authorization", "range",          "transfer-encoding",
    "x-api-key",     "x-culvert-token",     "x-goog-api-key", "idempotency-key"};

Error bad(std::string detail) {
  return Error::client(Code::kBadRequest, Stage::kRequest, std::move(detail));
}

}  // namespace

class RequestParser::Machine final : public MessageParser {
 public:
  explicit Machine(const HeadLimits& limits) : MessageParser(HTTP_REQUEST, limits) {}
  RequestHead& head() { return head_; }

 private:
  Result<EventKind> head_complete() override;
  void begin_message() override { head_ = RequestHead(); }
  void first_line_part(std::string_view part) override { head_.target += part; }
  Error refusal(Code code, std::string detail) const override;
  Error parse_error(llhttp_errno_t code) const override;

  Result<void> check_first_line();
  Result<void> check_host();
  Result<void> check_absolute_form();
  Result<void> check_singletons();
  Result<void> check_framing();
  Result<void> check_expect();

  RequestHead head_;
};

RequestParser::RequestParser(const HeadLimits& limits)
    : machine_(std::make_unique<Machine>(limits)) {}
RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;
RequestParser::~RequestParser() = default;

Result<HttpEvent> RequestParser::next(std::string_view* input) { return machine_->next(input); }
bool RequestParser::idle() const { return machine_->idle(); }
const RequestHead& RequestParser::head() const { return machine_->head(); }
RequestHead RequestParser::take_head() { return std::move(machine_->head()); }

Error RequestParser::Machine::refusal(Code code, std::string detail) const {
  return Error::client(code, code == Code::kBadRequest ? Stage::kRequest : Stage::kLimit,
                       std::move(detail));
}

Error RequestParser::Machine::parse_error(llhttp_errno_t code) const {
  switch (code) {
    case HPE_PAUSED_H2_UPGRADE:
      return Error::client(Code::kVersionNotSupported, Stage::kRequest,
                           "HTTP/2 is not spoken here");
    case HPE_INVALID_VERSION:
      return Error::client(Code::kVersionNotSupported, Stage::kRequest,
                           "only HTTP/1.0 and HTTP/1.1 are spoken here");
    case HPE_INVALID_METHOD:
      return Error::client(Code::kNotImplemented, Stage::kRequest, "the method is not known");
    default:
      return bad(std::string("the request is malformed: ") + llhttp_get_error_reason(&llhttp_));
  }
}

Result<EventKind> RequestParser::Machine::head_complete() {
  head_.method = llhttp_method_name(static_cast<llhttp_method_t>(llhttp_.method));
  head_.minor_version = llhttp_.http_minor;
  head_.headers = std::move(headers_);
  head_.keep_alive = llhttp_should_keep_alive(&llhttp_) != 0;
  CULVERT_CHECK(check_first_line());
  CULVERT_CHECK(check_host());
  CULVERT_CHECK(check_singletons());
  CULVERT_CHECK(check_framing());
  CULVERT_CHECK(check_expect());
  return EventKind::kHead;
}

Result<void> RequestParser::Machine::check_first_line() {
  if (llhttp_.http_major != 1 || llhttp_.http_minor > 1) {
    return Error::client(Code::kVersionNotSupported, Stage::kRequest,
                         "only HTTP/1.0 and HTTP/1.1 are spoken here");
  }
  if (std::find(kMethods.begin(), kMethods.end(), head_.method) == kMethods.end()) {
    return Error::client(Code::kNotImplemented, Stage::kRequest, "the method is not carried");
  }
  constexpr uint64_t kBeforeVersion = 6;  // " HTTP/"
  if (target_start_ != method_end_ + 1 || version_start_ != target_end_ + kBeforeVersion) {
    return bad("the request line has more than single spaces (RFC 9112 §3)");
  }
  return {};
}

// Exactly one Host in 1.1; absolute-form must name the same host and becomes origin-form (§3.2).
Result<void> RequestParser::Machine::check_host() {
  const size_t hosts = head_.headers.count("host");
  if (hosts > 1) return bad("there is more than one Host (RFC 9112 §3.2)");
  if (hosts == 0 && head_.minor_version == 1) return bad("Host is missing (RFC 9112 §3.2)");
  if (hosts == 1) head_.host = *head_.headers.find("host");
  if (!head_.host.empty() && !parse_authority(head_.host)) return bad("Host is not a host name");
  if (head_.method == "CONNECT") {
    if (!parse_authority(head_.target)) return bad("CONNECT wants host:port (RFC 9112 §3.2.3)");
    return {};
  }
  if (head_.target == "*" && head_.method == "OPTIONS") return {};
  if (!head_.target.starts_with('/')) CULVERT_CHECK(check_absolute_form());
  return check_target(head_.target);
}

Result<void> RequestParser::Machine::check_absolute_form() {
  const auto scheme_end = head_.target.find("://");
  const std::string scheme = lower(
      std::string_view(head_.target).substr(0, scheme_end == std::string::npos ? 0 : scheme_end));
  if (scheme != "http" && scheme != "https") return bad("the request target is not a path");
  const auto begin = scheme_end + 3;
  const auto end = std::min(head_.target.find_first_of("/?", begin), head_.target.size());
  const std::string authority = head_.target.substr(begin, end - begin);
  if (!parse_authority(authority) ||
      (!head_.host.empty() && !equal_ignoring_case(authority, head_.host))) {
    return bad("the request target and Host name different hosts (RFC 9112 §3.2.2)");
  }
  head_.host = authority;
  head_.target.erase(0, end);
  if (!head_.target.starts_with('/')) head_.target.insert(head_.target.begin(), '/');
  return {};
}

Result<void> RequestParser::Machine::check_singletons() {
  for (const std::string_view name : kSingletons) {
    if (head_.headers.count(name) > 1) {
      return bad("there is more than one " + std::string(name));
    }
  }
  return {};
}

Result<void> RequestParser::Machine::check_framing() {
  const std::string* coding = head_.headers.find("transfer-encoding");
  const std::string* length = head_.headers.find("content-length");
  if (coding != nullptr) {
    if (head_.minor_version == 0) {
      return bad("Transfer-Encoding in HTTP/1.0 (RFC 9112 §6.1)");
    }
    if (length != nullptr) return bad("Transfer-Encoding beside Content-Length (RFC 9112 §6.1)");
    if (!equal_ignoring_case(*coding, "chunked")) {
      return Error::client(Code::kNotImplemented, Stage::kRequest,
                           "the only transfer coding taken is chunked");
    }
    head_.framing = BodyFraming::kChunked;
  } else if (length != nullptr) {
    head_.framing = BodyFraming::kLength;
    head_.content_length = llhttp_.content_length;
  }
  if (head_.method == "CONNECT" && head_.framing != BodyFraming::kNone) {
    return bad("CONNECT with a body (RFC 9110 §9.3.6)");
  }
  if ((head_.method == "GET" || head_.method == "HEAD") && head_.has_body()) {
    return bad("GET and HEAD with a body are refused (RFC 9110 §9.3.1)");
  }
  return {};
}

Result<void> RequestParser::Machine::check_expect() {
  const std::string* expect = head_.headers.find("expect");
  if (expect == nullptr) return {};
  if (!equal_ignoring_case(*expect, "100-continue")) {
    return Error::client(Code::kExpectationFailed, Stage::kRequest,
                         "the only expectation known is 100-continue");
  }
  head_.expect_continue = head_.minor_version == 1 && head_.has_body();
  return {};
}

}  // namespace culvert
