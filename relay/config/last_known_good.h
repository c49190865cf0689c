// The configuration that the control service sent last, on the relay's own disk, so that it boots
// and serves with the service gone. Two slots are written in turn, so that whatever happens to one
// in the writing, the other is whole. Main thread; blocking.
//
// A slot: "culvLKG1" | sequence (8, big-endian) | length (8, big-endian) | SHA-256 over the sealed
// text (32) | the sealed text (relay/crypto/seal.h), bound to magic and sequence. The checksum
// tells a damaged file from one that was sealed under another key.
#pragma once

#include "relay/base/result.h"
#include "relay/base/secret.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace culvert {

// Pure: one slot's bytes.
struct KeptSlot {
  uint64_t sequence = 0;
  std::string plain;
};
std::string write_slot(const KeptSlot& slot, const Secret& key);
// Error: one sentence on why the bytes are no slot of this key.
Result<KeptSlot> read_slot(std::string_view bytes, const Secret& key);

class LastKnownGood {
 public:
  // `folder`: made on the first save. `key` has kSealKeyBytes.
  LastKnownGood(std::string folder, Secret key);

  // The newest slot that is whole; nullopt where there is none. Says in the log what is wrong with
  // a slot that is there and cannot be used.
  std::optional<std::string> load();

  // Into the older slot. Errors are kSystem; the newer slot is untouched, and the next save tries
  // the same slot again.
  Result<void> save(std::string_view plain);

 private:
  std::string path_of(uint64_t sequence) const;

  std::string folder_;
  Secret key_;
  uint64_t sequence_ = 0;  // of the newest slot; its lowest bit names the file
};

}  // namespace culvert
