// get, history, logs: what the service has and what was done.
#include "control/cli/display.h"
#include "control/cli/kinds.h"
#include "control/cli/live.h"
#include "control/cli/times.h"
#include "control/cli/verbs.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>

namespace culvert::cli {
namespace {

struct GetFlags {
  std::string kind = "all";
  std::string name;
  uint64_t revision = 0;
  bool watch = false;
  CLI::Option* revision_option = nullptr;
};

std::string get_table(const v1::GetReply& reply, bool colours) {
  Table table({"KIND", "NAME", ">REVISION", "CHANGED", "BY", "WHAT"});
  for (const auto& stored : reply.resources()) {
    table.add({kind_of(stored.resource()), stored.resource().name(),
               std::to_string(stored.revision()),
               shown_time(stored.has_changed(), stored.changed()), stored.changed_by(),
               summary_of(stored.resource())});
  }
  if (table.empty()) return "nothing is configured yet: culvert apply -f FILE\n";
  return table.text(colours);
}

// Documents that apply takes back.
std::string get_yaml(const v1::GetReply& reply) {
  std::string out = fmt::format("# revision {}\n", reply.revision());
  bool first = true;
  for (const auto& stored : reply.resources()) {
    out += (first ? "" : "---\n") + clean_lines(document_of(stored.resource()));
    first = false;
  }
  return out;
}

std::string get_json(const v1::GetReply& reply, bool one_line) {
  Value::List list;
  for (const auto& stored : reply.resources()) {
    Value value = value_of(stored.resource());
    auto& map = std::get<Value::Map>(value.content);
    map.emplace_back("revision", Value{static_cast<uint64_t>(stored.revision())});
    if (stored.has_changed())
      map.emplace_back("changed", Value{rfc3339(from_proto(stored.changed()))});
    map.emplace_back("changed_by", Value{stored.changed_by()});
    list.push_back(std::move(value));
  }
  const Value all{Value::Map{{"revision", {static_cast<uint64_t>(reply.revision())}},
                             {"resources", {std::move(list)}}}};
  return one_line ? to_json_line(all) : to_json(all);
}

std::string get_text(const Program& program, const v1::GetReply& reply, bool one_line) {
  switch (program.format()) {
    case Format::kJson:
      return get_json(reply, one_line);
    case Format::kYaml:
      return get_yaml(reply);
    case Format::kTable:
      break;
  }
  return get_table(reply, program.colours());
}

Result<v1::GetRequest> get_request(const GetFlags& flags) {
  v1::GetRequest request;
  request.set_kind(CULVERT_TRY(kind_or_all(flags.kind)));
  if (!flags.name.empty() && request.kind().empty()) {
    return bad_usage("a name needs its kind: culvert get KIND NAME");
  }
  request.set_name(flags.name);
  if (flags.revision_option->count() > 0) request.set_revision(flags.revision);
  return request;
}

Result<int> watch_get(Program* program, const v1::GetRequest& request) {
  TextView view("culvert get " + request.kind() + " " + request.name(), program->between_pages());
  const Source source = [&](const std::stop_token& stop,
                            const std::function<void()>& changed) -> Result<void> {
    Session* session = CULVERT_TRY(program->session());
    v1::WatchRequest watch;
    Result<void> failed;
    const auto again = [&] {
      auto reply = session->ask(request);
      if (!reply) {
        failed = std::move(reply).error();
        return false;
      }
      watch.set_after_revision(reply->revision());
      view.put(get_text(*program, *reply, true));
      changed();
      return true;
    };
    if (!again()) return failed;
    CULVERT_CHECK(session->follow(watch, stop, [&](const v1::Revision&) { return again(); }));
    return failed;
  };
  return run_live(program->terminal, &view, source);
}

Result<int> get(Program* program, const GetFlags& flags) {
  const v1::GetRequest request = CULVERT_TRY(get_request(flags));
  if (flags.watch) return watch_get(program, request);
  Session* session = CULVERT_TRY(program->session());
  const v1::GetReply reply = CULVERT_TRY(session->ask(request));
  program->terminal.out(get_text(*program, reply, false));
  return kOk;
}

void add_get(CLI::App* app, Program* program) {
  CLI::App* verb = add_verb(
      app, "get", "Show resources",
      "--output yaml gives documents that apply takes back: secrets are masked in them, and a "
      "masked\nsecret keeps its value. --output json: {revision, resources: [{kind, name, spec, "
      "revision,\nchanged, changed_by}]}; with --watch one such line for each change.\n\n"
      "Examples:\n  culvert get all\n  culvert get routes --watch\n"
      "  culvert get upstream openai -o yaml");
  auto flags = std::make_shared<GetFlags>();
  verb->add_option("kind", flags->kind, std::string(kKindWords))->type_name("KIND");
  verb->add_option("name", flags->name, "only this one")->type_name("NAME");
  flags->revision_option =
      verb->add_option("--revision", flags->revision, "as it was then")->type_name("REVISION");
  verb->add_flag("-w,--watch", flags->watch, "show it again whenever it changes")
      ->excludes(flags->revision_option);
  verb->callback([=] { program->verb = [=] { return get(program, *flags); }; });
}

std::string changes_of(const v1::Revision& revision) {
  if (revision.changes_size() == 1) {
    static constexpr const char* kWords[] = {"same", "created", "changed", "deleted"};
    const auto& change = revision.changes(0);
    const bool known = v1::Change::What_IsValid(change.what());
    return fmt::format("{} {} {}", known ? kWords[change.what()] : "?", change.kind(),
                       change.name());
  }
  int created = 0, changed = 0, deleted = 0;
  for (const auto& change : revision.changes()) {
    created += change.what() == v1::Change::WHAT_CREATED ? 1 : 0;
    changed += change.what() == v1::Change::WHAT_CHANGED ? 1 : 0;
    deleted += change.what() == v1::Change::WHAT_DELETED ? 1 : 0;
  }
  std::string out;
  const auto add = [&out](int count, const char* word) {
    if (count > 0) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count, word);
  };
  add(created, "created");
  add(changed, "changed");
  add(deleted, "deleted");
  return out.empty() ? "nothing" : out;
}

Result<int> history(Program* program, uint32_t limit) {
  Session* session = CULVERT_TRY(program->session());
  v1::HistoryRequest request;
  request.set_limit(limit);
  const v1::HistoryReply reply = CULVERT_TRY(session->ask(request));
  program->print(reply, [&] {
    Table table({">REVISION", "TIME", "BY", "CHANGES", "MESSAGE"});
    for (const auto& revision : reply.revisions()) {
      table.add({std::to_string(revision.number()),
                 shown_time(revision.has_time(), revision.time()), revision.by(),
                 changes_of(revision), revision.comment()});
    }
    return table.empty() ? "nothing was changed yet\n" : table.text(program->colours());
  });
  return kOk;
}

void add_history(CLI::App* app, Program* program) {
  CLI::App* verb = add_verb(app, "history", "Show revisions, the newest first",
                            "culvert get all --revision N shows the configuration as it was; "
                            "culvert rollback N brings it\nback.");
  auto limit = std::make_shared<uint32_t>(20);
  verb->add_option("-n,--limit", *limit, "how many")
      ->type_name("COUNT")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  verb->callback([=] { program->verb = [=] { return history(program, *limit); }; });
}

std::string log_line(const v1::AuditEntry& entry, bool colours) {
  const std::string time = shown_time(entry.has_time(), entry.time());
  std::string out = painted(time, Colour::kFaint, colours) + "  " + clean(entry.by()) + "  ";
  out += painted(clean(entry.action()), entry.refused() ? Colour::kRed : Colour::kBold, colours);
  if (!entry.subject().empty()) out += " " + clean(entry.subject());
  if (!entry.detail().empty()) out += ": " + clean(entry.detail());
  if (!entry.address().empty())
    out += painted("  from " + clean(entry.address()), Colour::kFaint, colours);
  if (entry.refused()) out += painted("  REFUSED", Colour::kRed, colours);
  return out + "\n";
}

Result<int> logs(Program* program, uint32_t limit, bool follow) {
  Session* session = CULVERT_TRY(program->session());
  v1::AuditRequest request;
  request.set_limit(limit);
  request.set_follow(follow);
  CULVERT_CHECK(session->follow(request, {}, [&](const v1::AuditEntry& entry) {
    program->print_one(entry, [&] { return log_line(entry, program->colours()); });
    return true;
  }));
  return kOk;
}

void add_logs(CLI::App* app, Program* program) {
  CLI::App* verb =
      add_verb(app, "logs", "Show who did what: the audit log, the oldest first",
               "What relays themselves log is on their own standard error. --output json: one "
               "object a line.");
  auto limit = std::make_shared<uint32_t>(100);
  auto follow = std::make_shared<bool>(false);
  verb->add_option("-n,--limit", *limit, "the newest so many")
      ->type_name("COUNT")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  verb->add_flag("-f,--follow", *follow, "then each as it comes, until Ctrl-C");
  verb->callback([=] { program->verb = [=] { return logs(program, *limit, *follow); }; });
}

}  // namespace

void add_read_verbs(CLI::App* app, Program* program) {
  add_get(app, program);
  add_history(app, program);
  add_logs(app, program);
}

}  // namespace culvert::cli
