// What the tests of the gate share: tokens, upstreams of each dialect, and headers in one line.
#pragma once

#include "relay/codec/headers.h"
#include "relay/config/snapshot.h"
#include "relay/gate/tokens.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace culvert::gate_test {

inline constexpr std::string_view kToken = "relay-token-0123456789";
inline constexpr std::string_view kOtherToken = "another=token+9876543210";

inline Tokens two_tokens() { return Tokens({Secret(kToken), Secret(kOtherToken)}); }

inline Headers headers(const std::vector<std::pair<std::string, std::string>>& fields) {
  Headers made;
  for (const auto& [name, value] : fields) made.add(name, value);
  return made;
}

inline Upstream upstream_of(Dialect dialect) {
  Upstream made;
  made.name = "up";
  made.dialect = dialect;
  made.user_agent = "culvert";
  made.key_header = dialect == Dialect::kAnthropic ? "x-api-key"
                    : dialect == Dialect::kGemini  ? "x-goog-api-key"
                                                   : "Authorization";
  made.key_scheme = made.key_header == "Authorization" ? "Bearer" : "";
  return made;
}

}  // namespace culvert::gate_test
