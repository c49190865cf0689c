// Any bytes as a chunked body. Where the parser says that it ended, a second reader, written here
// from the grammar alone (RFC 9112 §7.1), must have read the same bytes and the same end.
#include "tests/fuzz/fuzz.h"
#include "tests/unit/codec/transcript.h"

namespace culvert::test {
namespace {

constexpr std::string_view kHead =
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

std::optional<std::string_view> line(std::string_view* rest) {
  const size_t end = rest->find("\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view out = rest->substr(0, end);
  rest->remove_prefix(end + 2);
  return out;
}

struct Body {
  std::string bytes;
  size_t consumed = 0;
};

std::optional<Body> read(std::string_view input) {
  Body body;
  std::string_view rest = input;
  while (true) {
    const auto size_line = line(&rest);
    if (!size_line) return std::nullopt;
    const std::string digits(size_line->substr(0, size_line->find(';')));
    if (digits.empty() || digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) {
      return std::nullopt;
    }
    const uint64_t size = std::strtoull(digits.c_str(), nullptr, 16);
    if (size == 0) break;
    if (rest.size() < size + 2 || rest.substr(size, 2) != "\r\n") return std::nullopt;
    body.bytes += rest.substr(0, size);
    rest.remove_prefix(size + 2);
  }
  while (true) {
    const auto trailer = line(&rest);
    if (!trailer) return std::nullopt;
    if (trailer->empty()) break;
  }
  body.consumed = input.size() - rest.size();
  return body;
}

}  // namespace
}  // namespace culvert::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert;        // NOLINT(google-build-using-namespace)
  using namespace culvert::test;  // NOLINT(google-build-using-namespace)
  const std::string_view input = text(data, size);
  const std::string message = std::string(kHead) + std::string(input);
  same_at_splits(message, [](const Pieces& pieces) { return request_transcript(pieces); });

  RequestParser parser(kLimits);
  std::string_view rest = message;
  std::string bytes;
  while (true) {
    const auto event = parser.next(&rest);
    if (!event || event->kind == EventKind::kNeedMore) return 0;
    if (event->kind == EventKind::kBody) bytes += event->body;
    if (event->kind == EventKind::kEnd) break;
  }
  const auto second = read(input);
  require(second.has_value(), "the grammar's reader refused what the parser took");
  require(second->bytes == bytes, "the two read different bytes");
  require(second->consumed == input.size() - rest.size(), "the two ended at different places");
  return 0;
}
