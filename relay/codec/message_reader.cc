// Head and body of a message. llhttp is fed no more framing bytes at a time than are still allowed,
// so that the verdict does not depend on how the bytes are split.
#include "relay/codec/message_reader.h"

#include "relay/base/limits.h"

#include <algorithm>

namespace culvert {
namespace {

// CRLF of the chunk before, sixteen digits, CRLF, and some room: never counted as an extension.
constexpr size_t kSizeLineBytes = 32;

constexpr Offence kSizeLineTooLarge = {
    Code::kBadRequest, "the chunk extensions are larger than the limit (RFC 9112 §7.1.1)"};
constexpr Offence kTrailersTooLarge = {Code::kHeadTooLarge,
                                       "the trailers are larger than the limit (RFC 9112 §7.1.2)"};

}  // namespace

MessageReader::MessageReader(HeadScanner::Kind kind, const HeadLimits& limits)
    : kind_(kind), limits_(limits), scanner_(kind, limits), llhttp_(kind) {}

void MessageReader::begin() {
  scanner_.begin();
  plain_ = false;
  offence_ = {};
  framing_bytes_ = extension_bytes_ = 0;
}

MessageReader::Step MessageReader::read_head(std::string_view* input, FieldSink* sink) {
  if (scanner_.fresh()) {
    PlainHead head;
    if (head.read(kind_, *input, limits_)) return take(head, input, sink);
    llhttp_.begin();
  }
  const size_t accepted = scanner_.scan(*input);
  std::string_view rest = input->substr(0, accepted);
  input->remove_prefix(accepted);
  sink->expect(scanner_.fields(), accepted);
  const LlhttpReader::Step step = llhttp_.read_head(&rest, sink);
  if (step == LlhttpReader::Step::kFailed) return fail(llhttp_.offence());
  if (scanner_.offence()) return fail(*scanner_.offence());
  const bool ended = step == LlhttpReader::Step::kHead && rest.empty();
  if (ended != scanner_.done() || (!ended && step != LlhttpReader::Step::kMore)) {
    return fail({Code::kBadRequest, "the head's end is ambiguous (RFC 9112 §2.1)"});
  }
  return ended ? Step::kHead : Step::kMore;
}

MessageReader::Step MessageReader::take(const PlainHead& head,
                                        std::string_view* input,
                                        FieldSink* sink) {
  plain_ = true;
  plain_start_ = head.start();
  input->remove_prefix(head.bytes());
  sink->expect(head.fields(), head.bytes());
  for (size_t i = 0; i < head.fields(); ++i) {
    if (const auto refused = sink->on_field(head.name(i), head.value(i))) return fail(*refused);
  }
  return Step::kHead;
}

bool MessageReader::agrees(const FramingFields& framing) const {
  return plain_ || (llhttp_.chunked() == framing.chunked() &&
                    llhttp_.length() == framing.length().value_or(0));
}

void MessageReader::begin_body(BodyFraming framing, uint64_t length) {
  framing_ = framing;
  left_ = length;
}

MessageReader::Step MessageReader::read_body(std::string_view* input, std::string_view* body) {
  switch (framing_) {
    case BodyFraming::kNone:
      return Step::kEnd;
    case BodyFraming::kLength:
      return read_length(input, body);
    case BodyFraming::kChunked:
      return read_chunked(input, body);
    case BodyFraming::kUntilClose:
      *body = *input;
      input->remove_prefix(input->size());
      return body->empty() ? Step::kMore : Step::kBody;
  }
  return Step::kEnd;
}

MessageReader::Step MessageReader::read_length(std::string_view* input, std::string_view* body) {
  if (left_ == 0) return Step::kEnd;
  if (input->empty()) return Step::kMore;
  const auto count = static_cast<size_t>(std::min<uint64_t>(left_, input->size()));
  *body = input->substr(0, count);
  input->remove_prefix(count);
  left_ -= count;
  return Step::kBody;
}

MessageReader::Step MessageReader::read_chunked(std::string_view* input, std::string_view* body) {
  while (true) {
    const bool data = llhttp_.chunk_left() > 0;
    const bool trailers = llhttp_.in_trailers();
    const size_t allowed = framing_allowed();
    std::string_view piece = data ? *input : input->substr(0, allowed + 1);
    const size_t offered = piece.size();
    const LlhttpReader::Step step = llhttp_.read_body(&piece);
    const size_t consumed = offered - piece.size();
    input->remove_prefix(consumed);
    if (step == LlhttpReader::Step::kFailed) return fail(llhttp_.offence());
    if (step == LlhttpReader::Step::kBody) {
      *body = llhttp_.body();
      return Step::kBody;
    }
    if (consumed > allowed) return fail(trailers ? kTrailersTooLarge : kSizeLineTooLarge);
    framing_bytes_ += consumed;
    if (step == LlhttpReader::Step::kEnd) return Step::kEnd;
    if (step == LlhttpReader::Step::kChunkStart) end_size_line();
    if (step == LlhttpReader::Step::kMore && input->empty()) return Step::kMore;
  }
}

// How many more bytes the size line, or the trailers, may have.
size_t MessageReader::framing_allowed() const {
  const size_t most = llhttp_.in_trailers()
                          ? limits::kTrailerBytes
                          : kSizeLineBytes + limits::kChunkExtensionBytes - extension_bytes_;
  return most - framing_bytes_;
}

void MessageReader::end_size_line() {
  if (framing_bytes_ > kSizeLineBytes) extension_bytes_ += framing_bytes_ - kSizeLineBytes;
  framing_bytes_ = 0;
}

MessageReader::Step MessageReader::fail(const Offence& offence) {
  offence_ = offence;
  return Step::kFailed;
}

}  // namespace culvert
