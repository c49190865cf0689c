// apply, diff, delete, rollback: the verbs that make a revision, or would.
#include "control/cli/display.h"
#include "control/cli/documents.h"
#include "control/cli/kinds.h"
#include "control/cli/report.h"
#include "control/cli/unified_diff.h"
#include "control/cli/verbs.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>

namespace culvert::cli {
namespace {

constexpr int kDiffTrouble = 2;  // diff(1): 1 is a difference, more is trouble
constexpr const char* kSecretDetails =
    "Secrets written `env:NAME` or `file:PATH` are read here, on this machine, and their values "
    "are\n"
    "sent: the service has neither your variables nor your files. A secret written masked, as get\n"
    "shows it, keeps the value that the service has.";

struct ApplyFlags {
  std::vector<std::string> files;
  std::string message;
  bool dry_run = false;
  bool prune = false;
  bool yes = false;
  bool no_wait = false;
  uint64_t revision = 0;
  CLI::Option* revision_option = nullptr;
};

void add_files(CLI::App* verb, ApplyFlags* flags) {
  verb->add_option("-f,--file", flags->files,
                   "file, folder of *.yaml, *.yml, *.json, or -; may come again")
      ->required()
      ->type_name("FILE")
      ->allow_extra_args(false);
  verb->add_flag("--prune", flags->prune, "also delete what the files leave out");
}

// The configuration that the change is made against, and what a prune removes from it.
Result<void> add_base(Session* session,
                      const ApplyFlags& flags,
                      const Documents& documents,
                      v1::ApplyRequest* request) {
  if (!flags.prune) {
    const uint64_t now = CULVERT_TRY(session->ask(v1::WhoAmIRequest())).revision();
    request->set_expected_revision(now);
  } else {
    const v1::GetReply all = CULVERT_TRY(session->ask(v1::GetRequest()));
    std::set<std::pair<std::string, std::string>> given;
    for (const auto& resource : documents.resources) {
      given.emplace(kind_of(resource), resource.name());
    }
    for (const auto& stored : all.resources()) {
      if (given.count({kind_of(stored.resource()), stored.resource().name()}) > 0) continue;
      v1::Reference* reference = request->add_removes();
      reference->set_kind(kind_of(stored.resource()));
      reference->set_name(stored.resource().name());
    }
    request->set_expected_revision(all.revision());
  }
  if (flags.revision_option != nullptr && flags.revision_option->count() > 0) {
    request->set_expected_revision(flags.revision);
  }
  return {};
}

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
  const bool reads_input = std::count(flags.files.begin(), flags.files.end(), "-") > 0;
  if (flags.prune && reads_input && !flags.yes && !flags.dry_run) {
    return bad_usage("--prune asks, and standard input is the file: --yes says so beforehand");
  }
  const Documents documents = CULVERT_TRY(read_documents(flags.files, program->environment));
  Session* session = CULVERT_TRY(program->session());
  v1::ApplyRequest request;
  for (const auto& resource : documents.resources) *request.add_resources() = resource;
  request.set_dry_run(flags.dry_run);
  request.set_comment(flags.message);
  CULVERT_CHECK(add_base(session, flags, documents, &request));
  if (request.removes_size() > 0 && !flags.yes && !flags.dry_run) {
    if (!CULVERT_TRY(may_prune(*program, request))) {
      program->terminal.complain("nothing was changed");
      return kFailed;
    }
  }
  const v1::ApplyReply reply = CULVERT_TRY(session->ask(request));
  return report(program, reply, {flags.dry_run, !flags.no_wait, &documents.places});
}

std::string painted_diff(const std::string& diff, bool colours) {
  if (!colours) return diff;
  std::string out;
  for (size_t at = 0; at < diff.size();) {
    const size_t end = std::min(diff.find('\n', at), diff.size());
    const std::string line = diff.substr(at, end - at);
    const Colour colour = line.rfind("---", 0) == 0 || line.rfind("+++", 0) == 0 ? Colour::kBold
                          : line.rfind('-', 0) == 0                              ? Colour::kRed
                          : line.rfind('+', 0) == 0                              ? Colour::kGreen
                          : line.rfind('@', 0) == 0                              ? Colour::kFaint
                                                                                 : Colour::kNone;
    out += painted(line, colour, true) + "\n";
    at = end + 1;
  }
  return out;
}

std::string diff_text(const v1::ApplyReply& reply, uint64_t revision, bool colours) {
  std::string out;
  for (const auto& change : reply.changes()) {
    if (change.what() == v1::Change::WHAT_UNCHANGED) continue;
    const std::string name = clean(change.kind() + "/" + change.name());
    const std::string before = change.what() == v1::Change::WHAT_CREATED
                                   ? "/dev/null"
                                   : fmt::format("{} (revision {})", name, revision);
    const std::string after =
        change.what() == v1::Change::WHAT_DELETED ? "/dev/null" : name + " (files)";
    std::string text =
        unified_diff(before, after, clean_lines(change.before()), clean_lines(change.after()));
    if (text.empty())
      text = fmt::format("--- {}\n+++ {}\n", before, after) +
             "@@ a secret differs where its masked form does not @@\n";
    out += painted_diff(text, colours);
  }
  return out;
}

Result<int> diff(Program* program, const ApplyFlags& flags) {
  const Documents documents = CULVERT_TRY(read_documents(flags.files, program->environment));
  Session* session = CULVERT_TRY(program->session());
  v1::ApplyRequest request;
  for (const auto& resource : documents.resources) *request.add_resources() = resource;
  request.set_dry_run(true);
  CULVERT_CHECK(add_base(session, flags, documents, &request));
  const v1::ApplyReply reply = CULVERT_TRY(session->ask(request));
  if (reply.findings_size() > 0) return report(program, reply, {true, false, &documents.places});
  program->print(reply,
                 [&] { return diff_text(reply, request.expected_revision(), program->colours()); });
  const bool same = std::all_of(reply.changes().begin(), reply.changes().end(), [](auto& change) {
    return change.what() == v1::Change::WHAT_UNCHANGED;
  });
  return same ? kOk : 1;
}

void add_apply(CLI::App* app, Program* program) {
  CLI::App* verb = add_verb(
      app, "apply", "Make the configuration what the files say",
      std::string("All or nothing: where one resource is wrong, nothing is changed. Refused too if "
                  "somebody\nelse changes the configuration at the same time.\n\n") +
          kSecretDetails + "\n\n" + kReportDetails +
          "\n\nExamples:\n  culvert apply -f routes.yaml -m 'the new model'\n"
          "  culvert apply -f config/ --prune\n"
          "  kustomize build . | culvert apply -f - --dry-run");
  auto flags = std::make_shared<ApplyFlags>();
  add_files(verb, flags.get());
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

void add_diff(CLI::App* app, Program* program) {
  CLI::App* verb = add_verb(
      app, "diff", "Show what apply would change",
      std::string("A unified diff of YAML for each resource that differs, secrets masked.\n\n") +
          kSecretDetails +
          "\n\nExit status, as of diff(1) and kubectl diff: 0 no difference, 1 differences, 2 "
          "anything that\nfailed.");
  auto flags = std::make_shared<ApplyFlags>();
  add_files(verb, flags.get());
  verb->callback([=] {
    program->failed = kDiffTrouble;
    program->verb = [=] { return diff(program, *flags); };
  });
}

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

void add_delete(CLI::App* app, Program* program) {
  CLI::App* verb = add_verb(app, "delete", "Delete resources by name", kReportDetails);
  auto flags = std::make_shared<DeleteFlags>();
  verb->add_option("kind", flags->kind, std::string(kKindWords))->required()->type_name("KIND");
  verb->add_option("name", flags->names, "one or more")->required()->type_name("NAME");
  verb->add_flag("--dry-run", flags->dry_run, "say what would change, and change nothing");
  verb->add_option("-m,--message", flags->message, "why, for the history")->type_name("TEXT");
  verb->add_flag("--no-wait", flags->no_wait, "do not wait for relays");
  verb->callback([=] { program->verb = [=] { return remove(program, *flags); }; });
}

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

void add_rollback(CLI::App* app, Program* program) {
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

}  // namespace

void add_apply_verbs(CLI::App* app, Program* program) {
  add_apply(app, program);
  add_diff(app, program);
  add_delete(app, program);
  add_rollback(app, program);
}

}  // namespace culvert::cli
