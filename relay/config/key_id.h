// How operators name a key that must not be shown: KeyPool.disabled, `culvert key list`. Pure.
#pragma once

#include <string>
#include <string_view>

namespace culvert {

// The first 12 hexadecimal digits of its SHA-256.
std::string key_id(std::string_view key);

}  // namespace culvert
