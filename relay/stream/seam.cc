// The longest end of the text that is a beginning of the continuation. It is looked for behind a
// re-opened fence or an ellipsis too, and those go with it.
#include "relay/stream/seam.h"

#include "relay/base/limits.h"
#include "relay/codec/utf8.h"

#include <algorithm>

namespace culvert {
namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr std::string_view kFence = "```";
constexpr size_t kInfoBytes = 40;  // of a fence: the language's name

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

size_t blanks_before(std::string_view text) {
  return std::min(text.find_first_not_of(" \t\r\n"), text.size());
}

// An odd number of lines that begin with a fence.
bool open_fence(std::string_view text) {
  bool open = false;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    if (starts_with(line.substr(blanks_before(line)), kFence)) open = !open;
    at = end + 1;
  }
  return open;
}

// A rule, a row of dots, an indentation: repeating it is as likely as going on with it.
bool is_pattern(std::string_view text) {
  constexpr size_t kPeriods = 4;
  size_t period = 0;
  for (size_t i = 0; i < kPeriods && period < text.size(); ++i) {
    period += first_point(text.substr(period)).size;
    if (text.substr(period) == text.substr(0, text.size() - period)) return true;
  }
  return false;
}

size_t ellipsis_at(std::string_view text) {
  const size_t blanks = blanks_before(text);
  const std::string_view rest = text.substr(blanks);
  for (const std::string_view dots : {"\xE2\x80\xA6\xE2\x80\xA6", "\xE2\x80\xA6", "..."}) {
    if (starts_with(rest, dots)) return blanks + dots.size();
  }
  return 0;
}

}  // namespace

Seam::Seam(std::string_view sent, size_t points, std::string_view blanks)
    : tail_(last_points(sent, points)),
      blanks_(blanks),
      points_(points),
      least_points_(limits::kResumeOverlap),
      in_fence_(open_fence(sent)),
      line_start_(sent.empty() || sent.back() == '\n') {
  // Of a text that is shorter than the least overlap, a repetition has all.
  constexpr size_t kFewest = 3;
  const size_t all = count_points(sent);
  if (all >= kFewest) least_points_ = std::min(least_points_, all);
}

std::optional<size_t> Seam::feed(std::string_view text) {
  received_ += text;
  if (count_points(received_) >= points_) return decide();
  if (decoration_may_come()) return std::nullopt;
  const size_t behind = decoration();
  if (behind == received_.size() || match_behind(0).may_grow) return std::nullopt;
  if (behind > 0 && match_behind(behind).may_grow) return std::nullopt;
  if (received_.size() - behind < blanks_.size() && behind > 0 &&
      blanks_again(behind) == received_.size() - behind) {
    return std::nullopt;  // the rest of the blanks may come
  }
  return decide();
}

size_t Seam::decide() const {
  if (const Match plain = match_behind(0); plain.overlap > 0) return plain.overlap;
  const size_t behind = decoration();
  if (behind > 0) {
    const Match match = match_behind(behind);
    if (match.overlap > 0) return behind + match.overlap;
    // Blanks and dots may be meant; a second opening of the same block cannot be.
    const std::string_view opening = std::string_view(received_).substr(0, behind);
    const size_t fence = opening.find(kFence);
    const size_t line_end = fence == kNone ? kNone : opening.find('\n', fence);
    if (line_end != kNone) {
      const std::string_view info =
          opening.substr(fence + kFence.size(), line_end - fence - kFence.size());
      const bool named = info.find_first_not_of(" \t\r") != kNone;
      if (named || (!line_start_ && fence == 0)) return behind + blanks_again(behind);
    }
  }
  return blanks_again(0);
}

// Bytes of the blanks that the upstream was not shown, where they come again.
size_t Seam::blanks_again(size_t begin) const {
  const std::string_view received = std::string_view(received_).substr(begin);
  size_t again = 0;
  while (again < blanks_.size() && again < received.size() && received[again] == blanks_[again]) {
    ++again;
  }
  return again;
}

bool Seam::repeats() const {
  const size_t behind = decoration();
  return match_behind(0).grown || (behind > 0 && match_behind(behind).grown);
}

Seam::Match Seam::match_behind(size_t begin) const {
  Match match;
  match.begin = begin;
  const std::string_view received = std::string_view(received_).substr(begin);
  const std::string_view tail = tail_;
  size_t left = count_points(tail);
  for (size_t at = 0; at < tail.size() && left >= least_points_; --left) {
    const std::string_view end = tail.substr(at);
    at += first_point(end).size;
    if (starts_with(received, end)) {
      if (match.overlap == 0 && !is_pattern(end)) match.overlap = end.size();
    } else if (end.size() > received.size() && starts_with(end, received)) {
      match.may_grow = true;
      match.grown = match.grown || count_points(received) >= limits::kResumeOverlap;
    }
  }
  return match;
}

// The bytes of a fence's line or an ellipsis at the beginning, with blanks around them; 0 where
// there is neither. A fence only where the text stands inside a block.
size_t Seam::decoration() const {
  const std::string_view received = received_;
  const size_t blanks = blanks_before(received);
  if (in_fence_ && starts_with(received.substr(blanks), kFence)) {
    const size_t end = received.find('\n', blanks);
    if (end != kNone && end - blanks <= kInfoBytes) return end + 1;
    return 0;
  }
  const size_t dots = ellipsis_at(received);
  if (dots == 0) return 0;
  return dots + (dots < received.size() && is_blank(received[dots]) ? 1 : 0);
}

// What came may yet become a fence or an ellipsis.
bool Seam::decoration_may_come() const {
  const std::string_view received = received_;
  const std::string_view rest = received.substr(blanks_before(received));
  if (rest.empty()) return true;
  for (const std::string_view dots : {"...", "\xE2\x80\xA6"}) {
    if (rest.size() < dots.size() && starts_with(dots, rest)) return true;
  }
  if (!in_fence_) return false;
  if (rest.size() < kFence.size()) return starts_with(kFence, rest);
  return starts_with(rest, kFence) && rest.find('\n') == kNone && rest.size() <= kInfoBytes;
}

}  // namespace culvert
