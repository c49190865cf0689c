// Anthropic's messages (streaming, and prefill: an assistant's message at the end, which newer
// models refuse) for the machine that takes streams up again. A continuation begins a message of
// its own; the client sees its blocks as the first message's.
#pragma once

#include "relay/stream/resume_dialect.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace culvert {

class AnthropicResume final : public ResumeDialect {
 public:
  AnthropicResume(std::string_view request_body, bool prefill);

  std::string_view why_never() const override { return why_never_; }
  std::string_view why_not_continued() const override { return why_not_continued_; }
  void begin_attempt() override;
  StreamWriting write(const SseEvent& event,
                      const StreamReading& reading,
                      const StreamChange& change) override;
  void delivered(const SseEvent& event,
                 const StreamReading& reading,
                 size_t text_before,
                 size_t drop) override;
  Result<ResumeRequest> next(std::string_view body, const ResumeState& state) const override;
  // The API takes no blanks at the end of a prefill.
  std::string_view blanks(std::string_view text) const override;
  std::string closing() const override;

 protected:
  void read_event(const SseEvent& event, StreamReading* out) override;

 private:
  StreamWriting write_block(const SseEvent& event, std::string data);

  const bool prefill_;
  std::string_view why_never_;
  std::string_view why_not_continued_;
  // The client's blocks.
  uint64_t blocks_ = 0;           // begun so far
  std::optional<uint64_t> open_;  // the one that has not ended
  bool open_is_text_ = false;
  bool ended_ = false;                   // message_stop was delivered
  std::map<uint64_t, uint64_t> places_;  // this attempt's indexes → the client's
};

}  // namespace culvert
