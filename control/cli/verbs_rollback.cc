// rollback: what stood at an old revision stands again, as the newest one.
#include "control/cli/report.h"
#include "control/cli/verbs.h"

#include <CLI/CLI.hpp>

#include <memory>

namespace culvert::cli {
namespace {

struct RollbackFlags {
  uint64_t revision = 0;
  std::string message;
  bool dry_run = false;
  bool no_wait = false;
};

Result<int> roll_back(Program* program, const RollbackFlags& flags) {
  Session* session = CULVERT_TRY(program->session());
  v1::RollbackRequest request;
  request.set_revision(flags.revision);
  request.set_dry_run(flags.dry_run);
  request.set_comment(flags.message);
  request.set_expected_revision(CULVERT_TRY(session->ask(v1::WhoAmIRequest())).revision());
  const v1::ApplyReply reply = CULVERT_TRY(session->ask(request));
  return report(program, reply, {flags.dry_run, !flags.no_wait, nullptr});
}

}  // namespace

void add_rollback_verb(CLI::App* app, Program* program) {
  CLI::App* verb = add_verb(app, "rollback", "Make an old revision's contents the newest revision",
                            kReportDetails);
  auto flags = std::make_shared<RollbackFlags>();
  verb->add_option("revision", flags->revision, "as culvert history shows it")
      ->required()
      ->type_name("REVISION");
  verb->add_flag("--dry-run", flags->dry_run, "say what would change, and change nothing");
  verb->add_option("-m,--message", flags->message, "why, for the history")->type_name("TEXT");
  verb->add_flag("--no-wait", flags->no_wait, "do not wait for relays");
  verb->callback([=] { program->verb = [=] { return roll_back(program, *flags); }; });
}

}  // namespace culvert::cli
