// Small stand-ins of the control service's own seams: a configuration that a test changes, an audit
// log and a ledger that remember.
#pragma once

#include "control/config/audit_log.h"
#include "control/config/configuration.h"
#include "control/ledger/ledger.h"

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>

namespace culvert::test {

class ChangingConfiguration final : public control::Configuration {
 public:
  std::shared_ptr<const control::ConfigState> current() const override {
    const std::lock_guard lock(mutex_);
    return state_;
  }
  std::shared_ptr<const control::ConfigState> wait(uint64_t after, Duration most) const override {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, most, [&] { return state_->generation > after; });
    return state_;
  }
  void change(const std::function<void(control::ConfigState*)>& change) {
    const std::lock_guard lock(mutex_);
    auto next = std::make_shared<control::ConfigState>(*state_);
    ++next->generation;
    ++next->revision;
    change(next.get());
    state_ = std::move(next);
    changed_.notify_all();
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::shared_ptr<const control::ConfigState> state_ = std::make_shared<control::ConfigState>();
};

class RememberedAudit final : public control::AuditLog {
 public:
  Result<void> append(v1::AuditEntry entry) override {
    const std::lock_guard lock(mutex_);
    entries_.push_back(std::move(entry));
    return {};
  }
  std::vector<v1::AuditEntry> entries() const {
    const std::lock_guard lock(mutex_);
    return entries_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<v1::AuditEntry> entries_;
};

class RememberedLedger final : public control::Ledger {
 public:
  Result<void> append(const std::string&,
                      const std::vector<v1::UsageRecord>& records,
                      const control::Losses& lost) override {
    const std::lock_guard lock(mutex_);
    for (const v1::UsageRecord& record : records) ids_.insert(record.id());
    lost_ = std::max(lost_, lost.records);  // of one relay's one process
    return {};
  }
  Result<v1::UsageReply> report(const v1::UsageRequest&) override {
    const std::lock_guard lock(mutex_);
    v1::UsageReply reply;
    reply.add_rows()->set_requests(ids_.size());
    reply.set_lost(lost_);
    return reply;
  }

 private:
  std::mutex mutex_;
  std::set<std::string> ids_;
  uint64_t lost_ = 0;
};

}  // namespace culvert::test
