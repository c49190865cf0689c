// llhttp as something that is asked instead of something that calls: every callback pauses, and
// read() says what it paused for. No exception crosses the C code. Inside codec only; not movable,
// because llhttp holds its address.
#pragma once

#include "relay/codec/head_scanner.h"
#include "relay/codec/offence.h"

#include <llhttp.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace culvert {

class LlhttpReader {
 public:
  enum class Step : uint8_t {
    kMore,        // all input was consumed
    kField,       // name() and value() are a field of the head
    kHead,        // the head ended
    kChunkStart,  // a chunk's size line ended: chunk_left() bytes follow
    kBody,        // body() are bytes of a chunk
    kEnd,         // the chunked body and its trailers ended
    kFailed,      // offence()
  };

  explicit LlhttpReader(HeadScanner::Kind kind);
  LlhttpReader(const LlhttpReader&) = delete;
  LlhttpReader& operator=(const LlhttpReader&) = delete;

  void begin();  // a new message

  Step read(std::string_view* input);

  const std::string& method() const { return method_; }
  const std::string& target() const { return target_; }  // a request's, as received
  const std::string& reason() const { return target_; }  // a response's
  int status() const { return parser_.status_code; }
  int minor_version() const { return parser_.http_minor; }
  bool chunked() const { return (parser_.flags & F_CHUNKED) != 0; }
  uint64_t length() const { return parser_.content_length; }

  const std::string& name() const { return name_; }
  std::string_view value() const;  // without surrounding spaces
  std::string_view body() const { return body_; }
  uint64_t chunk_left() const { return chunk_left_; }
  bool in_trailers() const { return in_trailers_; }
  Offence offence() const;

  std::string take_target() { return std::move(target_); }
  std::string take_method() { return std::move(method_); }

 private:
  struct Callbacks;

  llhttp_t parser_{};
  llhttp_type_t type_;
  Step step_ = Step::kMore;
  std::string method_;
  std::string target_;
  std::string name_;
  std::string value_;
  std::string_view body_;
  uint64_t chunk_left_ = 0;
  size_t trailer_fields_ = 0;
  bool in_body_ = false;
  bool in_trailers_ = false;
  bool out_of_memory_ = false;
  bool field_done_ = true;
};

}  // namespace culvert
