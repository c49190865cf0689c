// bench_upstream: the upstream of every benchmark. It answers as a vendor would, as cheaply as it
// can, on one thread; says its ports in one JSON line when it is ready, and what it counted in a
// second one when SIGTERM ends it (GET /counts says it at any time).
#include "tests/bench/load/server.h"

#include <CLI/CLI.hpp>

#include <fmt/format.h>

#include <csignal>
#include <cstdio>

namespace {

using culvert::bench::Context;
using culvert::bench::Listener;

int failed(const std::string& error) {
  fmt::print(stderr, "bench_upstream: {}\n", error);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  CLI::App app{"The upstream of the benchmarks: JSON, streams of events, bulk"};
  uint16_t http = 0;
  uint16_t https = 0;
  std::string cert;
  std::string key;
  app.add_option("--http", http, "port of 127.0.0.1 for HTTP; 0: a free one");
  auto* tls = app.add_option("--https", https, "the same for HTTPS (TLS 1.3)");
  auto* cert_option = app.add_option("--cert", cert, "certificate chain, PEM");
  auto* key_option = app.add_option("--key", key, "its private key, PEM");
  tls->needs(cert_option)->needs(key_option);
  CLI11_PARSE(app, argc, argv);

  culvert::bench::raise_descriptor_limit();
  culvert::bench::Server server;
  std::string error;
  Listener plain(server, nullptr);
  if (!plain.open(http, error)) return failed(error);
  std::string ports = fmt::format(R"({{"http":{})", plain.port());
  Context context;
  if (tls->count() > 0) {
    context = culvert::bench::make_server_context(cert, key, error);
    if (!context) return failed(error);
  }
  const bool with_tls = context != nullptr;
  Listener secure(server, std::move(context));
  if (with_tls) {
    if (!secure.open(https, error)) return failed(error);
    ports += fmt::format(R"(,"https":{})", secure.port());
  }
  fmt::print("{}}}\n", ports);
  std::fflush(stdout);
  server.run();
  fmt::print("{}\n", server.serving().counts.json());
  return 0;
}
