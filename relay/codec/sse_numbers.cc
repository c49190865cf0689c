// Lines are kept with an LF each: whether a CR is a line's whole end is known only behind it.
#include "relay/codec/sse_numbers.h"

#include "relay/codec/sse_blocks.h"

#include <utility>

namespace culvert {
namespace {

std::string_view field_name(std::string_view line) { return line.substr(0, line.find(':')); }

}  // namespace

std::optional<SseNumbers::Piece> SseNumbers::next(std::string_view* input) {
  while (!input->empty()) {
    if (std::exchange(after_cr_, false)) {
      const bool pair = input->front() == '\n';
      line_end_ = pair ? "\r\n" : "\r";
      if (pair) {
        input->remove_prefix(1);
        continue;
      }
    }
    const size_t end = input->find_first_of("\r\n");
    line_.append(input->substr(0, end));
    if (end == std::string_view::npos) {
      input->remove_prefix(input->size());
      break;
    }
    after_cr_ = (*input)[end] == '\r';
    if (!after_cr_) line_end_ = "\n";
    input->remove_prefix(end + 1);
    if (auto piece = end_line()) return piece;
  }
  return std::nullopt;
}

std::optional<SseNumbers::Piece> SseNumbers::end_line() {
  const std::string whole = std::exchange(line_, {});
  std::string_view line = whole;
  if (std::exchange(first_line_, false)) line = without_byte_order_mark(line);
  if (line.empty()) return end_event();
  // Whoever keeps a connection awake with comments must not wait for an empty line.
  if (lines_.empty() && line.front() == ':') {
    return Piece{0, std::string(line).append(line_end_)};
  }
  const std::string_view name = field_name(line);
  if (name == "id") return std::nullopt;
  data_ = data_ || name == "data";
  lines_.append(line) += '\n';
  return std::nullopt;
}

SseNumbers::Piece SseNumbers::end_event() {
  Piece piece;
  if (std::exchange(data_, false)) {
    piece.id = ++last_;
    piece.text.append("id: ").append(std::to_string(last_)).append(line_end_);
  }
  append_lines(&piece.text);
  lines_.clear();
  piece.text.append(line_end_);
  return piece;
}

std::optional<SseNumbers::Piece> SseNumbers::end() {
  Piece piece;
  if (field_name(line_) == "id") line_.clear();
  if (data_ || field_name(line_) == "data") {
    piece.id = ++last_;
    piece.text.append("id: ").append(std::to_string(last_)).append(line_end_);
  }
  piece.text += take_unfinished();
  if (piece.text.empty()) return std::nullopt;
  return piece;
}

std::string SseNumbers::take_unfinished() {
  std::string out;
  append_lines(&out);
  out += line_;
  lines_.clear();
  line_.clear();
  data_ = false;
  return out;
}

void SseNumbers::append_lines(std::string* out) const {
  if (line_end_ == "\n") {
    *out += lines_;
    return;
  }
  for (const char c : lines_) c == '\n' ? out->append(line_end_) : out->append(1, c);
}

}  // namespace culvert
