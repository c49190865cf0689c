// A store of its own on a real file, a clock that is moved by hand, and the parts of control/config
// over both.
#pragma once

#include "control/config/live_configuration.h"
#include "control/config/revisions.h"
#include "control/config/stored_audit_log.h"
#include "control/config/tokens.h"
#include "control/store/sqlite_store.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace culvert::control {

// Read by the follower's thread while a test moves it.
class SharedClock final : public Clock {
 public:
  Instant now() const override { return Clock::system().now(); }
  WallTime wall() const override { return WallTime(WallTime::duration(wall_.load())); }
  void advance(Duration by) {
    wall_.fetch_add(std::chrono::duration_cast<WallTime::duration>(by).count());
  }

 private:
  std::atomic<WallTime::duration::rep> wall_{
      WallTime(std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)).time_since_epoch().count()};
};

class ConfigTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "culvert_config_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    store_ = std::move(SqliteStore::open(directory_ + "/store.db")).value();
    reopen();
  }
  void TearDown() override {
    live_.reset();
    store_.reset();
    std::filesystem::remove_all(directory_);
  }
  void reopen() {
    live_.reset();
    live_ = std::move(LiveConfiguration::open(*store_, clock_)).value();
  }

  static v1::Resource route(const std::string& name, const std::string& upstream) {
    v1::Resource resource;
    resource.set_name(name);
    resource.mutable_route()->mutable_match()->set_path_prefix("/" + name);
    resource.mutable_route()->add_to()->set_upstream(upstream);
    return resource;
  }
  static v1::Resource pool(const std::string& name, const std::vector<std::string>& keys) {
    v1::Resource resource;
    resource.set_name(name);
    resource.mutable_key_pool()->set_upstream("openai");
    for (const auto& key : keys) resource.mutable_key_pool()->add_keys()->set_value(key);
    return resource;
  }
  static v1::ApplyRequest applying(const std::vector<v1::Resource>& resources) {
    v1::ApplyRequest request;
    for (const auto& resource : resources) *request.add_resources() = resource;
    return request;
  }

  std::string directory_;
  SharedClock clock_;
  std::unique_ptr<SqliteStore> store_;
  std::unique_ptr<LiveConfiguration> live_;
};

}  // namespace culvert::control
