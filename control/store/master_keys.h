// The keys that everything at rest is sealed with: one that seals, and older ones that still open.
// They rest in a file of their own (mode 0600), which a backup of the store does not hold: whoever
// has one of the two has nothing.
#pragma once

#include "relay/base/result.h"
#include "relay/base/secret.h"

#include <string>
#include <string_view>
#include <vector>

namespace culvert::control {

class MasterKeys {
 public:
  static constexpr size_t kIdBytes = 4;  // of the key's SHA-256
  struct Key {
    std::string id;  // kIdBytes raw bytes
    Secret key;
  };

  static MasterKeys make();
  // Errors: kInvalidConfig where others than its owner may read the file, or where it is no such
  // file; none holds a part of a key.
  static Result<MasterKeys> load(const std::string& path);
  Result<void> save(const std::string& path) const;

  const Key& current() const { return keys_.front(); }
  const Key* find(std::string_view id) const;  // null: not known
  size_t size() const { return keys_.size(); }

  void rotate();            // a new key becomes the current one
  void forget_old();        // only the current one is left
  std::string ids() const;  // hexadecimal, the current one first

 private:
  static Key key_of(Secret key);

  std::vector<Key> keys_;  // the current one first; never empty
};

std::string hexadecimal(std::string_view bytes);

}  // namespace culvert::control
