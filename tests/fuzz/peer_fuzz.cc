// Any bytes as what one relay says to another, in either direction. What is read as a request is
// written and read again as the same.
#include "relay/codec/peer_request.h"
#include "tests/fuzz/fuzz.h"

namespace culvert::test {
namespace {

constexpr HeadLimits kLimits{8192, 32, 1024};

void read_as_request(std::string_view input) {
  RequestParser parser(kLimits);
  const auto event = parser.next(&input);
  if (!event || event->kind != EventKind::kHead) return;
  const auto read = read_peer_request(parser.head());
  if (!read) return require(!read.error().detail.empty(), "what is refused has words");
  RequestParser again(kLimits);
  const std::string written = encode_peer_request(*read);
  std::string_view bytes = written;
  const auto head = again.next(&bytes);
  require(head && head->kind == EventKind::kHead, "what is written is a head");
  const auto second = read_peer_request(again.head());
  require(second.has_value(), "that is read");
  require(second->to.host == read->to.host && second->to.port == read->to.port &&
              second->path == read->path && second->connect == read->connect &&
              second->far_tls.has_value() == read->far_tls.has_value(),
          "as the same");
}

void read_as_answer(std::string_view input) {
  ResponseParser parser(false);
  const auto event = parser.next(&input);
  if (!event || event->kind != EventKind::kHead) return;
  const PeerAnswer answer = read_peer_answer(parser.head());
  require(answer.connect >= Duration::zero(), "no time runs backwards");
  const Error refusal = read_peer_refusal(parser.head(), input);
  for (const char c : refusal.detail) require(c >= ' ' && c <= '~', "words are one line");
  (void)says_draining(parser.head());
}

}  // namespace
}  // namespace culvert::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert::test;  // NOLINT(google-build-using-namespace)
  read_as_request(text(data, size));
  read_as_answer(text(data, size));
  return 0;
}
