// apply: the configuration becomes what files say.
#include "control/cli/apply_request.h"
#include "control/cli/display.h"
#include "control/cli/report.h"
#include "control/cli/verbs.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace culvert::cli {
namespace {

struct ApplyFlags {
  FileFlags source;
  std::string message;
  bool dry_run = false;
  bool yes = false;
  bool no_wait = false;
  uint64_t revision = 0;
  CLI::Option* revision_option = nullptr;
};

Result<bool> may_prune(const Program& program, const v1::ApplyRequest& request) {
  std::string names;
  for (const auto& reference : request.removes()) {
    names += "\n  " + reference.kind() + " " + reference.name();
  }
  program.terminal.error("the files leave out:" + clean_lines(names) + "\n");
  return program.terminal.confirm(request.removes_size() == 1
                                      ? "Delete it?"
                                      : fmt::format("Delete these {}?", request.removes_size()));
}

Result<int> apply(Program* program, const ApplyFlags& flags) {
  const auto& files = flags.source.files;
  const bool reads_input = std::count(files.begin(), files.end(), "-") > 0;
  if (flags.source.prune && reads_input && !flags.yes && !flags.dry_run) {
    return bad_usage("--prune asks, and standard input is the file: --yes says so beforehand");
  }
  const Documents documents = CULVERT_TRY(read_documents(files, program->environment));
  Session* session = CULVERT_TRY(program->session());
  v1::ApplyRequest request = CULVERT_TRY(apply_request(session, documents, flags.source.prune));
  if (flags.revision_option->count() > 0) request.set_expected_revision(flags.revision);
  request.set_dry_run(flags.dry_run);
  request.set_comment(flags.message);
  if (request.removes_size() > 0 && !flags.yes && !flags.dry_run) {
    if (!CULVERT_TRY(may_prune(*program, request))) {
      program->terminal.complain("nothing was changed");
      return kFailed;
    }
  }
  const v1::ApplyReply reply = CULVERT_TRY(session->ask(request));
  return report(program, reply, {flags.dry_run, !flags.no_wait, &documents.places});
}

}  // namespace

void add_apply_verb(CLI::App* app, Program* program) {
  CLI::App* verb = add_verb(
      app, "apply", "Make the configuration what the files say",
      std::string("All or nothing: where one resource is wrong, nothing is changed. Refused too if "
                  "somebody\nelse changes the configuration at the same time.\n\n") +
          kSecretDetails + "\n\n" + kReportDetails +
          "\n\nExamples:\n  culvert apply -f routes.yaml -m 'the new model'\n"
          "  culvert apply -f config/ --prune\n"
          "  kustomize build . | culvert apply -f - --dry-run");
  auto flags = std::make_shared<ApplyFlags>();
  add_file_flags(verb, &flags->source);
  verb->add_flag("--dry-run", flags->dry_run, "say what would change, and change nothing");
  flags->revision_option =
      verb->add_option("--revision", flags->revision,
                       "refuse if the service's revision is not this one any more")
          ->type_name("REVISION");
  verb->add_option("-m,--message", flags->message, "why, for the history")->type_name("TEXT");
  verb->add_flag("-y,--yes", flags->yes, "do not ask before --prune deletes");
  verb->add_flag("--no-wait", flags->no_wait, "do not wait for relays");
  verb->callback([=] { program->verb = [=] { return apply(program, *flags); }; });
}

}  // namespace culvert::cli
