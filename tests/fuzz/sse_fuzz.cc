// Any bytes as an event stream, with a small limit so that it is reached. The same events at every
// split; and a comment where one may be inserted changes none of them.
#include "relay/codec/sse.h"
#include "relay/codec/sse_blocks.h"
#include "relay/codec/stream_end.h"
#include "tests/fuzz/fuzz.h"

namespace culvert::test {
namespace {

constexpr size_t kLimit = 200;
constexpr std::string_view kComment = ": ping\n\n";

void take(SseParser* parser, std::string_view bytes, std::string* out) {
  while (const auto event = parser->next(&bytes)) {
    *out += std::string(event->type) + "|" + std::string(event->data) + "|" +
            std::string(event->id) + "|" + std::to_string(event->retry.value_or(0)) + "\n";
  }
  require(bytes.empty(), "all was consumed");
}

std::string events(const Pieces& pieces) {
  SseParser parser(kLimit);
  std::string out;
  for (const Piece& piece : pieces) take(&parser, piece.view(), &out);
  if (parser.overflowed()) out += "overflowed\n";
  return out + (parser.at_boundary() ? "between" : "within");
}

// Blocks are the stream again, byte for byte, and have the events of the parser.
std::string blocks_of(const Pieces& pieces) {
  SseBlocks blocks(kLimit);
  std::string raw;
  std::string out;
  for (const Piece& piece : pieces) {
    std::string_view bytes = piece.view();
    while (const auto block = blocks.next(&bytes)) {
      raw += block->raw;
      if (block->event) out += std::string(block->event->data) + "\n";
    }
  }
  return raw + std::string(blocks.unfinished()) + "\n--\n" + out;
}

// A comment at every boundary but the first, where it would stand before a byte order mark.
std::string with_comments(std::string_view input) {
  SseParser watch(kLimit);
  std::string ignored;
  std::string out;
  for (const char& c : input) {
    take(&watch, {&c, 1}, &ignored);
    out += c;
    if (watch.at_boundary()) out += kComment;
  }
  return out;
}

}  // namespace
}  // namespace culvert::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert;        // NOLINT(google-build-using-namespace)
  using namespace culvert::test;  // NOLINT(google-build-using-namespace)
  const std::string_view input = text(data, size);
  const std::string said = same_at_splits(input, events);
  const std::string blocks = same_at_splits(input, blocks_of);
  require(blocks.substr(0, input.size()) == input, "blocks lost a byte");
  require(events(whole(with_comments(input))) == said, "a comment changed the events");
  for (const Dialect dialect :
       {Dialect::kOpaque, Dialect::kOpenAi, Dialect::kAnthropic, Dialect::kGemini}) {
    SseParser parser;
    StreamEnd end(dialect);
    std::string_view bytes = input;
    while (const auto event = parser.next(&bytes)) end.see(*event);
    require(!end.marked() || end.complete(), "a marker completes");
  }
  return 0;
}
