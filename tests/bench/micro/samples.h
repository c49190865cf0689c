// What passes through a relay all day: heads as clients and vendors write them, streams as vendors
// send them. Shared by the benchmarks.
#pragma once

#include "relay/base/dialect.h"
#include "relay/codec/headers.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace culvert::bench {

// The head of OpenAI's own SDK for Node.js, with a relay's alias, its body 1 KiB.
extern const std::string_view kSdkHead;
// The head of an answer of OpenAI's, with what its front end adds.
extern const std::string_view kVendorHead;

Headers sdk_headers();
Headers vendor_headers();

// A whole stream with so many events of some words each, its end behind them. kOpenAi is chat
// completions with usage asked for.
std::string event_stream(Dialect dialect, size_t events);

// A whole JSON answer whose text has so many bytes, its usage at the end as vendors have it.
std::string json_answer(Dialect dialect, size_t text_bytes);

}  // namespace culvert::bench
