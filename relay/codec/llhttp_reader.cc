// The one place that calls llhttp. Its callbacks only put words together, hand fields on and pause;
// policy is above. Fields of trailers are counted and dropped.
#include "relay/codec/llhttp_reader.h"

#include "relay/base/limits.h"
#include "relay/base/text.h"

#include <new>

namespace culvert {

struct LlhttpReader::Callbacks {
  static LlhttpReader& self(llhttp_t* parser) { return *static_cast<LlhttpReader*>(parser->data); }

  static int pause(llhttp_t* parser, Step step) {
    self(parser).step_ = step;
    return HPE_PAUSED;
  }

  // Runs what may be short of memory.
  template <class Action>
  static int guarded(LlhttpReader* reader, Action action) {
    try {
      return action() ? 0 : -1;
    } catch (const std::bad_alloc&) {
      reader->out_of_memory_ = true;
      return -1;
    }
  }

  template <Word LlhttpReader::*word>
  static int append(llhttp_t* parser, const char* at, size_t length) {
    LlhttpReader& reader = self(parser);
    if (reader.in_body_) return 0;
    return guarded(&reader, [&] {
      (reader.*word).append({at, length});
      return true;
    });
  }

  static int name_complete(llhttp_t* parser) {
    LlhttpReader& reader = self(parser);
    if (!reader.in_body_) return 0;
    return ++reader.trailer_fields_ > limits::kTrailerFields ? -1 : 0;
  }

  static int value_complete(llhttp_t* parser) {
    LlhttpReader& reader = self(parser);
    if (reader.in_body_) return 0;
    return guarded(&reader, [&] {
      const auto refused = reader.sink_->on_field(reader.name_.view(), trim(reader.value_.view()));
      reader.name_.clear();
      reader.value_.clear();
      if (refused) reader.refused_ = refused;
      return !refused;
    });
  }

  static int head_complete(llhttp_t* parser) {
    self(parser).in_body_ = true;
    return pause(parser, Step::kHead);
  }

  static int chunk_header(llhttp_t* parser) {
    LlhttpReader& reader = self(parser);
    reader.chunk_left_ = parser->content_length;
    reader.in_trailers_ = parser->content_length == 0;
    return pause(parser, Step::kChunkStart);
  }

  static int body(llhttp_t* parser, const char* at, size_t length) {
    // After a pause within a chunk, a call without input comes here with nothing.
    if (length == 0) return 0;
    LlhttpReader& reader = self(parser);
    reader.body_ = {at, length};
    reader.chunk_left_ -= length;
    return pause(parser, Step::kBody);
  }

  static int complete(llhttp_t* parser) { return pause(parser, Step::kEnd); }

  static llhttp_settings_t make() {
    llhttp_settings_t settings;
    llhttp_settings_init(&settings);
    settings.on_method = append<&LlhttpReader::method_>;
    settings.on_url = append<&LlhttpReader::target_>;
    settings.on_status = append<&LlhttpReader::target_>;
    settings.on_header_field = append<&LlhttpReader::name_>;
    settings.on_header_field_complete = name_complete;
    settings.on_header_value = append<&LlhttpReader::value_>;
    settings.on_header_value_complete = value_complete;
    settings.on_headers_complete = head_complete;
    settings.on_chunk_header = chunk_header;
    settings.on_body = body;
    settings.on_message_complete = complete;
    return settings;
  }
};

LlhttpReader::LlhttpReader(HeadScanner::Kind kind)
    : type_(kind == HeadScanner::Kind::kRequest ? HTTP_REQUEST : HTTP_RESPONSE) {}

void LlhttpReader::begin() {
  static const llhttp_settings_t kSettings = Callbacks::make();
  llhttp_init(&parser_, type_, &kSettings);
  parser_.data = this;
  method_.clear();
  target_.clear();
  name_.clear();
  value_.clear();
  refused_.reset();
  chunk_left_ = 0;
  trailer_fields_ = 0;
  in_body_ = in_trailers_ = out_of_memory_ = false;
}

LlhttpReader::Step LlhttpReader::read_head(std::string_view* input, FieldSink* sink) {
  sink_ = sink;
  const Step step = read(input);
  if (step == Step::kMore) keep_words();
  return step;
}

void LlhttpReader::keep_words() {
  for (Word* const word : {&method_, &target_, &name_, &value_}) word->keep();
}

LlhttpReader::Step LlhttpReader::read(std::string_view* input) {
  if (llhttp_get_errno(&parser_) == HPE_PAUSED) llhttp_resume(&parser_);
  step_ = Step::kMore;
  const llhttp_errno_t result = llhttp_execute(&parser_, input->data(), input->size());
  if (result == HPE_OK) {
    input->remove_prefix(input->size());
    return Step::kMore;
  }
  if (result != HPE_PAUSED) return Step::kFailed;
  const char* position = llhttp_get_error_pos(&parser_);
  if (position != nullptr) {
    input->remove_prefix(static_cast<size_t>(position - input->data()));
  }
  return step_;
}

Offence LlhttpReader::offence() const {
  if (out_of_memory_) return {Code::kOutOfMemory, ""};
  if (refused_) return *refused_;
  if (trailer_fields_ > limits::kTrailerFields) {
    return {Code::kHeadTooLarge, "there are more trailer fields than the limit (RFC 9112 §7.1.2)"};
  }
  switch (llhttp_get_errno(&parser_)) {
    case HPE_INVALID_TRANSFER_ENCODING:
      return {Code::kNotImplemented, "the transfer coding is not chunked (RFC 9112 §6.1)"};
    case HPE_UNEXPECTED_CONTENT_LENGTH:
      return {Code::kBadRequest, "the content's length is said twice (RFC 9112 §6.3)"};
    case HPE_INVALID_CONTENT_LENGTH:
      return {Code::kBadRequest, "Content-Length is not a number (RFC 9110 §8.6)"};
    case HPE_INVALID_CHUNK_SIZE:
    case HPE_STRICT:
      return {Code::kBadRequest, "the chunked framing is malformed (RFC 9112 §7.1)"};
    case HPE_INVALID_URL:
      return {Code::kBadRequest, "the request target is malformed (RFC 9112 §3.2)"};
    default:
      return in_body_ ? Offence{Code::kBadRequest, "the body's framing is malformed (RFC 9112 §7)"}
                      : Offence{Code::kBadRequest, "the head is malformed (RFC 9112 §2.1)"};
  }
}

}  // namespace culvert
