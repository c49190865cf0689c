// completion prints a shell's script; the script asks `culvert __complete` at each press of Tab,
// so that it need not be made again for a new version or a new relay.
#include "control/cli/completion.h"
#include "control/cli/display.h"
#include "control/cli/kinds.h"
#include "control/cli/shell_scripts.h"
#include "control/cli/verbs.h"

#include <CLI/CLI.hpp>

#include <memory>

namespace culvert::cli {
namespace {

using Names = std::vector<Candidate>;

Result<Names> relay_names(Session* session) {
  Names names;
  const auto reply = CULVERT_TRY(session->ask(v1::ListRelaysRequest()));
  for (const auto& relay : reply.relays()) names.push_back({relay.name(), relay.region()});
  return names;
}

Result<Names> resource_names(Session* session, const std::string& kind) {
  v1::GetRequest request;
  request.set_kind(CULVERT_TRY(kind_or_all(kind)));
  Names names;
  const auto reply = CULVERT_TRY(session->ask(request));
  for (const auto& stored : reply.resources()) {
    names.push_back({stored.resource().name(), summary_of(stored.resource())});
  }
  return names;
}

Result<Names> key_ids(Session* session) {
  Names names;
  const auto reply = CULVERT_TRY(session->ask(v1::ListKeysRequest()));
  for (const auto& key : reply.keys()) names.push_back({key.id(), key.pool() + " " + key.key()});
  return names;
}

Result<Names> token_ids(Session* session) {
  Names names;
  const auto reply = CULVERT_TRY(session->ask(v1::ListTokensRequest()));
  for (const auto& token : reply.tokens()) names.push_back({token.id(), token.name()});
  return names;
}

Result<Names> revisions(Session* session) {
  Names names;
  const auto reply = CULVERT_TRY(session->ask(v1::HistoryRequest()));
  for (const auto& each : reply.revisions()) {
    names.push_back({std::to_string(each.number()), each.comment()});
  }
  return names;
}

Result<Names> context_names(const Environment& environment) {
  Names names;
  const auto config = CULVERT_TRY(load_config(config_path(environment)));
  for (const auto& [name, context] : config.contexts) names.push_back({name, context.server});
  return names;
}

Result<Names> names_of(Program* program, const Completion& completion) {
  const std::string& wanted = completion.wanted;
  if (wanted == "CONTEXT") return context_names(program->environment);
  const bool asks = wanted == "RELAY" || wanted == "NAME" || wanted == "POOL" ||
                    wanted == "UPSTREAM" || wanted == "KEY_ID" || wanted == "TOKEN_ID" ||
                    wanted == "REVISION";
  if (!asks) return Names{};
  Session* session = CULVERT_TRY(program->session());
  if (wanted == "RELAY") return relay_names(session);
  if (wanted == "POOL") return resource_names(session, "pool");
  if (wanted == "UPSTREAM") return resource_names(session, "upstream");
  if (wanted == "KEY_ID") return key_ids(session);
  if (wanted == "TOKEN_ID") return token_ids(session);
  if (wanted == "REVISION") return revisions(session);
  return resource_names(session, completion.given.empty() ? "all" : completion.given.front());
}

}  // namespace

int print_completions(const CLI::App& app,
                      Program* program,
                      const std::vector<std::string>& words) {
  const Completion completion = complete(completion_tree(app), words);
  const auto option = [&](const char* name) {
    const auto found = completion.options.find(name);
    return found != completion.options.end() ? found->second : std::string();
  };
  program->access = {option("--server"), option("--ca"), option("--token"), option("--context")};
  program->timeout = "2s";  // nobody waits longer for a Tab
  std::string out;
  const auto add = [&out](const Candidate& candidate) {
    out += clean(candidate.word, 200) + "\t" + clean(candidate.description, 60) + "\n";
  };
  for (const Candidate& candidate : completion.candidates) add(candidate);
  // What goes wrong is not told: a message would stand in the middle of the line being typed.
  if (const auto names = names_of(program, completion)) {
    for (const Candidate& name : *names) {
      if (name.word.rfind(completion.prefix, 0) == 0) add(name);
    }
  }
  if (completion.wanted == "FILE") out += ":files\n";
  program->terminal.out(out);
  return kOk;
}

void add_completion_verbs(CLI::App* app, Program* program) {
  CLI::App* verb =
      add_verb(app, "completion", "Print the script that completes command lines in a shell",
               "bash: source <(culvert completion bash), in ~/.bashrc\n"
               "zsh:  culvert completion zsh > _culvert, in a folder of $fpath\n"
               "fish: culvert completion fish > ~/.config/fish/completions/culvert.fish");
  auto shell = std::make_shared<std::string>();
  verb->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->type_name("SHELL")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  verb->callback([=] {
    program->verb = [=]() -> Result<int> {
      program->terminal.out(shell_script(*shell));
      return kOk;
    };
  });
}

}  // namespace culvert::cli
