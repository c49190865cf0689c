// relay list, show, drain, undrain, remove, join-token.
#include "control/cli/arguments.h"
#include "control/cli/display.h"
#include "control/cli/live.h"
#include "control/cli/relay_table.h"
#include "control/cli/verbs.h"
#include "proto/scalars.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>

namespace culvert::cli {
namespace {

std::string list_text(const Program& program, const v1::ListRelaysReply& reply, bool one_line) {
  switch (program.format()) {
    case Format::kJson:
      return one_line ? to_json_line(value_of(reply)) : to_json(value_of(reply));
    case Format::kYaml:
      return (one_line ? "---\n" : "") + to_yaml_text(value_of(reply));
    case Format::kTable:
      break;
  }
  return relay_list_text(reply, program.clock.wall(), program.colours());
}

Result<int> watch_list(Program* program) {
  TextView view("culvert relay list", program->between_pages());
  const Source source = [&](const std::stop_token& stop,
                            const std::function<void()>& changed) -> Result<void> {
    Session* session = CULVERT_TRY(program->session());
    v1::WatchRelaysRequest request;
    request.mutable_interval()->set_seconds(1);
    return session->follow(request, stop, [&](const v1::ListRelaysReply& reply) {
      view.put(list_text(*program, reply, true));
      changed();
      return true;
    });
  };
  return run_live(program->terminal, &view, source);
}

Result<int> list(Program* program, bool watch) {
  if (watch) return watch_list(program);
  Session* session = CULVERT_TRY(program->session());
  const v1::ListRelaysReply reply = CULVERT_TRY(session->ask(v1::ListRelaysRequest()));
  program->terminal.out(list_text(*program, reply, false));
  return kOk;
}

Result<int> show(Program* program, const std::string& name) {
  Session* session = CULVERT_TRY(program->session());
  v1::ListRelaysRequest request;
  request.set_name(name);
  const v1::ListRelaysReply reply = CULVERT_TRY(session->ask(request));
  if (reply.relays_size() != 1) {
    return Error::ours(Code::kNotFound, Stage::kNone, "there is no relay " + in_quotes(name));
  }
  program->print(reply.relays(0), [&] {
    return relay_text(reply.relays(0), program->clock.wall(), program->colours());
  });
  return kOk;
}

Result<int> drain(Program* program, const std::string& name, bool on) {
  Session* session = CULVERT_TRY(program->session());
  v1::DrainRelayRequest request;
  request.set_name(name);
  request.set_drain(on);
  const v1::RelayStatus relay = CULVERT_TRY(session->ask(request));
  program->print(relay, [&] {
    if (!relay.connected()) {
      return fmt::format("relay {} is away; it will {} when it is back\n", clean(name),
                         on ? "drain" : "serve");
    }
    if (!on) return fmt::format("relay {} takes new requests again\n", clean(name));
    // How many they are is not known at once: a relay tells its numbers every other second.
    return fmt::format("relay {0} takes no new requests; what runs on it ends by itself, and "
                       "`culvert relay show {0}` counts it\n",
                       clean(name));
  });
  return kOk;
}

Result<int> remove(Program* program, const std::string& name, bool yes) {
  if (!yes) {
    const bool sure = CULVERT_TRY(program->terminal.confirm(
        "Remove relay " + name + "? Its certificate is refused from then on."));
    if (!sure) {
      program->terminal.complain("nothing was changed");
      return kFailed;
    }
  }
  Session* session = CULVERT_TRY(program->session());
  v1::RemoveRelayRequest request;
  request.set_name(name);
  const v1::RemoveRelayReply reply = CULVERT_TRY(session->ask(request));
  program->print(reply, [&] { return "relay " + clean(name) + " is removed\n"; });
  return kOk;
}

struct JoinFlags {
  std::string region;
  std::string name;
  std::string ttl = "1h";
  std::vector<std::string> labels;
};

Result<int> join_token(Program* program, const JoinFlags& flags) {
  v1::CreateJoinTokenRequest request;
  request.set_region(flags.region);
  request.set_name(flags.name);
  *request.mutable_ttl() = culvert::to_proto(CULVERT_TRY(span_argument("--ttl", flags.ttl)));
  CULVERT_CHECK(read_labels(flags.labels, request.mutable_labels()));
  Session* session = CULVERT_TRY(program->session());
  const v1::CreateJoinTokenReply reply = CULVERT_TRY(session->ask(request));
  program->print(reply, [&] { return clean(reply.token()) + "\n"; });
  if (program->format() == Format::kTable) {
    program->terminal.error("This token lets one relay join, until " +
                            shown_time(reply.has_expires(), reply.expires()) +
                            ". It is shown only now; culvert-relay join takes it.\n");
  }
  return kOk;
}

void add_name(CLI::App* verb, std::string* name) {
  verb->add_option("relay", *name, "as culvert relay list shows it")
      ->required()
      ->type_name("RELAY");
}

void add_list(CLI::App* group, Program* program) {
  CLI::App* verb = add_verb(group, "list", "Show all relays",
                            "IN STEP: whether a relay runs what it is meant to; refused: it could "
                            "not take all of it, and\n"
                            "relay show tells why.");
  auto watch = std::make_shared<bool>(false);
  verb->add_flag("-w,--watch", *watch, "show them again every second");
  verb->callback([=] { program->verb = [=] { return list(program, *watch); }; });
}

void add_drain(CLI::App* group, Program* program, bool on) {
  CLI::App* verb = add_verb(
      group, on ? "drain" : "undrain",
      on ? "Let a relay finish what runs and take no new requests" : "Let it take requests again");
  auto name = std::make_shared<std::string>();
  add_name(verb, name.get());
  verb->callback([=] { program->verb = [=] { return drain(program, *name, on); }; });
}

void add_join_token(CLI::App* group, Program* program) {
  CLI::App* verb = add_verb(group, "join-token", "Make a one-time token for a relay to join with",
                            "The token alone goes to standard output.\n\nExample:\n"
                            "  culvert relay join-token --region eu-west --ttl 1h > token");
  auto flags = std::make_shared<JoinFlags>();
  verb->add_option("--region", flags->region, "of the relay")->type_name("REGION");
  verb->add_option("--label", flags->labels, "for the resources' selectors; again for several")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  verb->add_option("--name", flags->name, "the relay gets it; without, it may choose")
      ->type_name("RELAY");
  verb->add_option("--ttl", flags->ttl, "how long it is good: 1m to 30d")
      ->type_name("SPAN")
      ->capture_default_str();
  verb->callback([=] { program->verb = [=] { return join_token(program, *flags); }; });
}

}  // namespace

void add_relay_verbs(CLI::App* app, Program* program) {
  CLI::App* group =
      add_group(app, "relay", "Show relays, drain them, let them join and remove them");
  add_list(group, program);
  CLI::App* one = add_verb(group, "show", "Show one relay: state, what it runs, what it refused");
  auto name = std::make_shared<std::string>();
  add_name(one, name.get());
  one->callback([=] { program->verb = [=] { return show(program, *name); }; });
  add_drain(group, program, true);
  add_drain(group, program, false);
  CLI::App* removal = add_verb(group, "remove", "Refuse a relay's certificate from now on");
  auto yes = std::make_shared<bool>(false);
  add_name(removal, name.get());
  removal->add_flag("-y,--yes", *yes, "do not ask");
  removal->callback([=] { program->verb = [=] { return remove(program, *name, *yes); }; });
  add_join_token(group, program);
}

}  // namespace culvert::cli
