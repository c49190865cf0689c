// Cross-origin requests of browsers (Fetch standard, "CORS protocol"). Pure; off without origins.
#pragma once

#include "relay/codec/headers.h"
#include "relay/config/snapshot.h"

#include <optional>
#include <string>
#include <string_view>

namespace culvert {

class Cors {
 public:
  explicit Cors(CorsSettings settings);

  // The fields of the 204 that answers a preflight request; nullopt for any other request, and
  // where CORS is off. An origin that is not allowed gets an answer that allows nothing.
  std::optional<Headers> preflight(std::string_view method, const Headers& request) const;

  // Adds to an answer what lets a page of an allowed origin read it, and takes out what the
  // upstream said about its own origins. Credentials (cookies) are never allowed.
  void decorate(const Headers& request, Headers* answer) const;

 private:
  bool allow_origin(const Headers& request, Headers* answer) const;

  CorsSettings settings_;
  bool any_ = false;
  std::string headers_;  // the constant part of Access-Control-Allow-Headers
};

}  // namespace culvert
