// A question to the ledger as one SQL statement: whole days from the sums, the rest of the time
// asked for from the records. What the caller says is only ever bound, never written into it.
#pragma once

#include "control/store/sqlite.h"
#include "culvert/v1/admin.pb.h"
#include "culvert/v1/usage.pb.h"
#include "relay/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace culvert::control {

inline constexpr size_t kUsageRows = 10'000;

struct UsageQuery {
  std::vector<std::string> group_by;  // columns, in the caller's order, no two alike
  std::string sql;
  // Days that lie in it as a whole, and the milliseconds around them; ends are exclusive.
  int64_t first_day = 0;
  int64_t last_day = 0;
  int64_t from = 0;
  int64_t until = 0;
  std::vector<std::string> filters;  // values, in the order of the statement
};

// Errors: kInvalidConfig for an unknown word in group_by, in words for the operator.
Result<UsageQuery> usage_query(const v1::UsageRequest& request);
Result<v1::UsageReply> run(const UsageQuery& query, Database& database);

// delivered, aborted, truncated, estimated, refused; unknown for one of a newer relay.
std::string_view word_of(v1::UsageClass used_class);

}  // namespace culvert::control
