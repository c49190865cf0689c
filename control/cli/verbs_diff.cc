// diff: what apply would change, as a unified diff.
#include "control/cli/apply_request.h"
#include "control/cli/display.h"
#include "control/cli/report.h"
#include "control/cli/unified_diff.h"
#include "control/cli/verbs.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace culvert::cli {
namespace {

constexpr int kDiffTrouble = 2;  // diff(1): 1 is a difference, more is trouble

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

Result<int> diff(Program* program, const FileFlags& flags) {
  const Documents documents = CULVERT_TRY(read_documents(flags.files, program->environment));
  Session* session = CULVERT_TRY(program->session());
  v1::ApplyRequest request = CULVERT_TRY(apply_request(session, documents, flags.prune));
  request.set_dry_run(true);
  const v1::ApplyReply reply = CULVERT_TRY(session->ask(request));
  if (reply.findings_size() > 0) return report(program, reply, {true, false, &documents.places});
  program->print(reply,
                 [&] { return diff_text(reply, request.expected_revision(), program->colours()); });
  const bool same = std::all_of(reply.changes().begin(), reply.changes().end(), [](auto& change) {
    return change.what() == v1::Change::WHAT_UNCHANGED;
  });
  return same ? kOk : 1;
}

}  // namespace

void add_diff_verb(CLI::App* app, Program* program) {
  CLI::App* verb = add_verb(
      app, "diff", "Show what apply would change",
      std::string("A unified diff of YAML for each resource that differs, secrets masked.\n\n") +
          kSecretDetails +
          "\n\nExit status, as of diff(1) and kubectl diff: 0 no difference, 1 differences, 2 "
          "anything that\nfailed.");
  auto flags = std::make_shared<FileFlags>();
  add_file_flags(verb, flags.get());
  verb->callback([=] {
    program->failed = kDiffTrouble;
    program->verb = [=] { return diff(program, *flags); };
  });
}

}  // namespace culvert::cli
