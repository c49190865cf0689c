// See sse_blocks.h.
#include "relay/codec/sse_blocks.h"

namespace culvert {

std::optional<SseBlock> SseBlocks::next(std::string_view* input) {
  constexpr size_t kKeptBytes = 64 * limits::kKiB;
  if (given_) {
    given_ = false;
    raw_.clear();
    if (raw_.capacity() > kKeptBytes) std::string().swap(raw_);
  }
  const std::string_view before = *input;
  const auto event = parser_.next(input);
  const std::string_view read = before.substr(0, before.size() - input->size());
  const bool ends = event || (parser_.at_boundary() && !(raw_.empty() && read.empty()));
  given_ = ends;
  if (ends && raw_.empty()) return SseBlock{event, read};
  raw_.append(read);
  if (!ends) return std::nullopt;
  return SseBlock{event, raw_};
}

std::string_view line_end_of(std::string_view raw) {
  // The LF of the CR before it came too late for the block before.
  if (!raw.empty() && raw.front() == '\n') raw.remove_prefix(1);
  const size_t at = raw.find_first_of("\r\n");
  if (at == std::string_view::npos || raw[at] == '\n') return "\n";
  return raw.substr(at, 2) == "\r\n" ? "\r\n" : "\r";
}

std::string_view without_byte_order_mark(std::string_view raw) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  if (raw.substr(0, kMark.size()) == kMark) raw.remove_prefix(kMark.size());
  return raw;
}

std::string sse_text(std::string_view type, std::string_view data, std::string_view line_end) {
  std::string out;
  out.reserve(data.size() + type.size() + 32);
  if (!type.empty()) out.append("event: ").append(type).append(line_end);
  for (;;) {
    const size_t end = data.find('\n');
    out.append("data: ").append(data.substr(0, end)).append(line_end);
    if (end == std::string_view::npos) break;
    data.remove_prefix(end + 1);
  }
  return out.append(line_end);
}

}  // namespace culvert
