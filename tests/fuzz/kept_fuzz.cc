// Any bytes as a slot of the last-known-good cache, and any text inside a slot that is sound:
// nothing may crash, and what does not carry this relay's seal is never taken.
#include "relay/config/last_known_good.h"
#include "relay/config/remote_config.h"
#include "tests/fuzz/fuzz.h"

using culvert::test::require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const culvert::Secret key(std::string(32, 'k'));
  const std::string_view input = culvert::test::text(data, size);
  require(!culvert::read_slot(input, key), "bytes that nobody sealed were taken");

  const auto back = culvert::read_slot(culvert::write_slot({7, std::string(input)}, key), key);
  require(back && back->sequence == 7 && back->plain == input, "a slot lost its text");

  // Who holds the key may still have written nonsense, with an older version.
  culvert::RemoteConfig config;
  if (config.restore(input)) {
    culvert::RemoteConfig again;
    require(again.restore(config.kept({})).has_value(), "what was kept cannot be restored");
    require(again.overall_hash() == config.overall_hash(), "what was kept is something else");
  }
  return 0;
}
