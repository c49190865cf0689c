// What all verbs have alike in the tree of arguments.
#include "control/cli/verbs.h"

#include <CLI/CLI.hpp>

namespace culvert::cli {

CLI::App* add_verb(CLI::App* parent,
                   const std::string& name,
                   const std::string& description,
                   const std::string& details) {
  CLI::App* verb = parent->add_subcommand(name, description);
  verb->fallthrough();  // the flags of every verb may stand behind it
  verb->footer((details.empty() ? "" : details + "\n\n") +
               "`culvert --help` tells the flags of every verb: --server, --output and others.");
  return verb;
}

CLI::App* add_group(CLI::App* parent, const std::string& name, const std::string& description) {
  CLI::App* group = parent->add_subcommand(name, description);
  group->fallthrough();
  group->require_subcommand(1);
  group->footer("`culvert " + name + " VERB --help` tells more of each.");
  return group;
}

}  // namespace culvert::cli
