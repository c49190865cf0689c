// What a connection speaks, told by its first bytes: for the sentence that refuses whoever came to
// the wrong port, never to choose how a connection is treated. Pure.
#pragma once

#include <optional>
#include <string_view>

namespace culvert {

// "an HTTP request", "SSH", …; "" where it is none of those known; nullopt where more bytes are
// needed to tell. Once told, further bytes change nothing.
std::optional<std::string_view> name_opening(std::string_view first);

}  // namespace culvert
