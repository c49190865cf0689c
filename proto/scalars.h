// Values as people write them, the same in files and variables: durations, sizes, booleans, whole
// numbers. Pure. An empty result means that the text is none; the words that say what is allowed
// stand beside each.
#pragma once

#include "relay/base/clock.h"

#include <google/protobuf/duration.pb.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace culvert {

// A whole number and a unit: 500ms, 10s, 5m, 1h; up to a year.
std::optional<Duration> parse_duration(std::string_view text);
inline constexpr std::string_view kDurationWords = "a duration such as 500ms, 10s, 5m or 1h";
std::string print_duration(Duration duration);  // the largest unit that is exact; below 1 ms: 0ms

// Bytes: a whole number, alone or with KiB, MiB, GiB.
std::optional<uint64_t> parse_size(std::string_view text);
inline constexpr std::string_view kSizeWords =
    "a number of bytes such as 65536, 64KiB, 8MiB or 1GiB";

// true/false, 1/0, yes/no, on/off in any case.
std::optional<bool> parse_bool(std::string_view text);
inline constexpr std::string_view kBoolWords = "true, false, yes, no, on, off, 1 or 0";

// Decimal digits alone, up to `most`.
std::optional<uint64_t> parse_whole(std::string_view text, uint64_t most = UINT64_MAX);

Duration from_proto(const google::protobuf::Duration& duration);
google::protobuf::Duration to_proto(Duration duration);

// "text" in quotes for a message of one line: at most 60 bytes of it, control characters and bytes
// that are not ASCII as `?`.
std::string in_quotes(std::string_view text);

}  // namespace culvert
