// A table of beginnings, none of which begins another one.
#include "relay/codec/opening.h"

#include <array>
#include <utility>

namespace culvert {
namespace {

using namespace std::string_view_literals;  // NOLINT(google-build-using-namespace)

constexpr std::string_view kRequest = "an HTTP request without TLS";
constexpr std::string_view kSslTwo = "a hello of SSL 2.0, which nobody may speak (RFC 6176)";

constexpr std::array<std::pair<std::string_view, std::string_view>, 15> kOpenings = {{
    {"GET "sv, kRequest},
    {"HEAD "sv, kRequest},
    {"POST "sv, kRequest},
    {"PUT "sv, kRequest},
    {"PATCH "sv, kRequest},
    {"DELETE "sv, kRequest},
    {"OPTIONS "sv, kRequest},
    {"CONNECT "sv, kRequest},
    {"PRI * HTTP/2"sv, "HTTP/2 without TLS"sv},
    {"SSH-"sv, "SSH"sv},
    {"EHLO "sv, "SMTP"sv},
    {"PROXY "sv, "a PROXY header of version 1, which is not expected here"sv},
    {"\r\n\r\n\0\r\nQUIT\n"sv, "a PROXY header of version 2, which is not expected here"sv},
    {"\x05\x01"sv, "SOCKS 5"sv},
    {"\x04\x01"sv, "SOCKS 4"sv},
}};

bool is_high(char c) { return static_cast<unsigned char>(c) >= 0x80; }

}  // namespace

std::optional<std::string_view> name_opening(std::string_view first) {
  if (first.empty()) return std::nullopt;
  // Two bytes of length with the first bit set, the type of a hello, a version (RFC 6101 App. E).
  if (is_high(first[0])) {
    if (first.size() < 4) return std::nullopt;
    return first[2] == 1 && first[3] <= 3 && first[3] >= 0 ? kSslTwo : ""sv;
  }
  bool possible = false;
  for (const auto& [beginning, name] : kOpenings) {
    if (first.starts_with(beginning)) return name;
    possible = possible || beginning.starts_with(first);
  }
  if (possible) return std::nullopt;
  return ""sv;
}

}  // namespace culvert
