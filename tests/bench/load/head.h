// What the load programs read of a head of HTTP/1.1: how its body is framed and whether the
// connection stays. Nothing is judged: the relay's own parser does that, and is what is measured.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace culvert::bench {

struct Head {
  std::string_view start;  // the first line, without its end
  std::string_view bench;  // the value of X-Bench
  uint64_t length = 0;
  bool has_length = false;
  bool chunked = false;
  bool close = false;
  bool expects_continue = false;

  int status() const;             // of an answer; 0: no status line
  std::string_view path() const;  // of a request, with its query
};

// `text`: a whole head with its empty line. The views point into it.
Head read_head(std::string_view text);

// Collects a head that may come in pieces. Holds no memory where it comes in one, as it does nearly
// always.
class HeadCollector {
 public:
  static constexpr size_t kBytesMax = 16384;  // no head that is sent here comes near it

  enum class Found { kMore, kWhole, kTooLong };
  // Takes the head's bytes from the front of `in`. kWhole: `head()` is it, until the next call.
  Found take(std::string_view& in);
  std::string_view head() const { return head_; }
  bool begun() const { return !kept_.empty(); }
  void clear();

 private:
  std::string kept_;
  std::string_view head_;
};

}  // namespace culvert::bench
