// The state machine of a head, in the order of its bytes; before it what leads past it.
#include "relay/codec/head_scanner.h"

#include "relay/base/limits.h"
#include "relay/codec/characters.h"

#include <algorithm>
#include <array>

namespace culvert {
namespace {

// The last one is HTTP/2's preface, which deserves an answer of its own.
constexpr auto kMethods = [] {
  std::array<std::string_view, kCarriedMethods.size() + 1> methods;
  *std::copy(kCarriedMethods.begin(), kCarriedMethods.end(), methods.begin()) = "PRI";
  return methods;
}();
constexpr unsigned kPreface = 1U << (kMethods.size() - 1);
constexpr unsigned kAllMethods = (1U << kMethods.size()) - 1;
constexpr std::string_view kVersionText = "HTTP/1.";

}  // namespace

void HeadScanner::begin() {
  step_ = Step::kStart;
  bytes_ = step_bytes_ = fields_ = empty_lines_ = 0;
  methods_ = kAllMethods;
  offence_.reset();
}

size_t HeadScanner::scan(std::string_view bytes) {
  size_t count = 0;
  while (count < bytes.size() && !done() && !offence_) {
    count += plain_lines(bytes.substr(count));
    if (count == bytes.size()) break;
    byte(bytes[count]);
    if (!offence_) ++count;
  }
  return count;
}

// The lines at the front of which byte() would accept every byte, within all limits; it is asked
// about the rest. A machine of a dozen branches for each byte was a sixth of a request's
// instructions.
size_t HeadScanner::plain_lines(std::string_view bytes) {
  if (step_ != Step::kStart && step_ != Step::kFieldStart) return 0;
  bytes = bytes.substr(0, limits_.head_bytes - bytes_);
  size_t count = 0;
  if (step_ == Step::kStart) {
    count = plain_start_line(kind_, bytes, limits_);
    if (count == 0) return 0;
    go(Step::kFieldStart);
  }
  while (fields_ < limits_.head_fields) {
    const size_t line = plain_field_line(bytes.substr(count)).line;
    if (line == 0) break;
    count += line;
    ++fields_;
  }
  bytes_ += count;
  return count;
}

void HeadScanner::byte(char c) {
  const bool line_break = c == '\r' || c == '\n';
  if (step_ == Step::kStart && !line_break) {
    go(kind_ == Kind::kRequest ? Step::kMethod : Step::kVersion);
  }
  if (step_ == Step::kFieldStart && is_token_byte(c)) {
    if (++fields_ > limits_.head_fields) {
      return refuse(Code::kHeadTooLarge, "there are more fields than the limit (RFC 6585 §5)");
    }
    go(Step::kName);
  }
  const bool counted = step_ != Step::kStart && step_ != Step::kEmptyLineEnd;
  if (counted && bytes_ >= limits_.head_bytes) {
    return refuse(Code::kHeadTooLarge, "the head is larger than the limit (RFC 6585 §5)");
  }
  const Step before = step_;
  switch (step_) {
    case Step::kStart:
      start_byte(c);
      break;
    case Step::kEmptyLineEnd:
      expect(c, '\n', Step::kStart);
      break;
    case Step::kMethod:
      method_byte(c);
      break;
    case Step::kTarget:
      target_byte(c);
      break;
    case Step::kVersion:
      version_byte(c);
      break;
    case Step::kVersionEnd:
      expect(c, kind_ == Kind::kRequest ? '\r' : ' ',
             kind_ == Kind::kRequest ? Step::kLineEnd : Step::kStatus);
      break;
    case Step::kStatus:
      status_byte(c);
      break;
    case Step::kStatusEnd:
      expect(c, c == ' ' ? ' ' : '\r', c == ' ' ? Step::kReason : Step::kLineEnd);
      break;
    case Step::kReason:
    case Step::kValue:
      text_byte(c);
      break;
    case Step::kLineEnd:
      expect(c, '\n', Step::kFieldStart);
      break;
    case Step::kFieldStart:
      field_start_byte(c);
      break;
    case Step::kName:
      name_byte(c);
      break;
    case Step::kHeadEnd:
      expect(c, '\n', Step::kDone);
      break;
    case Step::kDone:
      break;
  }
  if (step_ == before) ++step_bytes_;
  if (counted) ++bytes_;
}

void HeadScanner::start_byte(char c) {
  if (kind_ == Kind::kResponse) {
    return refuse(Code::kBadAnswer, "an empty line stands before the answer (RFC 9112 §4)");
  }
  if (c == '\n') return refuse(Code::kBadRequest, "a line ends without CR (RFC 9112 §2.2)");
  if (++empty_lines_ > limits::kLeadingEmptyLines) {
    return refuse(Code::kBadRequest, "too many empty lines before the request (RFC 9112 §2.2)");
  }
  go(Step::kEmptyLineEnd);
}

void HeadScanner::method_byte(char c) {
  if (!is_token_byte(c) && (c != ' ' || step_bytes_ == 0)) {
    return refuse(Code::kBadRequest, "the method is not a token (RFC 9112 §3.1)");
  }
  for (size_t i = 0; i < kMethods.size(); ++i) {
    const std::string_view method = kMethods[i];
    const bool fits = c == ' ' ? method.size() == step_bytes_
                               : step_bytes_ < method.size() && method[step_bytes_] == c;
    if (!fits) methods_ &= ~(1U << i);
  }
  if (methods_ == 0) {
    return refuse(Code::kNotImplemented, "this method is not carried (RFC 9110 §9.1)");
  }
  if (c != ' ') return;
  if (methods_ == kPreface) {
    return refuse(Code::kVersionNotSupported, "HTTP/2 is not spoken here (RFC 9113 §3.4)");
  }
  go(Step::kTarget);
}

void HeadScanner::target_byte(char c) {
  if (c == ' ') {
    if (step_bytes_ == 0) {
      return refuse(Code::kBadRequest, "two spaces stand in the request line (RFC 9112 §3)");
    }
    return go(Step::kVersion);
  }
  if (c == '\r' || c == '\n') {
    return refuse(Code::kBadRequest, "the request line has no version (RFC 9112 §3)");
  }
  if (c == '#') return refuse(Code::kBadRequest, "the target has a fragment (RFC 9112 §3.2)");
  if (!is_visible_byte(c)) {
    return refuse(Code::kBadRequest, "the target has a byte that a URI cannot have (RFC 3986 §2)");
  }
  if (step_bytes_ >= limits_.target_bytes) {
    refuse(Code::kTargetTooLong, "the target is longer than the limit (RFC 9112 §3)");
  }
}

void HeadScanner::version_byte(char c) {
  const size_t at = step_bytes_;
  if (at == kVersionText.size()) {
    if (c == '0' || c == '1') return go(Step::kVersionEnd);
    if (is_digit_byte(c)) {
      return refuse(Code::kVersionNotSupported, "the version is not 1.0 or 1.1 (RFC 9112 §2.3)");
    }
  } else if (c == kVersionText[at]) {
    return;
  } else if (at == kVersionText.find('1') && is_digit_byte(c)) {
    return refuse(Code::kVersionNotSupported, "the version is not 1.0 or 1.1 (RFC 9112 §2.3)");
  }
  if (c == ' ')
    return refuse(Code::kBadRequest, "two spaces stand in the start line (RFC 9112 §3)");
  refuse(Code::kBadRequest, "the version is malformed (RFC 9112 §2.3)");
}

void HeadScanner::status_byte(char c) {
  if (!is_digit_byte(c) || (step_bytes_ == 0 && c == '0')) {
    return refuse(Code::kBadAnswer, "the status is not a number from 100 to 999 (RFC 9112 §4)");
  }
  if (step_bytes_ == 2) go(Step::kStatusEnd);
}

void HeadScanner::text_byte(char c) {
  if (c == '\r') return go(Step::kLineEnd);
  if (c == '\n') return refuse(Code::kBadRequest, "a line ends without CR (RFC 9112 §2.2)");
  if (!is_text_byte(c)) {
    refuse(Code::kBadRequest, "a field value has a control byte (RFC 9110 §5.5)");
  }
}

void HeadScanner::field_start_byte(char c) {
  if (c == '\r') return go(Step::kHeadEnd);
  if (c == '\n') return refuse(Code::kBadRequest, "a line ends without CR (RFC 9112 §2.2)");
  if (c == ' ' || c == '\t') {
    return refuse(Code::kBadRequest, "a field line is folded (RFC 9112 §5.2)");
  }
  refuse(Code::kBadRequest, c == ':' ? "a field has no name (RFC 9112 §5)"
                                     : "a field name is not a token (RFC 9110 §5.1)");
}

void HeadScanner::name_byte(char c) {
  if (c == ':') return go(Step::kValue);
  if (c == ' ' || c == '\t') {
    return refuse(Code::kBadRequest, "a space stands before a field's colon (RFC 9112 §5.1)");
  }
  if (c == '\n') return refuse(Code::kBadRequest, "a line ends without CR (RFC 9112 §2.2)");
  if (!is_token_byte(c)) {
    refuse(Code::kBadRequest, "a field name is not a token (RFC 9110 §5.1)");
  }
}

void HeadScanner::expect(char c, char wanted, Step next) {
  if (c == wanted) return go(next);
  if (wanted == '\n') return refuse(Code::kBadRequest, "a CR stands alone (RFC 9112 §2.2)");
  if (c == '\n') return refuse(Code::kBadRequest, "a line ends without CR (RFC 9112 §2.2)");
  refuse(Code::kBadRequest, "the start line is malformed (RFC 9112 §3, §4)");
}

void HeadScanner::refuse(Code code, const char* detail) { offence_ = Offence{code, detail}; }

void HeadScanner::go(Step step) {
  step_ = step;
  step_bytes_ = 0;
}

}  // namespace culvert
