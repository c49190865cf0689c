// login, whoami, context, version: which service is spoken to, and as whom.
#include "control/cli/display.h"
#include "control/cli/secret_input.h"
#include "control/cli/verbs.h"
#include "proto/scalars.h"
#include "proto/yaml_spec.h"
#include "relay/base/version.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <filesystem>
#include <memory>

namespace culvert::cli {
namespace {

std::string role_word(v1::Role role) {
  const auto* value = v1::Role_descriptor()->FindValueByNumber(role);
  return value != nullptr ? enumerator_word(*value) : "?";
}

// A token that is given stays a reference where it is one: then the file holds no secret.
Result<Secret> login_token(const Program& program) {
  if (!program.access.token.empty()) return Secret(program.access.token);
  if (program.terminal.input_is_terminal()) return program.terminal.ask_secret("Token (not shown)");
  return secret_from_input();
}

Result<int> login(Program* program) {
  AccessFlags& flags = program->access;
  const std::string path = config_path(program->environment);
  if (path.empty()) return bad_usage("there is no home folder to keep it in: set HOME");
  if (flags.server.empty()) flags.server = variable(program->environment, "CULVERT_SERVER");
  if (flags.ca.empty()) flags.ca = variable(program->environment, "CULVERT_CA");
  if (flags.server.empty()) return bad_usage("needed is --server HOST:PORT");
  auto config = load_config(path);
  if (!config) return bad_usage(config.error().detail);
  const std::string name = flags.context.empty() ? "default" : flags.context;
  Context context;
  context.server = CULVERT_TRY(server_address(flags.server, "--server"));
  if (!flags.ca.empty()) {
    std::error_code failed;
    context.ca = std::filesystem::absolute(flags.ca, failed).string();
  }
  context.token = CULVERT_TRY(login_token(*program));
  flags.token = std::string(context.token.reveal());
  flags.context.clear();  // it may not be there yet
  Session* session = CULVERT_TRY(program->session());
  const v1::Operator who = CULVERT_TRY(session->ask(v1::WhoAmIRequest()));
  config->contexts[name] = context;
  config->current = name;
  CULVERT_CHECK(save_config(path, *config));
  program->print(who, [&] {
    return fmt::format("logged in at {} as {} ({}); kept as context {} in {}\n", context.server,
                       clean(who.name()), role_word(who.role()), name, path);
  });
  return kOk;
}

Result<int> who_am_i(Program* program) {
  Session* session = CULVERT_TRY(program->session());
  const v1::Operator who = CULVERT_TRY(session->ask(v1::WhoAmIRequest()));
  program->print(who, [&] {
    return fmt::format("{} ({}) at {}, culvert-control {}, revision {}\n", clean(who.name()),
                       role_word(who.role()), session->access().server, clean(who.service()),
                       who.revision());
  });
  return kOk;
}

Result<int> version(Program* program, bool client) {
  Value::Map map = {{"culvert", {std::string(kVersion)}}};
  const bool asks = !client && find_access(program->access, program->environment).has_value();
  std::string service;
  Result<void> outcome;
  if (asks) {
    Session* session = CULVERT_TRY(program->session());
    auto who = session->ask(v1::WhoAmIRequest());
    if (who) {
      service = who->service();
      map.emplace_back("service", Value{service});
    } else {
      outcome = std::move(who).error();
    }
  }
  program->print(Value{std::move(map)}, [&] {
    std::string out = "culvert " + std::string(kVersion) + "\n";
    if (!service.empty()) out += "culvert-control " + clean(service) + "\n";
    return out;
  });
  if (!outcome) return std::move(outcome).error();
  return kOk;
}

Result<int> list_contexts(Program* program) {
  auto config = load_config(config_path(program->environment));
  if (!config) return bad_usage(config.error().detail);
  Value::List list;
  Table table({"CURRENT", "NAME", "SERVER", "CA"});
  for (const auto& [name, context] : config->contexts) {
    const bool current = name == config->current;
    table.add({current ? "*" : "", name, context.server, context.ca});
    list.push_back({Value::Map{{"name", {name}},
                               {"current", {current}},
                               {"server", {context.server}},
                               {"ca", {context.ca}}}});
  }
  program->print(Value{std::move(list)}, [&] {
    return table.empty() ? "no service is kept yet: culvert login keeps one\n"
                         : table.text(program->colours());
  });
  return kOk;
}

Result<int> use_context(Program* program, const std::string& name) {
  const std::string path = config_path(program->environment);
  auto config = load_config(path);
  if (!config) return bad_usage(config.error().detail);
  const auto found = config->contexts.find(name);
  if (found == config->contexts.end()) {
    return bad_usage("there is no context " + in_quotes(name) + ": see culvert context list");
  }
  config->current = name;
  CULVERT_CHECK(save_config(path, *config));
  program->terminal.out("speaking to " + clean(found->second.server) + " from now on\n");
  return kOk;
}

void add_contexts(CLI::App* app, Program* program) {
  CLI::App* group = add_group(app, "context", "Show and choose the services that login kept");
  CLI::App* all = add_verb(group, "list", "Show them");
  all->callback([=] { program->verb = [=] { return list_contexts(program); }; });
  CLI::App* one = add_verb(group, "use", "Speak to this one from now on");
  auto name = std::make_shared<std::string>();
  one->add_option("context", *name, "as login kept it")->required()->type_name("CONTEXT");
  one->callback([=] { program->verb = [=] { return use_context(program, *name); }; });
}

}  // namespace

void add_account_verbs(CLI::App* app, Program* program) {
  CLI::App* in = add_verb(
      app, "login", "Keep a service's address, CA and token in the configuration file",
      "The token is asked for without echo, or read from standard input where that is no "
      "terminal;\n"
      "--token file:PATH or env:NAME is kept as it is, and the file then holds no secret.\n"
      "--context names it, where there are several services.\n\nExample:\n"
      "  culvert login --server control.example.com:7443 --ca ca.pem");
  in->callback([=] { program->verb = [=] { return login(program); }; });
  CLI::App* who = add_verb(app, "whoami", "Show which service this is, and whose token");
  who->callback([=] { program->verb = [=] { return who_am_i(program); }; });
  add_contexts(app, program);
  CLI::App* number = add_verb(app, "version", "Show this program's version and the service's");
  auto client = std::make_shared<bool>(false);
  number->add_flag("--client", *client, "this program's only");
  number->callback([=] { program->verb = [=] { return version(program, *client); }; });
}

}  // namespace culvert::cli
