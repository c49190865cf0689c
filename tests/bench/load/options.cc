// The names of the options are the harness's contract.
#include "tests/bench/load/options.h"

#include <CLI/CLI.hpp>

namespace culvert::bench {
namespace {

void add_request(CLI::App& app, Options& to) {
  app.add_option("--method", to.method, "of the request");
  app.add_option("--path", to.path, "of the request, with its query");
  app.add_option("--header", to.headers, "'Name: value'; as often as needed")
      ->allow_extra_args(false);
  app.add_option("--body", to.body_file, "file with the body of the request");
  app.add_option("--body-bytes", to.body_bytes, "size of a body made up as a chat request");
  app.add_flag("--new-connection", to.new_connection, "closed, open: a connection per request");
  app.add_flag("--resume", to.resume, "with --new-connection: with the TLS session of before");
}

}  // namespace

bool read_options(int argc, char** argv, Options& to, int& status) {
  CLI::App app{"The load generator of the benchmarks: one mode, one JSON object"};
  app.add_option("mode", to.mode, "what to do")
      ->required()
      ->check(CLI::IsMember({"closed", "open", "sse", "idle", "bulk", "pingpong"}));
  app.add_option("--to", to.to, "host:port");
  auto* tls = app.add_flag("--tls", to.tls, "TLS 1.3");
  auto* ca = app.add_option("--ca", to.ca, "certificates to trust, PEM");
  tls->needs(ca);
  app.add_option("--groups", to.groups, "of the TLS key exchange, as P-256 or X25519:P-256");
  app.add_option("--name", to.name, "the server's name, for TLS and Host");
  app.add_option("--connections", to.connections)->check(CLI::Range(1, 60000));
  app.add_option("--seconds", to.seconds, "closed, open, bulk, pingpong: to be measured")
      ->check(CLI::PositiveNumber);
  app.add_option("--warmup", to.warmup, "seconds before them")->check(CLI::NonNegativeNumber);
  app.add_option("--timeout", to.timeout, "seconds without a byte of an answer that fail it")
      ->check(CLI::PositiveNumber);
  app.add_flag("--tolerate", to.tolerate, "exit 0 in spite of errors");
  add_request(app, to);
  app.add_option("--rate", to.rate, "open: requests a second; sse: events a second and stream")
      ->check(CLI::PositiveNumber);
  app.add_option("--events", to.events, "sse: of each stream")->check(CLI::PositiveNumber);
  app.add_option("--bytes", to.bytes, "sse: of each event (150); bulk: of a body (100 MiB); "
                                      "pingpong: of a message (1)");
  app.add_option("--direction", to.direction, "bulk: down or up")
      ->check(CLI::IsMember({"down", "up"}));
  app.add_option("--pin", to.pins, "pingpong: the cores of its two sides")->delimiter(',');
  try {
    app.parse(argc, argv);
    if (to.mode != "pingpong" && to.to.empty()) throw CLI::RequiredError("--to");
  } catch (const CLI::ParseError& error) {
    status = app.exit(error);
    return false;
  }
  return true;
}

}  // namespace culvert::bench
