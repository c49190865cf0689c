// CLI11's tree of arguments as the tree that completion walks.
#include "control/cli/completion.h"

#include <CLI/CLI.hpp>

namespace culvert::cli {
namespace {

// `ROLE:{viewer,operator,admin}` is how CLI11 names a value with few choices.
void read_type(const std::string& type, CompletionOption* out) {
  const size_t colon = type.find(':');
  out->takes = type.substr(0, colon);
  const size_t open = type.find('{'), close = type.find('}');
  if (open == std::string::npos || close == std::string::npos) return;
  for (const auto& choice : CLI::detail::split(type.substr(open + 1, close - open - 1), ',')) {
    out->choices.push_back(choice);
  }
}

CompletionOption option_of(const CLI::Option& option) {
  CompletionOption out;
  for (const auto& name : option.get_snames()) out.names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) out.names.push_back("--" + name);
  out.description = option.get_description();
  if (option.get_items_expected_max() > 0) read_type(option.get_type_name(), &out);
  return out;
}

}  // namespace

CompletionVerb completion_tree(const CLI::App& app) {
  CompletionVerb verb;
  verb.name = app.get_name();
  verb.description = app.get_description();
  for (const CLI::Option* option : app.get_options()) {
    CompletionOption made = option_of(*option);
    if (option->get_positional()) {
      made.names.clear();
      if (made.takes == "KIND") {
        made.choices = {"all", "upstreams", "keypools", "routes", "tunnels"};
      }
      verb.last_repeats = option->get_items_expected_max() > 1;
      verb.places.push_back(std::move(made));
    } else if (!made.names.empty()) {
      verb.options.push_back(std::move(made));
    }
  }
  for (const CLI::App* each : app.get_subcommands({})) {
    verb.verbs.push_back(completion_tree(*each));
  }
  return verb;
}

}  // namespace culvert::cli
