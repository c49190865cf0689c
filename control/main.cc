// culvert-control: arguments in, exit status out; and the wiring of the whole service, by hand, in
// run_service().
#include "control/config/identity.h"
#include "control/config/initialise.h"
#include "control/config/live_configuration.h"
#include "control/config/revisions.h"
#include "control/config/stored_audit_log.h"
#include "control/config/tokens.h"
#include "control/fleet/registry.h"
#include "control/ledger/sqlite_ledger.h"
#include "control/rpc/admin_service.h"
#include "control/rpc/link_service.h"
#include "control/rpc/rpc_server.h"
#include "control/store/data_directory.h"
#include "control/store/files.h"
#include "control/store/sealed_store.h"
#include "control/store/sqlite_store.h"
#include "control/web/server.h"
#include "relay/base/log.h"
#include "relay/base/service_manager.h"
#include "relay/base/version.h"
#include "relay/crypto/start.h"

#include <CLI/CLI.hpp>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <string>
#include <vector>

namespace culvert::control {
namespace {

constexpr int kFailed = 1;
constexpr int kBadUsage = 2;

struct Options {
  std::string data = "/var/lib/culvert-control";
  std::string listen = "127.0.0.1:7443";
  std::string web_listen = "127.0.0.1:7480";
  std::vector<std::string> names;
  bool forget_old = false;
};

int report(const Error& error) {
  std::cerr << "culvert-control: " << error.detail << '\n';
  return error.code == Code::kInvalidConfig ? kBadUsage : kFailed;
}

Error bad_option(const std::string& name, const Error& error) {
  return Error::ours(Code::kInvalidConfig, Stage::kNone, name + ": " + error.detail);
}

// Store below, master keys around it.
Result<std::unique_ptr<SealedStore>> open_store(const DataDirectory& data, MasterKeys keys) {
  struct stat status {};
  if (::stat(data.store().c_str(), &status) != 0) {
    return Error::ours(Code::kInvalidConfig, Stage::kNone,
                       data.store() + ": there is no store; `culvert-control init` makes one");
  }
  auto store =
      std::make_unique<SealedStore>(CULVERT_TRY(SqliteStore::open(data.store())), std::move(keys));
  CULVERT_CHECK(store->check());
  return store;
}

// Under what the service is called: this machine's own names always, where it listens, and more.
Result<std::vector<std::string>> hosts_of(const Options& options) {
  const auto listen = SocketAddress::parse(options.listen);
  if (!listen) return bad_option("--listen", listen.error());
  std::vector<std::string> hosts{"localhost", "127.0.0.1", "::1"};
  const auto add = [&hosts](const std::string& host) {
    if (std::find(hosts.begin(), hosts.end(), host) == hosts.end()) hosts.push_back(host);
  };
  const std::string own = listen->address.text();
  if (own != "0.0.0.0" && own != "::") add(own);
  for (const std::string& name : options.names) add(name);
  return hosts;
}

int init(const Options& options) {
  const auto hosts = hosts_of(options);
  if (!hosts) return report(hosts.error());
  const auto made = initialise(options.data, *hosts, Clock::system());
  if (!made) return report(made.error());
  std::cout << "A new service in " << options.data << ".\n"
            << "Authority:  " << options.data << "/ca.pem (SHA-256 " << made->fingerprint << ")\n"
            << "Master key: " << options.data << "/master.key; keep a copy of it elsewhere\n"
            << "Token of the first admin, shown this once:\n"
            << made->token.reveal() << '\n';
  return 0;
}

Result<std::string> rotate(const Options& options) {
  const DataDirectory data = CULVERT_TRY(DataDirectory::open(options.data));
  MasterKeys keys = CULVERT_TRY(MasterKeys::load(data.master_key()));
  auto before = CULVERT_TRY(open_store(data, keys));
  const bool unfinished = CULVERT_TRY(before->has_old_seals());
  before.reset();
  if (!unfinished) {
    keys.rotate();
    // Before anything is sealed with it.
    CULVERT_CHECK(keys.save(data.master_key()));
  }
  const auto store = CULVERT_TRY(open_store(data, keys));
  const size_t sealed = CULVERT_TRY(store->reseal());
  if (options.forget_old) {
    keys.forget_old();
    CULVERT_CHECK(keys.save(data.master_key()));
  }
  return std::string(unfinished ? "an earlier rotation was brought to its end"
                                : "a new master key") +
         ": " + std::to_string(sealed) + " values sealed anew; keys in the file: " + keys.ids() +
         (keys.size() > 1 ? " (old ones open older backups; --forget-old drops them)" : "");
}

int rotate_key(const Options& options) {
  const auto done = rotate(options);
  if (!done) return report(done.error());
  std::cout << *done << '\n';
  return 0;
}

// Blocked before the first thread is made, so that all of them leave these to the main one.
sigset_t block_end_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

void wait_for_end(const sigset_t& signals) {
  int number = 0;
  while (sigwait(&signals, &number) != 0) {
  }
  log::info("ending", {{"signal", number == SIGTERM ? "SIGTERM" : "SIGINT"}});
}

Result<void> is_ready(Store& store) {
  CULVERT_CHECK(store.revision());
  return {};
}

// The whole service, from the disk upwards; it ends in the opposite order.
Result<void> run_service(const Options& options, const sigset_t& end_signals) {
  const auto listen = SocketAddress::parse(options.listen);
  if (!listen) return bad_option("--listen", listen.error());
  const auto web_listen = SocketAddress::parse(options.web_listen);
  if (!web_listen) return bad_option("--web-listen", web_listen.error());
  const Clock& clock = Clock::system();
  CULVERT_CHECK(start_crypto());

  // What rests.
  const DataDirectory data = CULVERT_TRY(DataDirectory::open(options.data));
  MasterKeys keys = CULVERT_TRY(MasterKeys::load(data.master_key()));
  const auto store = CULVERT_TRY(open_store(data, std::move(keys)));
  const Identity identity = CULVERT_TRY(load_identity(*store, clock.wall()));
  // Operators copy it from there; a restored store may have another one.
  CULVERT_CHECK(replace_file(data.authority(), identity.authority.certificate, 0644));

  // What is configured, and who may say so.
  const auto live = CULVERT_TRY(LiveConfiguration::open(*store, clock));
  Revisions revisions(*store, *live, clock);
  Tokens tokens(*store, *live, clock);
  StoredAuditLog audit(*store, clock);

  // The relays, and what they used.
  Roster roster(*store);
  CULVERT_CHECK(roster.refresh());
  const CertificateInfo authority = CULVERT_TRY(read_certificate(identity.authority.certificate));
  JoinTokens join_tokens(*store, clock);
  Enrolment enrolment({*store, roster, join_tokens, audit, clock}, identity.authority,
                      identity.hosts);
  Attendance attendance;
  Switchboard switchboard;
  Targets targets(*live, roster);
  KeyTests key_tests(switchboard, clock, Random::system());
  Registry fleet({roster, join_tokens, attendance, targets, switchboard, clock},
                 authority.fingerprint);
  const auto ledger = CULVERT_TRY(SqliteLedger::open(data.ledger(), clock));

  // Who is served.
  AdminService admin(
      {*store, *live, revisions, tokens, audit, fleet, key_tests, *ledger, data.path()});
  LinkService link({*store, *live, roster, attendance, enrolment, targets, key_tests, switchboard,
                    *ledger, audit, clock, default_link_times()},
                   identity.authority.certificate);
  const auto web = CULVERT_TRY(WebServer::start(
      {fleet, attendance, switchboard, *live, *ledger, [&store] { return is_ready(*store); }},
      *web_listen));
  const auto server = CULVERT_TRY(
      RpcServer::start(*listen, identity,
                       {{&admin, [&admin] { admin.stop(); }}, {&link, [&link] { link.stop(); }}}));
  SocketAddress web_address = *web_listen;
  web_address.port = web->port();
  log::info(
      "listening",
      {{"scheme", "grpc"}, {"address", server->address().text()}, {"listener", options.listen}});
  log::info(
      "listening",
      {{"scheme", "http"}, {"address", web_address.text()}, {"listener", options.web_listen}});
  log::info("ready", {{"version", kVersion}, {"revision", live->current()->revision}});
  notify_service_manager("READY=1");

  wait_for_end(end_signals);
  notify_service_manager("STOPPING=1");
  live->close();
  store->close();
  server->stop();
  log::info("ended");
  return {};
}

int run(const Options& options) {
  const sigset_t signals = block_end_signals();
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);       // a limit on files is an error of that write
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);  // memory holds keys
  ::umask(077);
  const auto ended = run_service(options, signals);
  return ended ? 0 : report(ended.error());
}

