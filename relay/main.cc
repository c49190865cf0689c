// culvert-relay: arguments in, exit status out. Everything else is built and owned by the Server.
#include "relay/base/log.h"
#include "relay/base/version.h"
#include "relay/channel/signals.h"
#include "relay/channel/tls_start.h"
#include "relay/config/bootstrap.h"
#include "relay/config/control_link.h"
#include "relay/config/durable_file.h"
#include "relay/edge/server.h"
#include "relay/edge/system.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

namespace {

constexpr int kFailed = 1;
constexpr int kBadUsage = 2;

int report(const culvert::Error& error) {
  std::cerr << "culvert-relay: " << error.detail << '\n';
  return error.code == culvert::Code::kInvalidConfig ? kBadUsage : kFailed;
}

int check(const culvert::BootstrapSource& source) {
  const auto snapshot = culvert::load_snapshot(source);
  if (!snapshot) return report(snapshot.error());
  if (auto usable = culvert::Server::check(*snapshot); !usable) return report(usable.error());
  std::cout << "the configuration is valid: " << (*snapshot)->upstreams.size() << " upstreams, "
            << (*snapshot)->pools.size() << " key pools, " << (*snapshot)->routes.size()
            << " routes\n";
  return 0;
}

struct JoinOptions {
  std::string address;
  std::string token;
  std::string name;
  std::string state_dir;
  bool force = false;
};

int run_join(const culvert::BootstrapSource& source, const JoinOptions& options) {
  std::string state_dir = options.state_dir;
  if (state_dir.empty()) {
    auto configured = culvert::state_dir_of(source);
    if (!configured) return report(configured.error());
    state_dir = *configured;
  }
  // Before the token is spent.
  if (std::filesystem::exists(culvert::identity_folder(state_dir)) && !options.force) {
    std::cerr << "culvert-relay: " << culvert::identity_folder(state_dir)
              << " is there: this relay has joined already; --force replaces its identity\n";
    return kFailed;
  }
  if (auto started = culvert::start_tls(); !started) return report(started.error());
  if (auto folder = culvert::make_private_folder(state_dir); !folder) return report(folder.error());
  const auto identity = culvert::join_control(
      {options.address, options.token, options.name, std::string(culvert::kVersion)},
      culvert::Clock::system());
  if (!identity) return report(identity.error());
  if (auto kept = culvert::write_identity(state_dir, *identity, options.force); !kept) {
    return report(kept.error());
  }
  std::cout << "joined as " << identity->name << "; `culvert-relay` starts attached to "
            << options.address << "\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  culvert::ignore_failed_writes();
  CLI::App app(
      "Culvert's relay: carries requests for AI and other HTTPS APIs.\n"
      "Configured by a file, by environment variables (which win), or by both.",
      "culvert-relay");
  std::string config;
  bool check_only = false;
  app.add_option("--config", config, "configuration file (YAML)")->type_name("FILE");
  std::vector<std::string> control;
  bool no_control = false;
  app.add_option("--control", control,
                 "control service; tried in turn where there are several (CULVERT_CONTROL)")
      ->type_name("HOST:PORT[,…]")
      ->delimiter(',');
  app.add_flag("--no-control", no_control, "as if this relay had not joined a service");
  JoinOptions join;
  CLI::App* join_command =
      app.add_subcommand("join", "join a control service, with a token of it, once");
  join_command->add_option("--control", join.address, "the service")
      ->type_name("HOST:PORT")
      ->required();
  join_command->add_option("--token", join.token, "of `culvert relay join-token`")
      ->type_name("cvj_…")
      ->required();
  join_command->add_option("--name", join.name, "wished for; else the service makes one");
  join_command->add_option("--state-dir", join.state_dir, "default: as configured")
      ->type_name("DIR");
  join_command->add_option("--config", config, "configuration file (YAML)")->type_name("FILE");
  join_command->add_flag("--force", join.force, "replace the identity that is there");
  app.add_flag("--check", check_only, "say whether the configuration is valid, and end");
  app.set_version_flag("--version", "culvert-relay " + std::string(culvert::kVersion));
  app.footer(
      "Variables: CULVERT_LISTEN, CULVERT_TLS_CERT, CULVERT_TLS_KEY, CULVERT_ADMIN_LISTEN,\n"
      "AUTH_TOKEN, {NAME}_API_KEYS, PROXY_{NAME}_TARGET and more: see README.md.\n"
      "Signals: SIGHUP reloads the configuration, SIGTERM and SIGINT drain and end.\n"
      "Exit status: 0 ok, 1 failed, 2 bad usage or configuration.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kBadUsage;
  }
  culvert::BootstrapSource source = culvert::process_source(config);
  if (join_command->parsed()) return run_join(source, join);
  source.control = control;
  source.no_control = no_control;
  if (check_only) return check(source);
  culvert::forbid_dumps();
  auto server = culvert::Server::create(source);
  if (!server) return report(server.error());
  return (*server)->run();
}
