// Line by line, as the standard's own algorithm reads. A line that is whole in the caller's bytes,
// as nearly all are, is read where it stands.
#include "relay/codec/sse.h"

#include "relay/base/limits.h"
#include "relay/codec/characters.h"
#include "relay/codec/find_either.h"

#include <algorithm>

namespace culvert {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

std::optional<SseEvent> SseParser::next(std::string_view* input) {
  if (given_) begin_event();
  while (!input->empty()) {
    if (after_cr_) {
      after_cr_ = false;
      if (input->front() == '\n') {
        input->remove_prefix(1);
        continue;
      }
    }
    const size_t size = find_either(*input, '\n', '\r');
    const std::string_view line = input->substr(0, size);
    if (size == input->size()) {
      take(line, false);
      input->remove_prefix(size);
      break;
    }
    after_cr_ = (*input)[size] == '\r';
    input->remove_prefix(size + 1);
    if (after_cr_ && !input->empty()) {
      after_cr_ = false;
      if (input->front() == '\n') input->remove_prefix(1);
    }
    if (take(line, true)) {
      given_ = true;
      return SseEvent{type_, data_.empty() ? lent_ : data_, id_, retry_};
    }
  }
  own_data();
  return std::nullopt;
}

bool SseParser::at_boundary() const { return line_bytes_ == 0 && !pending_ && !skipping_; }

// Of a line; ends: all that was missing of it. True where it ended an event that has data.
bool SseParser::take(std::string_view bytes, bool ends) {
  line_bytes_ += bytes.size();
  if (!fits(bytes)) bytes = {};
  if (ends && line_.empty()) return end_line(bytes, true);
  line_.append(bytes);
  return ends && end_line(line_, false);
}

bool SseParser::fits(std::string_view bytes) {
  if (skipping_) return false;
  if (line_.size() + lent_.size() + data_.size() + bytes.size() <= limit_) return true;
  skipping_ = overflowed_ = true;
  begin_event();
  std::string().swap(line_);
  return false;
}

// lasts: the line stands in the caller's bytes.
bool SseParser::end_line(std::string_view line, bool lasts) {
  if (first_line_ && line.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
    line.remove_prefix(kByteOrderMark.size());
    line_bytes_ -= kByteOrderMark.size();
  }
  first_line_ = false;
  const bool empty = line_bytes_ == 0;
  if (!empty && !skipping_) take_field(line, lasts);
  line_.clear();
  line_bytes_ = 0;
  if (!empty) return false;
  skipping_ = pending_ = false;
  if (data_lines_ > 0) return true;
  begin_event();
  return false;
}

void SseParser::take_field(std::string_view line, bool lasts) {
  if (line.front() == ':') return;
  pending_ = true;
  const size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  std::string_view value;
  if (colon != std::string_view::npos) value = line.substr(colon + 1);
  if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  if (name == "data") {
    take_data(value, lasts);
  } else if (name == "event") {
    type_ = value;
  } else if (name == "id") {
    if (value.find('\0') == std::string_view::npos) id_ = value;
  } else if (name == "retry") {
    take_retry(value);
  }
}

void SseParser::take_data(std::string_view value, bool lasts) {
  if (data_lines_++ == 0 && lasts) {
    lent_ = value;
    return;
  }
  own_data();
  if (data_lines_ > 1) data_ += '\n';
  data_.append(value);
}

void SseParser::own_data() {
  data_.append(lent_);
  lent_ = {};
}

void SseParser::take_retry(std::string_view value) {
  constexpr size_t kMostDigits = 18;
  if (value.empty() || value.size() > kMostDigits ||
      !std::all_of(value.begin(), value.end(), is_digit_byte)) {
    return;
  }
  uint64_t milliseconds = 0;
  for (const char c : value) milliseconds = milliseconds * 10 + static_cast<uint64_t>(c - '0');
  retry_ = milliseconds;
}

void SseParser::begin_event() {
  constexpr size_t kKeptBytes = 64 * limits::kKiB;
  given_ = false;
  type_.clear();
  data_.clear();
  lent_ = {};
  if (data_.capacity() > kKeptBytes) std::string().swap(data_);
  if (line_.empty() && line_.capacity() > kKeptBytes) std::string().swap(line_);
  retry_.reset();
  data_lines_ = 0;
}

}  // namespace culvert
