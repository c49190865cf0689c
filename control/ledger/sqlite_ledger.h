// The ledger in an SQLite file of its own: the records, and their sums by day, written in one
// transaction that is on the disk when append returns. Owned by main. Safe on any thread; reports
// do not wait for appends nor these for them.
#pragma once

#include "control/ledger/ledger.h"
#include "control/store/sqlite.h"
#include "relay/base/clock.h"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace culvert::control {

class SqliteLedger final : public Ledger {
 public:
  // Makes the file, or brings one of an older version to this one. Errors: kSystem where it cannot
  // be opened, is no ledger, or is of a newer version.
  static Result<std::unique_ptr<SqliteLedger>> open(const std::string& path, const Clock& clock);

  Result<void> append(const std::string& relay,
                      const std::vector<v1::UsageRecord>& records,
                      const Losses& lost) override;
  Result<v1::UsageReply> report(const v1::UsageRequest& request) override;

 private:
  SqliteLedger(std::unique_ptr<Database> writing,
               std::unique_ptr<Database> reading,
               const Clock& clock)
      : writing_(std::move(writing)), reading_(std::move(reading)), clock_(clock) {}
  Result<void> add(const std::string& relay, const v1::UsageRecord& record);
  Result<void> add_to_sums(const std::string& relay,
                           const v1::UsageRecord& record,
                           uint64_t day,
                           std::string_view used_class);
  Result<void> add_lost(const std::string& relay, const Losses& lost);

  std::mutex writing_mutex_;
  std::unique_ptr<Database> writing_;
  std::mutex reading_mutex_;
  std::unique_ptr<Database> reading_;
  const Clock& clock_;
};

}  // namespace culvert::control
