// The bytes that the upstream answers with. Made once, or written into one buffer: no memory is
// taken per answer or per event.
#pragma once

#include "tests/bench/load/spec.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace culvert::bench {

class Answers {
 public:
  static constexpr size_t kJsonBytes = 600;         // of the JSON body
  static constexpr uint64_t kEventBytesMax = 65536;  // of one event

  Answers();

  // A chat completion in OpenAI's shape, head and body.
  std::string_view json(bool close) const { return close ? json_close_ : json_; }
  std::string_view stream_head() const;
  std::string bulk_head(uint64_t bytes) const;

  // Event `n` as one chunk, stamped with the time of this call: exactly `spec.bytes` long where its
  // JSON fits in. The last one says why it ended and what it used; behind it come [DONE] and the
  // last chunk, so that OpenAI's rule finds the stream whole. The view holds until the next call.
  std::string_view event(const Spec& spec, uint64_t n);

 private:
  size_t put(size_t at, std::string_view text);
  size_t put(size_t at, uint64_t number, int base = 10);

  std::string json_;
  std::string json_close_;
  std::array<char, kEventBytesMax + 1024> buffer_{};
};

}  // namespace culvert::bench
