// Digests cut to half: 128 bits tell any two configurations apart.
#include "control/fleet/content_hash.h"

#include "relay/crypto/digest.h"

#include <algorithm>

namespace culvert::control {

std::optional<size_t> type_index(std::string_view name) {
  const auto found = std::find(kTypeNames.begin(), kTypeNames.end(), name);
  if (found == kTypeNames.end()) return std::nullopt;
  return static_cast<size_t>(found - kTypeNames.begin());
}

ContentHash item_hash(std::string_view spec) {
  const Digest digest = sha256(spec);
  ContentHash hash{};
  std::copy_n(digest.begin(), hash.size(), hash.begin());
  return hash;
}

void SetHash::add(std::string_view name, const ContentHash& hash) {
  text_.append(name);
  text_.push_back('\0');
  text_.append(to_bytes(hash));
}

ContentHash SetHash::finish() const { return item_hash(text_); }

ContentHash whole_hash(const std::array<ContentHash, kTypeCount>& sets) {
  SetHash whole;
  for (size_t type = 0; type < kTypeCount; ++type) whole.add(kTypeNames[type], sets[type]);
  return whole.finish();
}

std::string to_bytes(const ContentHash& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

std::optional<ContentHash> from_bytes(std::string_view bytes) {
  ContentHash hash{};
  if (bytes.size() != hash.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}

}  // namespace culvert::control
