// Usage as relays told it: appended once for each record's id, never changed, asked in sums. A
// seam: SQLite for one service, PostgreSQL for several. Safe on any thread; blocking.
#pragma once

#include "culvert/v1/admin.pb.h"
#include "culvert/v1/usage.pb.h"
#include "relay/base/result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace culvert::control {

// Records that a relay could not keep. Each process of a relay counts from zero.
struct Losses {
  std::string instance;  // which process
  uint64_t records = 0;  // since it began
};

class Ledger {
 public:
  virtual ~Ledger() = default;

  // Durable when it returns; a record whose id is there already is passed over, and so is a count
  // of losses that is no higher than what the same process has said before.
  virtual Result<void> append(const std::string& relay,
                              const std::vector<v1::UsageRecord>& records,
                              const Losses& lost) = 0;
  // Errors: kInvalidConfig for an unknown word in group_by, in words for the operator.
  virtual Result<v1::UsageReply> report(const v1::UsageRequest& request) = 0;
};

}  // namespace culvert::control
