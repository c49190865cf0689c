// A Store in memory, for tests of what stands on one: its conditions, revisions and waiting are
// real, its durability is not. It can be told to fail.
#pragma once

#include "control/store/store.h"

#include <condition_variable>
#include <map>
#include <mutex>

namespace culvert::test {

class MemoryStore final : public control::Store {
 public:
  Result<std::optional<control::Entry>> get(const std::string& key) override {
    const std::lock_guard lock(mutex_);
    if (failing_) return failure();
    const auto found = entries_.find(key);
    if (found == entries_.end()) return std::optional<control::Entry>();
    return std::optional(found->second);
  }
  Result<std::vector<control::Entry>> list(const std::string& prefix,
                                           size_t limit,
                                           const std::string& after = {}) override {
    const std::lock_guard lock(mutex_);
    if (failing_) return failure();
    std::vector<control::Entry> found;
    for (auto at = entries_.lower_bound(prefix); at != entries_.end(); ++at) {
      if (at->first.compare(0, prefix.size(), prefix) != 0 || found.size() == limit) break;
      if (at->first > after) found.push_back(at->second);
    }
    return found;
  }
  Result<control::Commit> commit(const std::vector<control::Condition>& conditions,
                                 const std::vector<control::Write>& writes) override {
    const std::lock_guard lock(mutex_);
    if (failing_) return failure();
    for (const control::Condition& condition : conditions) {
      const auto found = entries_.find(condition.key);
      const uint64_t is = found == entries_.end() ? 0 : found->second.revision;
      if (is != condition.revision) return control::Commit{false, revision_};
    }
    ++revision_;
    for (const control::Write& write : writes) {
      if (write.value) {
        entries_[write.key] = {write.key, *write.value, revision_};
      } else {
        entries_.erase(write.key);
      }
    }
    changed_.notify_all();
    return control::Commit{true, revision_};
  }
  Result<uint64_t> revision() override {
    const std::lock_guard lock(mutex_);
    return revision_;
  }
  Result<uint64_t> wait(uint64_t after, Duration most) override {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, most, [&] { return revision_ > after || closed_; });
    return revision_;
  }
  void close() override {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  Result<void> backup(const std::string&) override { return failure(); }
  Result<void> restore(const std::string&) override { return failure(); }

  void fail(bool failing) {
    const std::lock_guard lock(mutex_);
    failing_ = failing;
  }
  std::string dump() {
    const std::lock_guard lock(mutex_);
    std::string all;
    for (const auto& [key, entry] : entries_) all += key + "=" + entry.value + "\n";
    return all;
  }

 private:
  static Error failure() { return Error::ours(Code::kSystem, Stage::kNone, "the store is away"); }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, control::Entry> entries_;
  uint64_t revision_ = 0;
  bool closed_ = false;
  bool failing_ = false;
};

}  // namespace culvert::test
