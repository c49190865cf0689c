// key list, add, disable, enable: the keys that pay, which are shown masked only.
#include "control/cli/arguments.h"
#include "control/cli/live.h"
#include "control/cli/report.h"
#include "control/cli/secret_input.h"
#include "control/cli/verbs.h"
#include "proto/words.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <map>
#include <memory>

namespace culvert::cli {
namespace {

std::string states_of(const v1::Key& key) {
  std::map<std::string, int> counts;
  for (const auto& [relay, state] : key.states()) ++counts[state];
  std::string out;
  for (const auto& [state, count] : counts) {
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count, state);
  }
  return out.empty() ? "-" : out;
}

std::string keys_text(const v1::ListKeysReply& reply, bool colours) {
  Table table({"POOL", "UPSTREAM", "ID", "KEY", "STATE", "ON RELAYS"});
  for (const auto& key : reply.keys()) {
    const Cell state = key.disabled() ? Cell("disabled", Colour::kYellow) : Cell("enabled");
    table.add({key.pool(), key.upstream(), key.id(), key.key(), state, states_of(key)});
  }
  return table.empty() ? "there are no keys: culvert key add POOL adds one\n" : table.text(colours);
}

std::string list_text(const Program& program, const v1::ListKeysReply& reply, bool one_line) {
  switch (program.format()) {
    case Format::kJson:
      return one_line ? to_json_line(value_of(reply)) : to_json(value_of(reply));
    case Format::kYaml:
      return (one_line ? "---\n" : "") + to_yaml_text(value_of(reply));
    case Format::kTable:
      break;
  }
  return keys_text(reply, program.colours());
}

struct ListFlags {
  std::string pool;
  bool watch = false;
  std::string interval = "2s";
};

Result<int> list(Program* program, const ListFlags& flags) {
  const Duration interval = CULVERT_TRY(span_argument("--interval", flags.interval));
  v1::ListKeysRequest request;
  request.set_pool(flags.pool);
  TextView view("culvert key list " + flags.pool, program->between_pages());
  const auto ask = [&](bool one_line) -> Result<void> {
    Session* session = CULVERT_TRY(program->session());
    view.put(list_text(*program, CULVERT_TRY(session->ask(request)), one_line));
    return {};
  };
  if (flags.watch) {
    return run_live(program->terminal, &view, polling(interval, [&] { return ask(true); }));
  }
  CULVERT_CHECK(ask(false));
  program->terminal.out(view.page());
  return kOk;
}

struct AddFlags {
  std::string pool;
  std::string key;
  bool no_wait = false;
};

Result<Secret> key_of(const Program& program, const AddFlags& flags) {
  if (flags.key.empty() && program.terminal.input_is_terminal()) {
    return program.terminal.ask_secret("Key for pool " + flags.pool + " (not shown)");
  }
  if (flags.key.empty() || flags.key == "-") return secret_from_input();
  if (!is_reference(flags.key)) {
    program.terminal.warn(
        "a key among the arguments is seen by every user of this machine (ps) "
        "and kept in the shell's history; better is no argument, env:NAME or "
        "file:PATH");
  }
  return follow_reference(flags.key, program.environment);
}

Result<int> add(Program* program, const AddFlags& flags) {
  const Secret key = CULVERT_TRY(key_of(*program, flags));
  if (const Flaw flaw = key_flaw(key.reveal())) return bad_usage("the key: " + *flaw);
  Session* session = CULVERT_TRY(program->session());
  v1::AddKeyRequest request;
  request.set_pool(flags.pool);
  request.set_key(std::string(key.reveal()));
  const v1::ApplyReply reply = CULVERT_TRY(session->ask(request));
  return report(program, reply, {false, !flags.no_wait, nullptr});
}

Result<int> set(Program* program, const AddFlags& flags, bool disabled) {
  Session* session = CULVERT_TRY(program->session());
  v1::SetKeyRequest request;
  request.set_pool(flags.pool);
  request.set_key(flags.key);
  request.set_disabled(disabled);
  const v1::ApplyReply reply = CULVERT_TRY(session->ask(request));
  return report(program, reply, {false, !flags.no_wait, nullptr});
}

void add_list(CLI::App* group, Program* program) {
  CLI::App* verb = add_verb(group, "list", "Show keys, masked",
                            "ON RELAYS counts relays by what they do with the key: ready, resting "
                            "(its vendor asked for a\npause), isolated (its vendor refused it).");
  auto flags = std::make_shared<ListFlags>();
  verb->add_option("pool", flags->pool, "only of this one")->type_name("POOL");
  verb->add_flag("-w,--watch", flags->watch, "show them again whenever they change");
  verb->add_option("--interval", flags->interval, "how often --watch asks")
      ->type_name("SPAN")
      ->capture_default_str();
  verb->callback([=] { program->verb = [=] { return list(program, *flags); }; });
}

void add_add(CLI::App* group, Program* program) {
  CLI::App* verb = add_verb(
      group, "add", "Add a key to a pool",
      std::string("The key is asked for without echo, or read from standard input where that is no "
                  "terminal. An\nargument is seen by every user of the machine (ps): give it as "
                  "env:NAME or file:PATH.\n\n") +
          kReportDetails +
          "\n\nExamples:\n  culvert key add openai-pool\n"
          "  pass show openai | culvert key add openai-pool\n"
          "  culvert key add openai-pool file:key.txt");
  auto flags = std::make_shared<AddFlags>();
  verb->add_option("pool", flags->pool, "as culvert get pools shows it")
      ->required()
      ->type_name("POOL");
  verb->add_option("key", flags->key, "env:NAME, file:PATH or - for standard input")
      ->type_name("KEY");
  verb->add_flag("--no-wait", flags->no_wait, "do not wait for relays");
  verb->callback([=] { program->verb = [=] { return add(program, *flags); }; });
}

void add_set(CLI::App* group, Program* program, bool disabled) {
  CLI::App* verb =
      add_verb(group, disabled ? "disable" : "enable",
               disabled ? "Let a key pay for nothing, but keep it" : "Let a disabled key pay again",
               kReportDetails);
  auto flags = std::make_shared<AddFlags>();
  verb->add_option("key", flags->key,
                   "its ID, the beginning of it (4 digits or more) or its masked form")
      ->required()
      ->type_name("KEY_ID");
  verb->add_option("--pool", flags->pool, "where several pools have the key")->type_name("POOL");
  verb->add_flag("--no-wait", flags->no_wait, "do not wait for relays");
  verb->callback([=] { program->verb = [=] { return set(program, *flags, disabled); }; });
}

}  // namespace

void add_key_verbs(CLI::App* app, Program* program) {
  CLI::App* group = add_group(app, "key", "Show, add, disable, enable and test the keys that pay");
  add_list(group, program);
  add_add(group, program);
  add_set(group, program, true);
  add_set(group, program, false);
  add_key_verify_verb(group, program);
}

}  // namespace culvert::cli
