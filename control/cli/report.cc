// Findings, changes, the revision, then relays.
#include "control/cli/report.h"

#include "control/cli/display.h"
#include "control/cli/documents.h"
#include "control/cli/rollout.h"

#include <fmt/format.h>

namespace culvert::cli {
namespace {

constexpr auto kPatience = std::chrono::seconds(10);

Cell what_cell(v1::Change::What what) {
  switch (what) {
    case v1::Change::WHAT_CREATED:
      return {"created", Colour::kGreen};
    case v1::Change::WHAT_CHANGED:
      return {"changed", Colour::kYellow};
    case v1::Change::WHAT_DELETED:
      return {"deleted", Colour::kRed};
    default:
      return {"unchanged", Colour::kFaint};
  }
}

bool changes_something(const v1::ApplyReply& reply) {
  for (const auto& change : reply.changes()) {
    if (change.what() != v1::Change::WHAT_UNCHANGED) return true;
  }
  return false;
}

std::string in_table(const v1::ApplyReply& reply, bool dry_run, bool colours) {
  Table table({"WHAT", "KIND", "NAME"});
  for (const auto& change : reply.changes()) {
    table.add({what_cell(change.what()), change.kind(), change.name()});
  }
  std::string out = table.rows_text(colours);
  if (dry_run) return out + "nothing was changed: --dry-run\n";
  if (!changes_something(reply)) {
    return out + fmt::format("nothing to change; revision {} stays\n", reply.revision());
  }
  return out + fmt::format("revision {}\n", reply.revision());
}

int print_findings(Program* program, const v1::ApplyReply& reply, const Reporting& how) {
  static const Places kNowhere;
  const Places& places = how.places != nullptr ? *how.places : kNowhere;
  if (program->format() != Format::kTable) program->print(reply, {});
  for (const auto& finding : reply.findings())
    program->terminal.complain(in_words(finding, places));
  program->terminal.complain("nothing was changed");
  return program->failed;
}

Value in_value(const v1::ApplyReply& reply, bool dry_run) {
  Value::List changes;
  for (const auto& change : reply.changes()) {
    changes.push_back({Value::Map{{"kind", {change.kind()}},
                                  {"name", {change.name()}},
                                  {"what", {what_cell(change.what()).text}}}});
  }
  return {Value::Map{{"revision", {static_cast<uint64_t>(reply.revision())}},
                     {"dry_run", {dry_run}},
                     {"changes", {std::move(changes)}}}};
}

}  // namespace

const char* const kReportDetails =
    "Then waits up to 10 s until the connected relays say that they run it (--no-wait does not);\n"
    "a relay that is away or has not answered by then is no failure. Exit status: 0 done, 1 "
    "failed\n"
    "or refused by a relay, 2 bad usage.";

Result<int> report(Program* program, const v1::ApplyReply& reply, const Reporting& how) {
  if (reply.findings_size() > 0) return print_findings(program, reply, how);
  const bool tables = program->format() == Format::kTable;
  if (tables) program->terminal.out(in_table(reply, how.dry_run, program->colours()));
  std::vector<RelayOutcome> outcomes;
  bool refused = false;
  if (!how.dry_run && how.wait && changes_something(reply)) {
    auto session = CULVERT_TRY(program->session());
    auto found = await_relays(session, program->terminal, reply.revision(), kPatience);
    if (found)
      outcomes = std::move(found).value();
    else
      program->terminal.warn("it is changed, but relays cannot be watched: " +
                             found.error().detail);
    refused = any_refused(outcomes);
  }
  if (tables) {
    program->terminal.out(in_words(outcomes, reply.revision(), program->colours()));
  } else {
    Value value = in_value(reply, how.dry_run);
    std::get<Value::Map>(value.content).emplace_back("relays", value_of(outcomes));
    program->print(value, {});
  }
  return refused ? kFailed : kOk;
}

}  // namespace culvert::cli
