// The configuration as it stands now, in memory, and its publication to whoever waits for news. A
// thread of its own follows the store, where other replicas write too, and lets tokens expire.
#pragma once

#include "control/config/contents.h"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

namespace culvert::control {

class LiveConfiguration final : public Configuration {
 public:
  // The store and the clock outlive it.
  static Result<std::unique_ptr<LiveConfiguration>> open(Store& store, const Clock& clock);
  ~LiveConfiguration() override;

  std::shared_ptr<const ConfigState> current() const override;
  std::shared_ptr<const ConfigState> wait(uint64_t after, Duration most) const override;

  // With all that the store has beside; never null.
  std::shared_ptr<const Contents> contents() const;
  // Reads the store now: who wrote to it calls this, so that its own change stands when it answers.
  Result<void> refresh();
  // Everybody who waits returns at once, now and later.
  void close();

 private:
  LiveConfiguration(Store& store, const Clock& clock, Contents contents);

  void follow();
  Result<bool> is_stale();

  Store& store_;
  const Clock& clock_;
  std::mutex refresh_mutex_;  // one reader of the store at a time: states are published in order
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::shared_ptr<const Contents> contents_;
  bool closed_ = false;
  std::atomic<bool> ending_{false};
  std::thread follower_;
};

}  // namespace culvert::control
