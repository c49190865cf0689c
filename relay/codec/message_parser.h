// What requests and answers have in common: llhttp, driven by pauses, with the bounds that it does
// not have itself. Private to this room.
#pragma once

#include "relay/base/result.h"
#include "relay/codec/headers.h"
#include "relay/codec/http_event.h"

#include <llhttp.h>

#include <deque>
#include <optional>
#include <string_view>

namespace culvert {

class MessageParser {
 public:
  MessageParser(llhttp_type_t type, const HeadLimits& limits);
  MessageParser(const MessageParser&) = delete;
  MessageParser& operator=(const MessageParser&) = delete;
  virtual ~MessageParser() = default;

  // Consumes from the input's front. Body events point into it. After an error it stays in error.
  Result<HttpEvent> next(std::string_view* input);

  // Between messages: nothing of a next one was seen.
  bool idle() const { return state_ == State::kBefore && head_bytes_ == 0; }

 protected:
  enum class State : uint8_t { kBefore, kHead, kBody, kFailed };

  // The head is complete: check it. Sets skip_body_ where no body follows whatever the head says.
  virtual Result<EventKind> head_complete() = 0;
  virtual void begin_message() = 0;
  virtual void first_line_part(std::string_view /*part*/) {}  // target or reason
  virtual void first_line_complete() {}
  virtual Error refusal(Code code, std::string detail) const = 0;
  virtual Error parse_error(llhttp_errno_t code) const = 0;

  Error fail(Error error);
  uint64_t offset(const char* at) const { return consumed_ + static_cast<uint64_t>(at - base_); }

  llhttp_t llhttp_{};
  HeadLimits limits_;
  Headers headers_;
  State state_ = State::kBefore;
  bool skip_body_ = false;
  uint64_t message_start_ = 0;  // offsets in the whole stream
  uint64_t method_end_ = 0;
  uint64_t target_start_ = 0;
  uint64_t target_end_ = 0;
  uint64_t version_start_ = 0;
  uint64_t head_bytes_ = 0;

 private:
  static const llhttp_settings_t& settings();
  template <class Call>
  static int guarded(llhttp_t* parser, Call call);
  int refuse(Error error);
  void count_trailer(size_t bytes);
  bool in_trailer() const { return state_ == State::kBody; }
  int on_header_field(std::string_view part);
  int on_header_value(std::string_view part);
  int on_head();
  Result<void> head_bounds(size_t fresh_bytes);

  std::deque<HttpEvent> events_;
  std::optional<Error> error_;
  const char* base_ = nullptr;
  uint64_t consumed_ = 0;
  bool name_open_ = false;  // a header name is being collected
  size_t trailer_bytes_ = 0;
  size_t trailer_fields_ = 0;
  size_t extension_bytes_ = 0;
};

}  // namespace culvert
