// What a request asks of the upstream: the JSON answer, a stream of events, or bulk. Words
// with commas or `&` between them: `sse`, `bulk`, `rate=20` (events a second), `events=400`,
// `bytes=150`.
#pragma once

#include <cstdint>
#include <string_view>

namespace culvert::bench {

struct Spec {
  enum class Kind { kJson, kSse, kBulk };
  Kind kind = Kind::kJson;
  double rate = 20;
  uint64_t events = 20;
  uint64_t bytes = 150;  // of one event, or of the bulk
  bool close = false;
};

// The words stand in the header X-Bench (`header`), in the query of `path`, or in the JSON body as
// "bench":"…", which passes through what strips headers. A path that ends in /sse or /bulk says so
// without a word. `body`: its beginning; what is not among its first 4 KiB is not found.
Spec read_spec(std::string_view path, std::string_view header, std::string_view body);

}  // namespace culvert::bench
