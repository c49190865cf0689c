// Any bytes from an upstream; the first chooses the request's method and how the connection ends.
// However they are split the same is said, and nothing is whole that was cut.
#include "tests/fuzz/fuzz.h"
#include "tests/unit/codec/transcript.h"

namespace culvert::test {
namespace {

bool reads_until_close(std::string_view input, bool to_head) {
  ResponseParser parser(to_head);
  bool head = false;
  while (true) {
    const auto event = parser.next(&input);
    if (!event || event->kind == EventKind::kNeedMore) break;
    head = head || event->kind == EventKind::kHead;
  }
  return head && parser.head().framing == BodyFraming::kUntilClose;
}

}  // namespace
}  // namespace culvert::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert;        // NOLINT(google-build-using-namespace)
  using namespace culvert::test;  // NOLINT(google-build-using-namespace)
  if (size == 0) return 0;
  const bool to_head = (data[0] & 1U) != 0;
  const bool clean = (data[0] & 2U) != 0;
  const std::string_view input = text(data + 1, size - 1);
  const auto run = [&](std::optional<Ending> ending) {
    return same_at_splits(
        input, [&](const Pieces& pieces) { return response_transcript(pieces, ending, to_head); });
  };
  const std::string open = run(std::nullopt);
  const std::string closed = run(Ending{clean});
  if (!open.ends_with("open\n")) {
    require(open == closed, "the end of the connection changes nothing of what had ended");
    return 0;
  }
  const bool until_close = reads_until_close(input, to_head);
  const bool ended = closed.ends_with("end\n");
  require(ended == (until_close && clean), "only a clean close ends a body, and only an open one");
  return 0;
}
