// An answer that does not stream and is judged before the client gets any of it, because its vendor
// answers 200 to calls that came to nothing. Owned by the session, for one attempt; bounded by the
// process's budget for what is kept.
#pragma once

#include "relay/base/dialect.h"
#include "relay/base/resume_settings.h"
#include "relay/codec/response_parser.h"
#include "relay/flow/request_body.h"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace culvert {

class HeldAnswer {
 public:
  // False: such an answer passes as it comes. path: as it went up, without the query.
  static bool judges(Dialect dialect, std::string_view path, const ResponseHead& head);
  // most: bytes; a larger one is not judged.
  HeldAnswer(ReplayBudget& budget, ResponseHead head, size_t most)
      : budget_(budget), head_(std::move(head)), most_(most) {}
  HeldAnswer(const HeldAnswer&) = delete;
  HeldAnswer& operator=(const HeldAnswer&) = delete;
  ~HeldAnswer();

  // False: it is too large to be judged, and passes with these bytes at its end.
  bool keep(std::string_view bytes);
  const ResponseHead& head() const { return head_; }
  const std::string& body() const { return body_; }
  // Of a body that came to its end; empty: it is an answer.
  std::string_view why_incomplete() const;

 private:
  ReplayBudget& budget_;
  const ResponseHead head_;
  const size_t most_;
  size_t reserved_ = 0;
  std::string body_;
};

}  // namespace culvert