void describe(CLI::App* app, Options* options) {
  app->add_option("--data", options->data, "directory of the service's state")
      ->type_name("DIR")
      ->envname("CULVERT_CONTROL_DATA")
      ->capture_default_str();
  app->add_option("--listen", options->listen, "gRPC, for relays and operators (TLS); port 0: any")
      ->type_name("ADDRESS:PORT")
      ->envname("CULVERT_CONTROL_LISTEN")
      ->capture_default_str();
  app->add_option("--web-listen", options->web_listen, "metrics and health (HTTP)")
      ->type_name("ADDRESS:PORT")
      ->envname("CULVERT_CONTROL_WEB_LISTEN")
      ->capture_default_str();
  app->set_version_flag("--version", "culvert-control " + std::string(kVersion));
  app->footer(
      "Examples:\n"
      "  culvert-control init --data /var/lib/culvert-control --name control.example.com\n"
      "  culvert-control run --data /var/lib/culvert-control --listen 0.0.0.0:7443\n"
      "  culvert-control rotate-key --data /var/lib/culvert-control   (the service stopped)\n"
      "Signals: SIGTERM and SIGINT end. Exit status: 0 ok, 1 failed, 2 bad usage.");
  app->require_subcommand(0, 1);
}

}  // namespace
}  // namespace culvert::control

int main(int argc, char** argv) {
  using namespace culvert::control;  // NOLINT(google-build-using-namespace)
  CLI::App app("Culvert's control service: says what relays should do, hears what they did.",
               "culvert-control");
  Options options;
  describe(&app, &options);
  auto* init_command = app.add_subcommand("init", "make a new service in a new directory");
  init_command->add_option("--name", options.names, "names and addresses for the certificate")
      ->type_name("HOST")
      ->delimiter(',');
  auto* rotate_command =
      app.add_subcommand("rotate-key", "seal everything with a new master key (service stopped)");
  rotate_command->add_flag("--forget-old", options.forget_old,
                           "drop the old keys: older backups cannot be restored then");
  auto* run_command = app.add_subcommand("run", "run the service (also without a command)");
  for (CLI::App* command : {init_command, rotate_command, run_command}) command->fallthrough();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kBadUsage;
  }
  if (*init_command) return init(options);
  if (*rotate_command) return rotate_key(options);
  return run(options);
}
