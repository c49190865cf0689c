// The hashes of link.proto, by which a relay and the service know that they mean the same. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace culvert::control {

using ContentHash = std::array<uint8_t, 16>;

// Types in the order in which they are made.
inline constexpr std::array<std::string_view, 6> kTypeNames{"upstream", "key_pool", "token",
                                                            "route",    "tunnel",   "peer"};
inline constexpr size_t kTypeCount = kTypeNames.size();
inline constexpr size_t kPeerType = kTypeCount - 1;  // of the roster, not of the configuration
std::optional<size_t> type_index(std::string_view name);

ContentHash item_hash(std::string_view spec);

// Of a set; items are added in the order of their names.
class SetHash {
 public:
  void add(std::string_view name, const ContentHash& hash);
  ContentHash finish() const;

 private:
  std::string text_;
};

ContentHash whole_hash(const std::array<ContentHash, kTypeCount>& sets);

std::string to_bytes(const ContentHash& hash);
// nullopt where there are not 16 bytes.
std::optional<ContentHash> from_bytes(std::string_view bytes);

}  // namespace culvert::control
