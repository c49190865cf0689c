// token create, revoke, list: for operators of the service and for tenants of relays.
#include "control/cli/arguments.h"
#include "control/cli/display.h"
#include "control/cli/live.h"
#include "control/cli/verbs.h"
#include "proto/scalars.h"
#include "proto/yaml_spec.h"

#include <CLI/CLI.hpp>

#include <memory>

namespace culvert::cli {
namespace {

std::string kind_words(const v1::Token& token) {
  if (token.has_tenant()) return "tenant " + token.tenant();
  const auto* value = v1::Role_descriptor()->FindValueByNumber(token.operator_role());
  return value != nullptr ? enumerator_word(*value) : "?";
}

Cell state_of(const v1::Token& token, WallTime now) {
  if (token.has_revoked()) return {"revoked", Colour::kRed};
  if (token.has_expires() && from_proto(token.expires()) <= now)
    return {"expired", Colour::kYellow};
  return {"good", Colour::kGreen};
}

std::string tokens_text(const v1::ListTokensReply& reply, WallTime now, bool colours) {
  Table table({"ID", "NAME", "FOR", "STATE", "CREATED", "BY", "EXPIRES", "LAST USED"});
  for (const auto& token : reply.tokens()) {
    table.add({token.id(), token.name(), kind_words(token), state_of(token, now),
               shown_time(token.has_created(), token.created()), token.created_by(),
               token.has_expires() ? shown_time(true, token.expires()) : "never",
               shown_time(token.has_last_used(), token.last_used())});
  }
  return table.empty() ? "there are no tokens: culvert token create NAME makes one\n"
                       : table.text(colours);
}

std::string list_text(const Program& program, const v1::ListTokensReply& reply, bool one_line) {
  switch (program.format()) {
    case Format::kJson:
      return one_line ? to_json_line(value_of(reply)) : to_json(value_of(reply));
    case Format::kYaml:
      return (one_line ? "---\n" : "") + to_yaml_text(value_of(reply));
    case Format::kTable:
      break;
  }
  return tokens_text(reply, program.clock.wall(), program.colours());
}

struct ListFlags {
  bool all = false;
  bool watch = false;
  std::string interval = "2s";
};

Result<int> list(Program* program, const ListFlags& flags) {
  const Duration interval = CULVERT_TRY(span_argument("--interval", flags.interval));
  v1::ListTokensRequest request;
  request.set_with_revoked(flags.all);
  TextView view("culvert token list", program->between_pages());
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

struct CreateFlags {
  std::string name;
  std::string role;
  std::string tenant;
  std::string ttl;
};

Result<int> create(Program* program, const CreateFlags& flags) {
  v1::CreateTokenRequest request;
  request.set_name(flags.name);
  if (flags.role.empty() == flags.tenant.empty()) {
    return bad_usage(
        "needed is either --role (speaks to the service) or --tenant (speaks to "
        "relays)");
  }
  if (!flags.tenant.empty()) request.set_tenant(flags.tenant);
  if (flags.role == "viewer") request.set_operator_role(v1::ROLE_VIEWER);
  if (flags.role == "operator") request.set_operator_role(v1::ROLE_OPERATOR);
  if (flags.role == "admin") request.set_operator_role(v1::ROLE_ADMIN);
  if (!flags.ttl.empty()) {
    *request.mutable_ttl() = culvert::to_proto(CULVERT_TRY(span_argument("--ttl", flags.ttl)));
  }
  Session* session = CULVERT_TRY(program->session());
  const v1::CreateTokenReply reply = CULVERT_TRY(session->ask(request));
  program->print(reply, [&] { return clean(reply.secret()) + "\n"; });
  if (program->format() == Format::kTable) {
    program->terminal.error("This is token " + clean(reply.token().id()) + " (" +
                            clean(kind_words(reply.token())) + "), good " +
                            (reply.token().has_expires()
                                 ? "until " + shown_time(true, reply.token().expires())
                                 : std::string("until it is revoked")) +
                            ". It is shown only now.\n");
  }
  return kOk;
}

Result<int> revoke(Program* program, const std::string& id) {
  Session* session = CULVERT_TRY(program->session());
  v1::RevokeTokenRequest request;
  request.set_id(id);
  const v1::Token token = CULVERT_TRY(session->ask(request));
  program->print(token, [&] {
    return "token " + clean(token.id()) + " (" + clean(token.name()) + ") is revoked\n";
  });
  return kOk;
}

void add_create(CLI::App* group, Program* program) {
  CLI::App* verb = add_verb(
      group, "create", "Make a token, shown once",
      "viewer reads; operator also changes; admin also deals in tokens, backups and relays'\n"
      "certificates. The token alone goes to standard output.\n\nExamples:\n"
      "  culvert token create ann --role operator --ttl 30d\n"
      "  culvert token create app --tenant search-team");
  auto flags = std::make_shared<CreateFlags>();
  verb->add_option("name", flags->name, "for people")->required()->type_name("TEXT");
  verb->add_option("--role", flags->role, "speaks to the service: viewer, operator or admin")
      ->type_name("ROLE")
      ->check(CLI::IsMember({"viewer", "operator", "admin"}));
  verb->add_option("--tenant", flags->tenant, "speaks to relays, on this tenant's account")
      ->type_name("TENANT");
  verb->add_option("--ttl", flags->ttl, "how long it is good; without, until it is revoked")
      ->type_name("SPAN");
  verb->callback([=] { program->verb = [=] { return create(program, *flags); }; });
}

void add_list(CLI::App* group, Program* program) {
  CLI::App* verb = add_verb(group, "list", "Show tokens, never their values");
  auto flags = std::make_shared<ListFlags>();
  verb->add_flag("-a,--all", flags->all, "also those that are revoked");
  verb->add_flag("-w,--watch", flags->watch, "show them again whenever they change");
  verb->add_option("--interval", flags->interval, "how often --watch asks")
      ->type_name("SPAN")
      ->capture_default_str();
  verb->callback([=] { program->verb = [=] { return list(program, *flags); }; });
}

}  // namespace

void add_token_verbs(CLI::App* app, Program* program) {
  CLI::App* group = add_group(app, "token", "Make, revoke and show tokens");
  add_create(group, program);
  CLI::App* verb = add_verb(group, "revoke", "Refuse a token from now on");
  auto id = std::make_shared<std::string>();
  verb->add_option("id", *id, "as culvert token list shows it")->required()->type_name("TOKEN_ID");
  verb->callback([=] { program->verb = [=] { return revoke(program, *id); }; });
  add_list(group, program);
}

}  // namespace culvert::cli
