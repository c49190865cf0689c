// The statement is put together from words of this file alone.
#include "control/ledger/usage_query.h"

#include "relay/base/clock.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace culvert::control {
namespace {

constexpr int64_t kDay = 86'400'000;         // milliseconds
constexpr int64_t kLatest = kDay * 100'000;  // beyond the year 2200
constexpr std::array<std::string_view, 8> kWords{"tenant",   "model", "key", "relay",
                                                 "upstream", "route", "day", "class"};

template <class Words>
std::string joined(const Words& words) {
  std::string text;
  for (const auto& word : words) text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

int64_t milliseconds_of(const google::protobuf::Timestamp& time) {
  const int64_t seconds = std::clamp<int64_t>(time.seconds(), 0, kLatest / 1000);
  // Rounded up: a record of that same millisecond is not before the time.
  return seconds * 1000 + (std::clamp(time.nanos(), 0, 999'999'999) + 999'999) / 1'000'000;
}

Result<void> check(const v1::UsageRequest& request) {
  for (const std::string& word : request.group_by()) {
    if (std::find(kWords.begin(), kWords.end(), word) != kWords.end()) continue;
    return Error::client(Code::kInvalidConfig, Stage::kNone,
                         "group_by: '" + word + "' is not known; allowed are " + joined(kWords));
  }
  return {};
}

void set_times(const v1::UsageRequest& request, UsageQuery* query) {
  query->from = request.has_from() ? milliseconds_of(request.from()) : 0;
  query->until = request.has_until() ? milliseconds_of(request.until()) : kLatest;
  query->until = std::max(query->until, query->from);
  query->first_day = (query->from + kDay - 1) / kDay;
  // Where no whole day lies in it, none is taken and the records tell all.
  query->last_day = std::max(query->until / kDay, query->first_day);
  if (query->first_day * kDay > query->until) query->first_day = query->last_day = 0;
}

std::string filter_of(const v1::UsageRequest& request, UsageQuery* query) {
  std::string sql;
  const auto add = [&](const char* column, const std::string& value) {
    if (value.empty()) return;
    sql.append(" AND ").append(column).append(" = ?");
    query->filters.push_back(value);
  };
  add("tenant", request.tenant());
  add("model", request.model());
  add("relay", request.relay());
  add("upstream", request.upstream());
  return sql;
}

std::string day_text(uint64_t day) {
  return rfc3339(std::chrono::sys_days(std::chrono::days(day))).substr(0, 10);
}

void read_row(const UsageQuery& query, const Statement& statement, v1::UsageRow* row) {
  row->set_requests(statement.number(0));
  row->set_input_tokens(statement.number(1));
  row->set_output_tokens(statement.number(2));
  row->set_cached_tokens(statement.number(3));
  row->set_reasoning_tokens(statement.number(4));
  row->set_bytes_in(statement.number(5));
  row->set_bytes_out(statement.number(6));
  row->set_total_ms(statement.number(7));
  int column = 8;
  for (const std::string& word : query.group_by) {
    (*row->mutable_group())[word] =
        word == "day" ? day_text(statement.number(column)) : statement.bytes(column);
    ++column;
  }
}

}  // namespace

std::string_view word_of(v1::UsageClass used_class) {
  switch (used_class) {
    case v1::USAGE_CLASS_DELIVERED:
      return "delivered";
    case v1::USAGE_CLASS_ABORTED:
      return "aborted";
    case v1::USAGE_CLASS_TRUNCATED:
      return "truncated";
    case v1::USAGE_CLASS_ESTIMATED:
      return "estimated";
    case v1::USAGE_CLASS_REFUSED:
      return "refused";
    default:
      return "unknown";
  }
}

Result<UsageQuery> usage_query(const v1::UsageRequest& request) {
  CULVERT_CHECK(check(request));
  UsageQuery query;
  for (const std::string& word : request.group_by()) {
    const auto& known = query.group_by;
    if (std::find(known.begin(), known.end(), word) == known.end()) query.group_by.push_back(word);
  }
  set_times(request, &query);
  const std::string filter = filter_of(request, &query);
  const std::string keys = joined(query.group_by);
  query.sql = fmt::format(
      "SELECT sum(requests), sum(input) AS i, sum(output) AS o, sum(cached), sum(reasoning), "
      "sum(bytes_in), sum(bytes_out), sum(total_ms){0}{1} FROM ("
      "SELECT day, class, tenant, route, upstream, model, key, relay, requests, input, output, "
      "cached, reasoning, bytes_in, bytes_out, total_ms FROM sums "
      "WHERE day >= ? AND day < ?{2} UNION ALL "
      "SELECT time / {3}, class, tenant, route, upstream, model, key, relay, 1 - lost, "
      "coalesce(input, 0), coalesce(output, 0), coalesce(cached, 0), coalesce(reasoning, 0), "
      "bytes_in, bytes_out, total_ms * (1 - lost) FROM records "
      "WHERE time >= ? AND time < ?{2} UNION ALL "
      "SELECT time / {3}, class, tenant, route, upstream, model, key, relay, 1 - lost, "
      "coalesce(input, 0), coalesce(output, 0), coalesce(cached, 0), coalesce(reasoning, 0), "
      "bytes_in, bytes_out, total_ms * (1 - lost) FROM records WHERE time >= ? AND time < ?{2})"
      "{4}{1} HAVING count(*) > 0 ORDER BY o DESC, i DESC{0}{1} LIMIT {5}",
      keys.empty() ? "" : ", ", keys, filter, kDay, keys.empty() ? "" : " GROUP BY ",
      kUsageRows + 1);
  return query;
}

Result<v1::UsageReply> run(const UsageQuery& query, Database& database) {
  auto statement = CULVERT_TRY(database.prepare(query.sql));
  const auto part = [&](int64_t from, int64_t until) {
    statement.bind(from).bind(until);
    for (const std::string& value : query.filters) statement.bind_text(value);
  };
  const bool days = query.last_day > query.first_day;
  part(query.first_day, query.last_day);
  // Before the whole days and after them; without any the first part is all.
  part(query.from, days ? query.first_day * kDay : query.until);
  part(days ? query.last_day * kDay : query.until, query.until);
  v1::UsageReply reply;
  while (CULVERT_TRY(statement.step())) {
    if (static_cast<size_t>(reply.rows_size()) == kUsageRows) {
      reply.set_cut(true);
      break;
    }
    read_row(query, statement, reply.add_rows());
  }
  return reply;
}

}  // namespace culvert::control
