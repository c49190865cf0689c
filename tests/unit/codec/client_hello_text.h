// What a reader of ClientHellos says of bytes in pieces, as one text.
#pragma once

#include "relay/codec/client_hello.h"
#include "tests/unit/codec/pieces.h"

#include <string>

namespace culvert::test {

inline std::string text_of(const ClientHello& hello) {
  std::string out = "name=" + hello.server_name;
  for (const std::string& protocol : hello.alpn) out += " alpn=" + protocol;
  for (const uint16_t version : hello.versions) out += " " + std::to_string(version);
  if (hello.has_ech) out += " ech";
  if (hello.has_early_data) out += " early";
  return out;
}

inline std::string hello_said(const Pieces& pieces) {
  ClientHelloReader reader;
  for (const Piece& piece : pieces) {
    const auto seen = reader.see(piece.view());
    if (!seen) {
      const auto alert = reader.alert();
      return (alert ? std::to_string(static_cast<int>(*alert)) : std::string("-")) + " " +
             std::string(to_string(seen.error().stage)) + ": " + seen.error().detail;
    }
    if (*seen != nullptr) return text_of(**seen);
  }
  return "more";
}

}  // namespace culvert::test
