// One message at a time: a plain head at once, any other through scanner and llhttp, the body by
// its framing. What both parsers share; what differs between requests and answers is above. Inside
// codec only.
#pragma once

#include "relay/codec/framing.h"
#include "relay/codec/head_scanner.h"
#include "relay/codec/http_event.h"
#include "relay/codec/llhttp_reader.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace culvert {

class MessageReader {
 public:
  enum class Step : uint8_t { kMore, kHead, kBody, kEnd, kFailed };

  MessageReader(HeadScanner::Kind kind, const HeadLimits& limits);

  void begin();  // before each message

  // kMore: all was consumed. kHead: what follows is left in *input. kFailed: offence().
  Step read_head(std::string_view* input, FieldSink* sink);

  // After kHead: how the body is delimited; then read_body until kEnd.
  void begin_body(BodyFraming framing, uint64_t length);
  Step read_body(std::string_view* input, std::string_view* body);

  // Of the head, as far as it was read; valid as long as its last input.
  StartLine start() const { return plain_ ? plain_start_ : llhttp_.start(); }
  // Whoever read the head has found this framing.
  bool agrees(const FramingFields& framing) const;

  bool started() const { return scanner_.started(); }
  const Offence& offence() const { return offence_; }

 private:
  Step take(const PlainHead& head, std::string_view* input, FieldSink* sink);
  Step fail(const Offence& offence);
  Step read_length(std::string_view* input, std::string_view* body);
  Step read_chunked(std::string_view* input, std::string_view* body);
  size_t framing_allowed() const;
  void end_size_line();

  const HeadKind kind_;
  const HeadLimits limits_;
  HeadScanner scanner_;
  LlhttpReader llhttp_;
  bool plain_ = false;  // llhttp knows nothing of the head
  StartLine plain_start_;
  Offence offence_;
  BodyFraming framing_ = BodyFraming::kNone;
  uint64_t left_ = 0;           // kLength
  size_t framing_bytes_ = 0;    // kChunked: of this size line, or of the trailers
  size_t extension_bytes_ = 0;  // kChunked: of the whole body
};

}  // namespace culvert
