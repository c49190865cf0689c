// usage: what was used, grouped as asked.
#include "control/cli/relay_table.h"
#include "control/cli/times.h"
#include "control/cli/verbs.h"
#include "proto/scalars.h"
#include "proto/suggest.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace culvert::cli {
namespace {

struct UsageFlags {
  std::vector<std::string> by = {"model"};
  std::string from = "30d";
  std::string until = "now";
  std::string tenant, model, relay, upstream;
};

// 1234567 as 1,234,567.
std::string grouped(uint64_t number) {
  std::string digits = std::to_string(number);
  for (size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

// How long requests and tunnels were open.
std::string shown_time_spent(uint64_t ms) {
  if (ms < 1000) return std::to_string(ms) + "ms";
  return shown_span(std::chrono::milliseconds(ms));
}

Result<google::protobuf::Timestamp> moment(const std::string& flag,
                                           const std::string& text,
                                           WallTime now) {
  const auto time = parse_moment(text, now);
  if (time) return to_proto(*time);
  return bad_usage(flag + ": " + in_quotes(text) + " is none; needed is " +
                   std::string(kMomentWords));
}

void add_counts(const v1::UsageRow& row, std::vector<Cell>* cells) {
  for (const uint64_t number : {row.requests(), row.input_tokens(), row.cached_tokens(),
                                row.output_tokens(), row.reasoning_tokens()}) {
    cells->emplace_back(grouped(number));
  }
  cells->emplace_back(shown_bytes(row.bytes_in()));
  cells->emplace_back(shown_bytes(row.bytes_out()));
  cells->emplace_back(shown_time_spent(row.total_ms()));
}

void add_to(v1::UsageRow* sum, const v1::UsageRow& row) {
  sum->set_requests(sum->requests() + row.requests());
  sum->set_input_tokens(sum->input_tokens() + row.input_tokens());
  sum->set_cached_tokens(sum->cached_tokens() + row.cached_tokens());
  sum->set_output_tokens(sum->output_tokens() + row.output_tokens());
  sum->set_reasoning_tokens(sum->reasoning_tokens() + row.reasoning_tokens());
  sum->set_bytes_in(sum->bytes_in() + row.bytes_in());
  sum->set_bytes_out(sum->bytes_out() + row.bytes_out());
  sum->set_total_ms(sum->total_ms() + row.total_ms());
}

std::string usage_text(const v1::UsageReply& reply,
                       const std::vector<std::string>& by,
                       bool colours) {
  if (reply.rows_size() == 0) return "nothing was used in that time\n";
  std::vector<std::string> names;
  for (const std::string& word : by) {
    names.push_back(word);
    for (char& c : names.back()) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  }
  std::vector<std::string_view> columns(names.begin(), names.end());
  for (const char* name :
       {">REQUESTS", ">INPUT", ">CACHED", ">OUTPUT", ">REASONING", ">IN", ">OUT", ">TIME"}) {
    columns.emplace_back(name);
  }
  Table table(columns);
  v1::UsageRow sum;
  for (const auto& row : reply.rows()) {
    std::vector<Cell> cells;
    for (const std::string& word : by) {
      const auto found = row.group().find(word);
      const bool known = found != row.group().end() && !found->second.empty();
      cells.emplace_back(known ? found->second : std::string("-"));
    }
    add_counts(row, &cells);
    add_to(&sum, row);
    table.add(std::move(cells));
  }
  std::vector<Cell> total = {"total"};
  total.resize(by.size(), "");
  add_counts(sum, &total);
  for (Cell& cell : total) cell.colour = Colour::kBold;
  table.add(std::move(total));
  return table.text(colours);
}

Result<v1::UsageRequest> usage_request(const Program& program, const UsageFlags& flags) {
  static const std::vector<std::string_view> kGroups = {"tenant",   "model", "key", "relay",
                                                        "upstream", "route", "day", "class"};
  v1::UsageRequest request;
  const WallTime now = program.clock.wall();
  *request.mutable_from() = CULVERT_TRY(moment("--from", flags.from, now));
  *request.mutable_until() = CULVERT_TRY(moment("--until", flags.until, now));
  if (from_proto(request.until()) <= from_proto(request.from())) {
    return bad_usage("--from has to be before --until");
  }
  for (const std::string& word : flags.by) {
    if (std::find(kGroups.begin(), kGroups.end(), word) == kGroups.end()) {
      return bad_usage("--by: unknown " + in_quotes(word) + "; " + what_is_allowed(word, kGroups));
    }
    request.add_group_by(word);
  }
  request.set_tenant(flags.tenant);
  request.set_model(flags.model);
  request.set_relay(flags.relay);
  request.set_upstream(flags.upstream);
  return request;
}

Result<int> usage(Program* program, const UsageFlags& flags) {
  const v1::UsageRequest request = CULVERT_TRY(usage_request(*program, flags));
  Session* session = CULVERT_TRY(program->session());
  const v1::UsageReply reply = CULVERT_TRY(session->ask(request));
  program->print(reply, [&] { return usage_text(reply, flags.by, program->colours()); });
  if (reply.cut()) {
    program->terminal.warn(
        "there is more than is shown, and sums lack it: narrow it with --from, "
        "--tenant, --model");
  }
  if (reply.lost() > 0) {
    program->terminal.warn(
        fmt::format("{} records were lost in all: relays' disks had no room for "
                    "them",
                    reply.lost()));
  }
  return kOk;
}

}  // namespace

void add_usage_verb(CLI::App* app, Program* program) {
  CLI::App* verb = add_verb(
      app, "usage", "Show what was used: requests, tokens, bytes",
      "INPUT has all that was read, CACHED is a part of it; OUTPUT all that was written, REASONING "
      "is a\npart of it. Groups: tenant, model, key, relay, upstream, route, day, class. Times:\n" +
          std::string(kMomentWords) +
          ".\n\nExamples:\n  culvert usage --by tenant,model --from 7d\n"
          "  culvert usage --by day --tenant search-team --from 2026-11-01 --until 2026-12-01\n"
          "  culvert usage --by key --from 24h -o json");
  auto flags = std::make_shared<UsageFlags>();
  verb->add_option("--by", flags->by, "groups, with commas between them")
      ->type_name("GROUPS")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->capture_default_str();
  verb->add_option("--from", flags->from, "since when")->type_name("TIME")->capture_default_str();
  verb->add_option("--until", flags->until, "until when")->type_name("TIME")->capture_default_str();
  verb->add_option("--tenant", flags->tenant, "only of it")->type_name("TENANT");
  verb->add_option("--model", flags->model, "only of it")->type_name("MODEL");
  verb->add_option("--relay", flags->relay, "only of it")->type_name("RELAY");
  verb->add_option("--upstream", flags->upstream, "only of it")->type_name("UPSTREAM");
  verb->callback([=] { program->verb = [=] { return usage(program, *flags); }; });
}

}  // namespace culvert::cli
