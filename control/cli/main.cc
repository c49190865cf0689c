// culvert: the operators' program. Arguments in, exit status out; the verbs are in verbs_*.cc.
#include "control/cli/display.h"
#include "control/cli/verbs.h"
#include "proto/scalars.h"
#include "proto/suggest.h"
#include "relay/base/version.h"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace {

using culvert::cli::Program;

void add_common_flags(CLI::App* app, Program* program) {
  app->add_option("--server", program->access.server, "the service; CULVERT_SERVER")
      ->type_name("HOST:PORT");
  app->add_option("--ca", program->access.ca, "PEM file of its certificate authority; CULVERT_CA")
      ->type_name("FILE");
  app->add_option("--token", program->access.token,
                  "file:PATH or env:NAME (others see arguments: ps); CULVERT_TOKEN")
      ->type_name("TOKEN");
  app->add_option("--context", program->access.context,
                  "a service that culvert login kept; else the current one")
      ->type_name("CONTEXT");
  app->add_option("--timeout", program->timeout, "of one call")
      ->type_name("SPAN")
      ->capture_default_str();
  app->add_option("-o,--output", program->output, "json and yaml are stable, for scripts")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"table", "json", "yaml"}))
      ->capture_default_str();
  app->set_version_flag("--version", "culvert " + std::string(culvert::kVersion));
  app->footer(
      "--output json and yaml: field names as in admin.proto, times in RFC 3339, hashes in\n"
      "hexadecimal, enumerators in lower case; messages and optional fields only where they are\n"
      "set. Tables are for people, and may change.\n\n"
      "Flags win over variables, and those over the current context of\n"
      "~/.config/culvert/config.yaml, which culvert login writes. Colours only on a terminal and\n"
      "without NO_COLOR. Exit status: 0 ok, 1 failed, 2 bad usage (diff has its own).\n"
      "culvert VERB --help tells more of each.");
}

void add_verbs(CLI::App* app, Program* program) {
  using namespace culvert::cli;  // NOLINT(google-build-using-namespace)
  add_apply_verb(app, program);
  add_diff_verb(app, program);
  add_delete_verb(app, program);
  add_rollback_verb(app, program);
  add_read_verbs(app, program);
  add_relay_verbs(app, program);
  add_key_verbs(app, program);
  add_token_verbs(app, program);
  add_top_verb(app, program);
  add_usage_verb(app, program);
  add_store_verbs(app, program);
  add_account_verbs(app, program);
  add_completion_verbs(app, program);
  const std::vector<std::pair<std::string, std::vector<std::string>>> groups = {
      {"Configuration", {"apply", "diff", "get", "delete", "history", "rollback"}},
      {"Relays, keys, tokens", {"relay", "key", "token"}},
      {"What happens", {"top", "usage", "logs"}},
      {"The service", {"backup", "restore", "login", "whoami", "context"}},
      {"This program", {"completion", "version"}},
  };
  for (const auto& [name, verbs] : groups) {
    for (const std::string& verb : verbs) app->get_subcommand(verb)->group(name);
  }
}

// The words that were taken as verbs: "culvert relay show".
const CLI::App* deepest(const CLI::App* app, std::string* words) {
  *words = "culvert";
  for (;;) {
    const auto chosen = app->get_subcommands();
    if (chosen.empty()) return app;
    app = chosen.front();
    *words += " " + app->get_name();
  }
}

std::string in_words(const CLI::App& app, const CLI::ParseError& error, const std::string& words) {
  std::string unused;
  const CLI::App* at = deepest(&app, &unused);
  std::vector<std::string> names;
  for (const CLI::App* verb : at->get_subcommands({})) names.push_back(verb->get_name());
  const auto extras = app.remaining(true);
  const bool verb_wanted = !names.empty() && !extras.empty() && extras.front().rfind('-', 0) != 0;
  if (verb_wanted) {
    return "unknown verb " + culvert::in_quotes(extras.front()) + "; " +
           culvert::what_is_allowed(extras.front(), {names.begin(), names.end()}) + " (" + words +
           " --help)";
  }
  if (!names.empty() && extras.empty() && error.get_name() == "RequiredError") {
    return "a verb is missing: " + words + " --help lists them";
  }
  if (error.get_name() == "ExtrasError") {  // "The following argument was not expected: X"
    const std::string said = error.what();
    const size_t colon = said.find(": ");
    return "unknown argument " +
           culvert::in_quotes(colon == std::string::npos ? said : said.substr(colon + 2)) +
           ": see " + words + " --help";
  }
  return std::string(error.what()) + ": see " + words + " --help";
}

int run(const CLI::App& app, Program* program) {
  if (!program->verb) {
    program->terminal.error(app.help());
    return culvert::cli::kBadUsage;
  }
  const auto status = program->verb();
  if (status) return *status;
  program->terminal.complain(status.error().detail);
  const bool usage = status.error().code == culvert::Code::kBadRequest;
  return usage ? culvert::cli::kBadUsage : program->failed;
}

}  // namespace

int main(int argc, char** argv) {
  const auto environment = culvert::cli::process_environment();
  const culvert::cli::Terminal terminal(environment);
  Program program(environment, terminal, culvert::Clock::system());
  CLI::App app("Steers Culvert: speaks to its control service, culvert-control.", "culvert");
  app.get_formatter()->column_width(32);
  app.get_formatter()->label("SUBCOMMAND", "VERB");
  app.require_subcommand(0, 1);
  add_common_flags(&app, &program);
  add_verbs(&app, &program);
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty() && words.front() == "__complete") {
    return culvert::cli::print_completions(app, &program, {words.begin() + 1, words.end()});
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    std::string verbs;
    deepest(&app, &verbs);
    terminal.complain(in_words(app, error, verbs));
    return culvert::cli::kBadUsage;
  }
  return run(app, &program);
}
