// From the front, line by line; the first that is not plain ends it.
#include "relay/codec/plain_head.h"

#include "relay/base/text.h"
#include "relay/codec/characters.h"
#include "relay/codec/framing.h"

#include <algorithm>
#include <utility>

namespace culvert {
namespace {

constexpr size_t kLongestMethod = 7;  // OPTIONS, CONNECT
constexpr std::string_view kRequestEnd = " HTTP/1.1\r\n";
constexpr std::string_view kStatusBegin = "HTTP/1.1 ";
constexpr size_t kStatusBytes = 3;
constexpr std::string_view kLineEnd = "\r\n";

enum Class : uint8_t { kToken = 1, kInTarget = 2 };
constexpr auto kClasses = [] {
  std::array<uint8_t, 256> classes{};
  for (size_t i = 0; i < classes.size(); ++i) {
    const char c = static_cast<char>(i);
    classes[i] = static_cast<uint8_t>((is_token_byte(c) ? kToken : 0) |
                                      (is_visible_byte(c) && c != '#' ? kInTarget : 0));
  }
  return classes;
}();

size_t class_run(std::string_view bytes, Class wanted) {
  size_t at = 0;
  while (at < bytes.size() && (kClasses[static_cast<unsigned char>(bytes[at])] & wanted) != 0) ++at;
  return at;
}

// The end of a line that has text from `at` on; 0 where that is not plain to see.
size_t end_of_text_line(std::string_view bytes, size_t at) {
  const size_t end = at + text_run(bytes.substr(at));
  return bytes.substr(end).starts_with(kLineEnd) ? end + kLineEnd.size() : 0;
}

size_t plain_request_line(std::string_view bytes, size_t most_target) {
  const size_t method = bytes.substr(0, kLongestMethod + 1).find(' ');
  if (method == std::string_view::npos) return 0;
  const auto carried =
      std::find(kCarriedMethods.begin(), kCarriedMethods.end(), bytes.substr(0, method));
  if (carried == kCarriedMethods.end()) return 0;
  const size_t target = class_run(bytes.substr(method + 1, most_target), kInTarget);
  const size_t end = method + 1 + target;
  return target > 0 && bytes.substr(end).starts_with(kRequestEnd) ? end + kRequestEnd.size() : 0;
}

size_t plain_status_line(std::string_view bytes) {
  if (!bytes.starts_with(kStatusBegin)) return 0;
  const std::string_view status = bytes.substr(kStatusBegin.size(), kStatusBytes + 1);
  if (status.size() <= kStatusBytes || status[0] == '0' || status[3] != ' ') return 0;
  if (!std::all_of(status.begin(), status.begin() + kStatusBytes, is_digit_byte)) return 0;
  return end_of_text_line(bytes, kStatusBegin.size() + status.size());
}

}  // namespace

size_t plain_start_line(HeadKind kind, std::string_view bytes, const HeadLimits& limits) {
  return kind == HeadKind::kRequest ? plain_request_line(bytes, limits.target_bytes)
                                    : plain_status_line(bytes);
}

PlainField plain_field_line(std::string_view bytes) {
  const size_t letters = letter_run(bytes);
  const size_t name = letters + class_run(bytes.substr(letters), kToken);
  if (name == 0 || name == bytes.size() || bytes[name] != ':') return {};
  return {name, end_of_text_line(bytes, name + 1)};
}

bool PlainHead::read(HeadKind kind, std::string_view bytes, const HeadLimits& limits) {
  bytes_ = bytes.substr(0, limits.head_bytes);
  return read_start(kind, limits) && read_fields(std::min(limits.head_fields, kMost));
}

bool PlainHead::read_start(HeadKind kind, const HeadLimits& limits) {
  size_ = plain_start_line(kind, bytes_, limits);
  if (size_ == 0) return false;
  if (kind == HeadKind::kResponse) {
    const std::string_view line = bytes_.substr(kStatusBegin.size(), size_ - kStatusBegin.size());
    for (const char c : line.substr(0, kStatusBytes)) {
      start_.status = start_.status * 10 + (c - '0');
    }
    start_.reason = line.substr(kStatusBytes + 1);
    start_.reason.remove_suffix(kLineEnd.size());
    return true;
  }
  const std::string_view line = bytes_.substr(0, size_ - kRequestEnd.size());
  const size_t method = line.find(' ');
  start_.method = line.substr(0, method);
  start_.target = line.substr(method + 1);
  return start_.target.front() == '/' && start_.method != "CONNECT";
}

bool PlainHead::read_fields(size_t most) {
  while (!bytes_.substr(size_).starts_with(kLineEnd)) {
    if (count_ == most) return false;
    const PlainField field = plain_field_line(bytes_.substr(size_));
    if (field.line == 0) return false;
    fields_[count_] = {static_cast<uint32_t>(size_), static_cast<uint32_t>(field.name),
                       static_cast<uint32_t>(field.line)};
    if (!may_stand(count_)) return false;
    size_ += field.line;
    ++count_;
  }
  size_ += kLineEnd.size();
  return true;
}

// What says where the message ends is judged by both readers, but for a length that stands once.
bool PlainHead::may_stand(size_t field) {
  const std::string_view name = this->name(field);
  if (equal_ignoring_case(name, kTransferEncoding.text())) return false;
  if (!equal_ignoring_case(name, kContentLength.text())) return true;
  return !std::exchange(has_length_, true) && is_plain_length(value(field));
}

std::string_view PlainHead::value(size_t field) const {
  const Field& at = fields_[field];
  const std::string_view line = bytes_.substr(at.begin, at.line - kLineEnd.size());
  return trim(line.substr(at.name + 1));
}

}  // namespace culvert
