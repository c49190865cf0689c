// Lower case, as the control service writes it.
#include "relay/config/key_id.h"

#include "relay/crypto/digest.h"

#include <fmt/format.h>

#include <iterator>

namespace culvert {

std::string key_id(std::string_view key) {
  const Digest digest = sha256(key);
  std::string id;
  for (size_t i = 0; i < 6; ++i) fmt::format_to(std::back_inserter(id), "{:02x}", digest[i]);
  return id;
}

}  // namespace culvert
