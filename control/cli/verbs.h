// The verbs, in groups, one file each. Each function adds its group to the tree of arguments; the
// callback of the verb that was chosen puts what is to be done into `program->verb`. `program`
// outlives the tree.
#pragma once

#include "control/cli/program.h"

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace culvert::cli {

void add_apply_verb(CLI::App* app, Program* program);        // apply
void add_diff_verb(CLI::App* app, Program* program);         // diff
void add_delete_verb(CLI::App* app, Program* program);       // delete
void add_rollback_verb(CLI::App* app, Program* program);     // rollback
void add_read_verbs(CLI::App* app, Program* program);        // get, history, logs
void add_relay_verbs(CLI::App* app, Program* program);       // relay …
void add_key_verbs(CLI::App* app, Program* program);         // key …
void add_key_verify_verb(CLI::App* group, Program* program);  // key verify
void add_token_verbs(CLI::App* app, Program* program);       // token …
void add_top_verb(CLI::App* app, Program* program);          // top
void add_usage_verb(CLI::App* app, Program* program);        // usage
void add_store_verbs(CLI::App* app, Program* program);       // backup, restore
void add_account_verbs(CLI::App* app, Program* program);     // login, whoami, context, version
void add_completion_verbs(CLI::App* app, Program* program);  // completion

// `culvert __complete WORDS…`, which the shells' scripts run: what may come next, a line for each.
int print_completions(const CLI::App& app, Program* program, const std::vector<std::string>& words);

// One verb below `parent`. `details` stands at the end of its help.
CLI::App* add_verb(CLI::App* parent,
                   const std::string& name,
                   const std::string& description,
                   const std::string& details = "");
// A word that only holds verbs.
CLI::App* add_group(CLI::App* parent, const std::string& name, const std::string& description);

}  // namespace culvert::cli
