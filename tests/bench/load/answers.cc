// Events are put together by hand: at 25,000 a second on a core shared with the generator, a
// formatter would be seen.
#include "tests/bench/load/answers.h"

#include "tests/bench/load/now.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace culvert::bench {
namespace {

std::string json_body() {
  std::string body =
      R"({"id":"chatcmpl-bench","object":"chat.completion","created":1760000000,)"
      R"("model":"bench-1","usage":{"prompt_tokens":200,"completion_tokens":60,)"
      R"("total_tokens":260},"choices":[{"index":0,"finish_reason":"stop","message":)"
      R"({"role":"assistant","content":")";
  const std::string_view end = R"("}}]})";
  while (body.size() + end.size() < Answers::kJsonBytes) {
    body += body.size() % 8 == 0 ? ' ' : static_cast<char>('a' + body.size() % 26);
  }
  return body.append(end);
}

std::string json_answer(std::string_view connection) {
  const std::string body = json_body();
  return fmt::format(
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{}\r\n{}",
      body.size(), connection, body);
}

constexpr size_t kChunkHead = 16;  // room in front of an event for its chunk's size

}  // namespace

Answers::Answers() : json_(json_answer("")), json_close_(json_answer("Connection: close\r\n")) {}

std::string_view Answers::stream_head() const {
  return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
         "Transfer-Encoding: chunked\r\n\r\n";
}

std::string Answers::bulk_head(uint64_t bytes) const {
  return fmt::format(
      "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n",
      bytes);
}

std::string_view Answers::event(const Spec& spec, uint64_t n) {
  const bool last = n + 1 == spec.events;
  size_t at = put(kChunkHead, "data: {\"t\":");
  at = put(at, static_cast<uint64_t>(now_ns()));
  at = put(at, ",\"n\":");
  at = put(at, n);
  at = put(at, R"(,"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":")");
  const size_t text = at;
  if (last) {
    at = put(at, R"("},"finish_reason":"stop"}],"usage":{"prompt_tokens":200,"completion_tokens":)");
    at = put(at, spec.events);
    at = put(at, R"(,"total_tokens":)");
    at = put(at, spec.events + 200);
    at = put(at, "}}\n\n");
  } else {
    at = put(at, "\"}}]}\n\n");
  }
  const size_t size = at - kChunkHead;
  const auto wanted = static_cast<size_t>(std::min(spec.bytes, kEventBytesMax));
  if (size < wanted) {  // the text grows until the event is as long as it is to be
    const size_t more = wanted - size;
    std::memmove(&buffer_[text + more], &buffer_[text], at - text);
    std::memset(&buffer_[text], 'x', more);
    at += more;
  }
  const size_t whole = at - kChunkHead;
  at = put(at, last ? "\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n" : "\r\n");
  std::array<char, kChunkHead> head{};
  const auto written = std::to_chars(head.data(), head.data() + head.size() - 2, whole, 16);
  const auto digits = static_cast<size_t>(written.ptr - head.data());
  const size_t from = kChunkHead - digits - 2;
  std::memcpy(&buffer_[from], head.data(), digits);
  std::memcpy(&buffer_[kChunkHead - 2], "\r\n", 2);
  return {&buffer_[from], at - from};
}

size_t Answers::put(size_t at, std::string_view text) {
  std::memcpy(&buffer_[at], text.data(), text.size());
  return at + text.size();
}

size_t Answers::put(size_t at, uint64_t number, int base) {
  return static_cast<size_t>(
      std::to_chars(&buffer_[at], buffer_.data() + buffer_.size(), number, base).ptr -
      buffer_.data());
}

}  // namespace culvert::bench
