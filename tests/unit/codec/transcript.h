// What a parser said, as text: one line an event, neighbouring pieces of a body joined, so that
// transcripts of differently split inputs can be compared.
#pragma once

#include "relay/base/limits.h"
#include "relay/codec/request_parser.h"
#include "relay/codec/response_parser.h"
#include "tests/unit/codec/pieces.h"

#include <optional>
#include <string>

namespace culvert::test {

class Transcript {
 public:
  void line(const std::string& text) {
    flush();
    text_ += text + "\n";
  }
  void body(std::string_view bytes) {
    body_ += bytes;
    in_body_ = true;
  }
  void error(const Error& error) {
    line("error " + std::to_string(http_status(error.code)) + " " +
         std::string(to_string(error.stage)) + ": " + error.detail);
  }
  std::string take() {
    flush();
    return text_;
  }

 private:
  void flush() {
    if (in_body_) text_ += "body " + body_ + "\n";
    body_.clear();
    in_body_ = false;
  }

  std::string text_;
  std::string body_;
  bool in_body_ = false;
};

inline std::string framing_text(BodyFraming framing, uint64_t length) {
  switch (framing) {
    case BodyFraming::kNone:
      return "none";
    case BodyFraming::kLength:
      return std::to_string(length);
    case BodyFraming::kChunked:
      return "chunked";
    case BodyFraming::kUntilClose:
      return "close";
  }
  return "?";
}

inline std::string fields_text(const Headers& headers) {
  std::string out;
  for (const Header& field : headers) {
    out.append(" [").append(field.name).append("=").append(field.value).append("]");
  }
  return out;
}

inline std::string head_text(const RequestHead& head) {
  return "head " + head.method + " " + head.target + " 1." + std::to_string(head.minor_version) +
         " host=" + head.host + " body=" + framing_text(head.framing, head.content_length) +
         (head.keep_alive ? " keep" : " close") + (head.expect_continue ? " expect" : "") +
         fields_text(head.headers);
}

inline std::string head_text(const ResponseHead& head) {
  return std::to_string(head.status) + " '" + head.reason + "' 1." +
         std::to_string(head.minor_version) +
         " body=" + framing_text(head.framing, head.content_length) +
         (head.keep_alive ? " keep" : " close") + fields_text(head.headers);
}

// Of all messages in the pieces, up to the first error.
inline constexpr HeadLimits kLimits{limits::kHeadBytes, limits::kHeadFields, limits::kTargetBytes};

inline std::string request_transcript(const Pieces& pieces, const HeadLimits& limits = kLimits) {
  RequestParser parser(limits);
  Transcript out;
  for (const Piece& piece : pieces) {
    std::string_view input = piece.view();
    while (true) {
      const Result<HttpEvent> event = parser.next(&input);
      if (!event) {
        out.error(event.error());
        return out.take();
      }
      if (event->kind == EventKind::kNeedMore) break;
      if (event->kind == EventKind::kHead) out.line(head_text(parser.head()));
      if (event->kind == EventKind::kBody) out.body(event->body);
      if (event->kind == EventKind::kEnd) out.line("end");
    }
  }
  out.line(parser.idle() ? "idle" : "open");
  return out.take();
}

struct Ending {
  bool clean = true;
};

// Of the pieces and, where asked for, the end of the connection after them. "excess" tells that
// bytes were left when the answer had ended.
inline std::string response_transcript(const Pieces& pieces,
                                       std::optional<Ending> ending = std::nullopt,
                                       bool answer_to_head = false) {
  ResponseParser parser(answer_to_head);
  Transcript out;
  bool ended = false;
  const auto tell = [&](const Result<HttpEvent>& event) {
    if (!event) {
      out.error(event.error());
      return false;
    }
    ended = event->kind == EventKind::kEnd;
    if (event->kind == EventKind::kInterim) out.line("interim " + head_text(parser.head()));
    if (event->kind == EventKind::kHead) out.line("head " + head_text(parser.head()));
    if (event->kind == EventKind::kBody) out.body(event->body);
    if (ended) out.line("end");
    return true;
  };
  for (const Piece& piece : pieces) {
    std::string_view input = piece.view();
    while (!ended) {
      const Result<HttpEvent> event = parser.next(&input);
      if (!tell(event)) return out.take();
      if (event->kind == EventKind::kNeedMore) break;
    }
    if (ended && !input.empty()) {
      out.line("excess");
      return out.take();
    }
  }
  if (!ended && ending && !tell(parser.finish(ending->clean))) return out.take();
  if (!ended) out.line("open");
  return out.take();
}

}  // namespace culvert::test
