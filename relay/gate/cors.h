// Cross-origin calls of browsers (WHATWG Fetch, CORS protocol): answered at the relay,
// configurable, off by default.
#pragma once

#include "relay/codec/headers.h"
#include "relay/config/snapshot.h"

#include <optional>
#include <string>
#include <string_view>

namespace culvert {

class Cors {
 public:
  explicit Cors(CorsSettings settings) : settings_(std::move(settings)) {}

  // The fields that answer a preflight (204); nullopt where the request is none, or CORS is off.
  std::optional<Headers> preflight(std::string_view method, const Headers& request) const;
  // Adds what an answer to such a request needs; replaces what an upstream said about origins.
  void decorate(const Headers& request, Headers* answer) const;

 private:
  // The value of Access-Control-Allow-Origin; "" where the origin may not.
  std::string allowed_origin(const Headers& request) const;
  CorsSettings settings_;
};

}  // namespace culvert
