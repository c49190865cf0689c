// llhttp as something that is asked instead of something that calls: callbacks pause, and read()
// says what it paused for. Only the fields of a head go to a sink from within, because pausing at
// each of them cost as much as reading it. No exception crosses the C code. Inside codec only; not
// movable, because llhttp holds its address.
#pragma once

#include "relay/base/field_name.h"
#include "relay/codec/head_scanner.h"
#include "relay/codec/offence.h"

#include <llhttp.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace culvert {

// Takes the fields of a head one after the other and may refuse each.
class FieldSink {
 public:
  virtual ~FieldSink() = default;
  // At the most so many fields are in the head so far, and so many bytes of it come now.
  virtual void expect(size_t fields, size_t bytes) = 0;
  virtual std::optional<Offence> on_field(FieldName name, std::string_view value) = 0;
};

class LlhttpReader {
 public:
  enum class Step : uint8_t {
    kMore,        // all input was consumed
    kHead,        // the head ended
    kChunkStart,  // a chunk's size line ended: chunk_left() bytes follow
    kBody,        // body() are bytes of a chunk
    kEnd,         // the chunked body and its trailers ended
    kFailed,      // offence()
  };

  explicit LlhttpReader(HeadScanner::Kind kind);
  LlhttpReader(const LlhttpReader&) = delete;
  LlhttpReader& operator=(const LlhttpReader&) = delete;

  void begin();  // before each message

  Step read_head(std::string_view* input, FieldSink* sink);        // up to kHead
  Step read_body(std::string_view* input) { return read(input); }  // chunked, after kHead

  // As far as it was read; valid as long as the head's last input.
  StartLine start() const {
    return {.method = method_.view(),
            .target = target_.view(),
            .reason = target_.view(),
            .status = parser_.status_code,
            .minor_version = parser_.http_minor};
  }
  bool chunked() const { return (parser_.flags & F_CHUNKED) != 0; }
  uint64_t length() const { return parser_.content_length; }

  std::string_view body() const { return body_; }
  uint64_t chunk_left() const { return chunk_left_; }
  bool in_trailers() const { return in_trailers_; }
  Offence offence() const;

 private:
  struct Callbacks;

  // A word of the head: a view of the input where it came in one piece, or else a copy.
  class Word {
   public:
    void clear() {
      piece_ = {};
      copy_.clear();
    }
    void append(std::string_view piece) {
      if (view().empty()) {
        piece_ = piece;
      } else {
        keep();
        copy_.append(piece);
      }
    }
    void keep() {  // before the input goes
      copy_.append(piece_);
      piece_ = {};
    }
    std::string_view view() const { return copy_.empty() ? piece_ : copy_; }

   private:
    std::string_view piece_;
    std::string copy_;
  };

  Step read(std::string_view* input);
  void keep_words();

  llhttp_t parser_{};
  llhttp_type_t type_;
  Step step_ = Step::kMore;
  FieldSink* sink_ = nullptr;  // of this read_head()
  std::optional<Offence> refused_;
  Word method_;
  Word target_;
  Word name_;
  Word value_;
  std::string_view body_;
  uint64_t chunk_left_ = 0;
  size_t trailer_fields_ = 0;
  bool in_body_ = false;
  bool in_trailers_ = false;
  bool out_of_memory_ = false;
};

}  // namespace culvert
