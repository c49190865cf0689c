// OpenAI's Responses for the machine that takes streams up again: a response that runs in the
// background is read on from the event behind the last one (`starting_after`), byte for byte and
// without another generation. Others are only asked for again while nothing of them was sent.
#pragma once

#include "relay/stream/resume_dialect.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace culvert {

class ResponsesResume final : public ResumeDialect {
 public:
  explicit ResponsesResume(std::string_view request_body);

  std::string_view why_never() const override { return why_never_; }
  std::string_view why_not_continued() const override { return why_not_continued_; }
  // Then all attempts read one generation, whose usage is told at its end alone.
  bool exact() const override { return why_not_continued_.empty(); }
  StreamWriting write(const SseEvent& event,
                      const StreamReading& reading,
                      const StreamChange& change) override;
  void delivered(const SseEvent& event,
                 const StreamReading& reading,
                 size_t text_before,
                 size_t drop) override;
  Result<ResumeRequest> next(std::string_view body, const ResumeState& state) const override;

 protected:
  void read_event(const SseEvent& event, StreamReading* out) override;

 private:
  std::string_view why_never_;
  std::string_view why_not_continued_;
  std::string id_;                   // of the response; empty: not told yet
  std::optional<uint64_t> reached_;  // the last event that the client has
};

}  // namespace culvert
