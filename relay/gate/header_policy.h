// Which of a client's header fields go up, how they are spelled there, and in what order: the
// tables of privacy.md. Pure.
#pragma once

#include "relay/config/snapshot.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

// How a field goes up that the client sent.
struct Passage {
  std::string_view spelling;  // empty: its name in lower case
  uint32_t rank = 0;          // fields go up by rank, then by name
  std::string_view joint{};   // between the values of a field that came more than once; empty: the
                              // first value alone
};

// What may pass beside the built-in list: an upstream's and a route's `headers.allow`; of the
// generic proxy, which has no upstream, `generic_headers_allow`.
struct AllowedNames {
  const std::vector<std::string>* of_upstream = nullptr;  // in lower case
  const std::vector<std::string>* of_route = nullptr;
  bool contains(std::string_view name) const;
};

// Of presets and routes: nullopt for whatever is not on a list.
std::optional<Passage> preset_passage(std::string_view name, const AllowedNames& allowed);

// Of the generic proxy: every end-to-end field but those that say who or where the client is.
std::optional<Passage> generic_passage(std::string_view name, const AllowedNames& allowed);

// The codings that the relay asks for on behalf of a client that sent this Accept-Encoding: gzip
// where the client takes it, so that libraries cannot be told apart by their lists.
std::string common_coding(std::string_view accept_encoding);

}  // namespace culvert
