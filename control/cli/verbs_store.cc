// backup, restore: the service's whole store as one file.
#include "control/cli/files.h"
#include "control/cli/relay_table.h"
#include "control/cli/verbs.h"

#include <CLI/CLI.hpp>

#include <memory>

namespace culvert::cli {
namespace {

constexpr size_t kMostBytes = size_t{8} << 30;

Result<int> backup(Program* program, const std::string& path, bool force) {
  const bool output = path == "-";
  if (output && program->terminal.output_is_terminal()) {
    return bad_usage("a backup is no text: give a file, or send standard output into one");
  }
  if (!output && !force && exists(path)) {
    return bad_usage(path + " is there already: --force replaces it");
  }
  Session* session = CULVERT_TRY(program->session());
  uint64_t bytes = 0;
  const auto fill = [&](const Sink& sink) {
    return session->backup([&](std::string_view piece) {
      bytes += piece.size();
      return sink(piece);
    });
  };
  if (output) {
    CULVERT_CHECK(fill([&](std::string_view piece) -> Result<void> {
      program->terminal.out(piece);
      return {};
    }));
    return kOk;
  }
  CULVERT_CHECK(write_file(path, fill));
  program->terminal.error("wrote " + shown_bytes(bytes) + " to " + path +
                          ". Its secrets are sealed: to restore it, the service's master key is "
                          "needed too.\n");
  return kOk;
}

Result<int> restore(Program* program, const std::string& path, bool yes) {
  if (path == "-" && !yes) {
    return bad_usage("restore asks, and standard input is the file: --yes says so beforehand");
  }
  const FileText file = CULVERT_TRY(read_file(path, kMostBytes));
  Session* session = CULVERT_TRY(program->session());
  if (!yes) {
    const bool sure =
        CULVERT_TRY(program->terminal.confirm("Replace everything that the service at " +
                                              session->access().server + " has by " + path + "?"));
    if (!sure) {
      program->terminal.complain("nothing was changed");
      return kFailed;
    }
  }
  const v1::RestoreReply reply = CULVERT_TRY(session->restore(file.text));
  program->print(reply, [&] {
    return "restored; the configuration is at revision " + std::to_string(reply.revision()) + "\n";
  });
  return kOk;
}

}  // namespace

void add_store_verbs(CLI::App* app, Program* program) {
  CLI::App* saving = add_verb(app, "backup", "Write the service's whole store into a file");
  auto path = std::make_shared<std::string>();
  auto flag = std::make_shared<bool>(false);
  saving->add_option("file", *path, "made with mode 0600; - for standard output")
      ->required()
      ->type_name("FILE");
  saving->add_flag("--force", *flag, "replace a file that is there");
  saving->callback([=] { program->verb = [=] { return backup(program, *path, *flag); }; });
  CLI::App* bringing = add_verb(app, "restore", "Replace the service's whole store by a backup",
                                "The service has to have the master key that the backup was made "
                                "under.");
  bringing->add_option("file", *path, "of culvert backup; - for standard input")
      ->required()
      ->type_name("FILE");
  bringing->add_flag("-y,--yes", *flag, "do not ask");
  bringing->callback([=] { program->verb = [=] { return restore(program, *path, *flag); }; });
}

}  // namespace culvert::cli
