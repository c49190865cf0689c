// A walk over the lines, with a look at the name only where its first letter may be meant: a head
// of 300 bytes costs some 100 ns.
#include "tests/bench/load/head.h"

#include <strings.h>

#include <charconv>

namespace culvert::bench {
namespace {

constexpr std::string_view kEnd = "\r\n\r\n";

bool is(std::string_view line, std::string_view name, std::string_view& value) {
  if (line.size() <= name.size() || line[name.size()] != ':' ||
      strncasecmp(line.data(), name.data(), name.size()) != 0) {
    return false;
  }
  value = line.substr(name.size() + 1);
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  return true;
}

void read_field(std::string_view line, Head& head) {
  std::string_view value;
  switch (line.empty() ? '\0' : line.front() | 0x20) {
    case 'c':
      if (is(line, "content-length", value)) {
        std::from_chars(value.data(), value.data() + value.size(), head.length);
        head.has_length = true;
      } else if (is(line, "connection", value)) {
        head.close = value.size() >= 5 && strncasecmp(value.data(), "close", 5) == 0;
      }
      return;
    case 't':
      if (is(line, "transfer-encoding", value)) head.chunked = true;
      return;
    case 'e':
      if (is(line, "expect", value)) head.expects_continue = true;
      return;
    case 'x':
      if (is(line, "x-bench", value)) head.bench = value;
      return;
    default:
      return;
  }
}

}  // namespace

int Head::status() const {
  constexpr size_t kAt = 9;  // behind "HTTP/1.1 "
  int status = 0;
  if (start.size() < kAt + 3 || !start.starts_with("HTTP/1.")) return 0;
  std::from_chars(start.data() + kAt, start.data() + kAt + 3, status);
  return status;
}

std::string_view Head::path() const {
  const size_t from = start.find(' ');
  const size_t to = start.rfind(' ');
  return from == to ? std::string_view() : start.substr(from + 1, to - from - 1);
}

Head read_head(std::string_view text) {
  Head head;
  for (bool first = true; !text.empty(); first = false) {
    const size_t end = text.find("\r\n");
    const std::string_view line = text.substr(0, end);
    if (first) {
      head.start = line;
    } else {
      read_field(line, head);
    }
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
  }
  return head;
}

HeadCollector::Found HeadCollector::take(std::string_view& in) {
  if (kept_.empty()) {
    const size_t end = in.find(kEnd);
    if (end != std::string_view::npos) {
      head_ = in.substr(0, end + kEnd.size());
      in.remove_prefix(head_.size());
      return Found::kWhole;
    }
  }
  const size_t before = kept_.size();
  kept_.append(in);
  const size_t end = kept_.find(kEnd, before < kEnd.size() ? 0 : before - kEnd.size() + 1);
  if (end == std::string::npos) {
    in = {};
    return kept_.size() > kBytesMax ? Found::kTooLong : Found::kMore;
  }
  head_ = std::string_view(kept_).substr(0, end + kEnd.size());
  in.remove_prefix(head_.size() - before);
  return Found::kWhole;
}

void HeadCollector::clear() {
  kept_.clear();
  head_ = {};
}

}  // namespace culvert::bench
