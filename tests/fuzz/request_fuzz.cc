// Any bytes from a client. However they are split, the same is said of them; and where they end
// between two requests, a request behind them is seen as itself, whole, and nowhere else.
#include "tests/fuzz/fuzz.h"
#include "tests/unit/codec/transcript.h"

namespace culvert::test {
namespace {

constexpr std::string_view kNext = "GET /next HTTP/1.1\r\nHost: next\r\n\r\n";
constexpr std::string_view kNextSaid =
    "head GET /next 1.1 host=next body=none keep [Host=next]\nend\nidle\n";
constexpr std::string_view kIdle = "idle\n";
constexpr HeadLimits kSmall{512, 8, 64};

// Of each head that was taken: nothing in it can be read as a line of its own.
void check_heads(std::string_view input) {
  RequestParser parser(kLimits);
  while (true) {
    const auto event = parser.next(&input);
    if (!event || event->kind == EventKind::kNeedMore) return;
    if (event->kind != EventKind::kHead) continue;
    const RequestHead& head = parser.head();
    const bool tunnel = head.method == "CONNECT";
    require(tunnel || head.target == "*" || head.target.starts_with('/'), "form of the target");
    require(head.headers.count("host") <= 1, "one host");
    require(head.headers.count("transfer-encoding") + head.headers.count("content-length") <= 1,
            "one framing");
    for (const Header& field : head.headers) {
      const std::string line = std::string(field.name).append(field.value);
      require(line.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos, "field");
    }
  }
}

}  // namespace
}  // namespace culvert::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert::test;  // NOLINT(google-build-using-namespace)
  const std::string_view input = text(data, size);
  std::string said =
      same_at_splits(input, [](const Pieces& pieces) { return request_transcript(pieces); });
  same_at_splits(input, [](const Pieces& pieces) { return request_transcript(pieces, kSmall); });
  check_heads(input);
  if (!said.ends_with(kIdle)) return 0;
  // Empty lines before a request are counted, and half of one may stand at the end.
  if (!input.empty() && !said.ends_with("end\nidle\n")) return 0;
  if (input.ends_with('\r') || input.ends_with("\r\n\r\n\r\n")) return 0;
  const std::string both =
      same_at_splits(std::string(input) + std::string(kNext),
                     [](const Pieces& pieces) { return request_transcript(pieces); });
  said.resize(said.size() - kIdle.size());
  require(both == said + std::string(kNextSaid) ||
              both.find("too many empty lines") != std::string::npos,
          "the next request is its own");
  return 0;
}
