// A store whose values are sealed with the master keys before they reach the one below. Keys stay
// plain: they are names and numbers, never secrets. Safe on any thread.
#pragma once

#include "control/store/master_keys.h"
#include "control/store/store.h"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace culvert::control {

class SealedStore final : public Store {
 public:
  SealedStore(std::unique_ptr<Store> below, MasterKeys keys);

  // Whether the keys are those of this store: every value that lies in it has to be opened, because
  // a store that can be read in parts only is to be known at the start.
  Result<void> check();

  Result<std::optional<Entry>> get(const std::string& key) override;
  Result<std::vector<Entry>> list(const std::string& prefix,
                                  size_t limit,
                                  const std::string& after) override;
  Result<Commit> commit(const std::vector<Condition>& conditions,
                        const std::vector<Write>& writes) override;
  Result<uint64_t> revision() override { return below_->revision(); }
  Result<uint64_t> wait(uint64_t after, Duration most) override {
    return below_->wait(after, most);
  }
  void close() override { below_->close(); }
  // Values stay sealed in a backup; one that these keys do not open is not restored.
  Result<void> backup(const std::string& path) override { return below_->backup(path); }
  Result<void> restore(const std::string& path) override;
  Result<void> read_backup(const std::string& path, const EntryCheck& check) override;

  // Seals anew what another than the current key has sealed, in transactions of some hundred
  // values: killed half way, the rest is done by calling it again. Returns how many there were.
  Result<size_t> reseal();
  // Whether there are any: a rotation that did not come to its end.
  Result<bool> has_old_seals();

 private:
  std::string seal_value(const std::string& key, const std::string& value) const;
  Result<std::string> open_value(const Entry& sealed) const;
  bool is_current(const Entry& sealed) const;
  Result<size_t> reseal_page(const std::vector<Entry>& page);

  std::unique_ptr<Store> below_;
  const MasterKeys keys_;
};

}  // namespace culvert::control
