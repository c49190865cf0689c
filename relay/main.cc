// culvert-relay: arguments in, exit status out. Everything else is built and owned by the Server.
#include "relay/base/log.h"
#include "relay/base/version.h"
#include "relay/channel/signals.h"
#include "relay/config/bootstrap.h"
#include "relay/edge/server.h"
#include "relay/edge/system.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <iostream>
#include <string>

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

}  // namespace

int main(int argc, char** argv) {
  culvert::ignore_broken_pipes();
  CLI::App app(
      "Culvert's relay: carries requests for AI and other HTTPS APIs.\n"
      "Configured by a file, by environment variables (which win), or by both.",
      "culvert-relay");
  std::string config;
  bool check_only = false;
  app.add_option("--config", config, "configuration file (YAML)")->type_name("FILE");
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
  const culvert::BootstrapSource source = culvert::process_source(config);
  if (check_only) return check(source);
  culvert::forbid_dumps();
  auto server = culvert::Server::create(source);
  if (!server) return report(server.error());
  return (*server)->run();
}
