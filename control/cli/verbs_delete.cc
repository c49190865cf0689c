// delete: resources go, by name.
#include "control/cli/kinds.h"
#include "control/cli/report.h"
#include "control/cli/verbs.h"

#include <CLI/CLI.hpp>

#include <memory>

namespace culvert::cli {
namespace {

struct DeleteFlags {
  std::string kind;
  std::vector<std::string> names;
  std::string message;
  bool dry_run = false;
  bool no_wait = false;
};

Result<int> remove(Program* program, const DeleteFlags& flags) {
  v1::ApplyRequest request;
  const std::string kind = CULVERT_TRY(kind_of(flags.kind));
  Session* session = CULVERT_TRY(program->session());
  for (const std::string& name : flags.names) {
    v1::GetRequest known;  // the service takes the removal of what is not there as done
    known.set_kind(kind);
    known.set_name(name);
    const v1::GetReply found = CULVERT_TRY(session->ask(known));
    request.set_expected_revision(found.revision());
    v1::Reference* reference = request.add_removes();
    reference->set_kind(kind);
    reference->set_name(name);
  }
  request.set_dry_run(flags.dry_run);
  request.set_comment(flags.message);
  const v1::ApplyReply reply = CULVERT_TRY(session->ask(request));
  return report(program, reply, {flags.dry_run, !flags.no_wait, nullptr});
}

}  // namespace

void add_delete_verb(CLI::App* app, Program* program) {
  CLI::App* verb = add_verb(app, "delete", "Delete resources by name", kReportDetails);
  auto flags = std::make_shared<DeleteFlags>();
  verb->add_option("kind", flags->kind, std::string(kKindWords))->required()->type_name("KIND");
  verb->add_option("name", flags->names, "one or more")->required()->type_name("NAME");
  verb->add_flag("--dry-run", flags->dry_run, "say what would change, and change nothing");
  verb->add_option("-m,--message", flags->message, "why, for the history")->type_name("TEXT");
  verb->add_flag("--no-wait", flags->no_wait, "do not wait for relays");
  verb->callback([=] { program->verb = [=] { return remove(program, *flags); }; });
}

}  // namespace culvert::cli
