// All that the store says of the configuration at one moment, read in one go.
#pragma once

#include "control/config/configuration.h"
#include "control/config/resources.h"
#include "control/store/store.h"
#include "relay/base/clock.h"

#include <memory>
#include <optional>
#include <string>

namespace culvert::control {

inline constexpr const char* kHeadKey = "config/head";
inline constexpr const char* kTokenSetKey = "config/tokens";
inline constexpr const char* kResourcePrefix = "config/resource/";
inline constexpr const char* kTokenPrefix = "token/";

struct Contents {
  std::shared_ptr<const ConfigState> state;
  ResourceMap resources;
  uint64_t head = 0;  // the store's revisions of the two entries that every change writes
  uint64_t tokens = 0;
  std::optional<WallTime> next_expiry;  // of a good client token
};

// Where a client token expired since anybody looked, that is written to the store first, so that
// the generation tells of it. Errors: the store's, or kInternal where an entry cannot be read.
Result<Contents> load_contents(Store& store, WallTime now);

std::string resource_key(const ResourceName& name);

// Every entry that begins with `prefix`, page by page; an error of `look` ends it.
Result<void> each_entry(Store& store,
                        const std::string& prefix,
                        const std::string& after,
                        const Store::EntryCheck& look);

Error unreadable(const std::string& key);

// The revision (0: not there) and the value of an entry that holds one message.
template <class Message>
Result<uint64_t> load_message(Store& store, const std::string& key, Message* message) {
  const std::optional<Entry> entry = CULVERT_TRY(store.get(key));
  if (!entry) return uint64_t{0};
  if (!message->ParseFromString(entry->value)) return unreadable(key);
  return entry->revision;
}

}  // namespace culvert::control
