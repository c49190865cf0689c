// bench_load: the load generator of every benchmark. One mode, on one thread; one JSON object on
// standard output at its end. Exit 0, 1 (errors were counted) or 2 (it could not begin).
#include "tests/bench/load/closed_mode.h"
#include "tests/bench/load/idle_mode.h"
#include "tests/bench/load/open_mode.h"
#include "tests/bench/load/pingpong.h"
#include "tests/bench/load/sse_mode.h"

#include <fmt/format.h>
#include <netdb.h>

#include <csignal>
#include <cstdio>
#include <cstring>

namespace {

using culvert::bench::Mode;
using culvert::bench::Options;
using culvert::bench::Request;
using culvert::bench::Target;

int failed(const std::string& error) {
  fmt::print(stderr, "bench_load: {}\n", error);
  return 2;
}

bool make_target(const Options& options, Target& target, std::string& error) {
  const size_t colon = options.to.rfind(':');
  const std::string host = options.to.substr(0, colon);
  const std::string port = colon == std::string::npos ? "" : options.to.substr(colon + 1);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (code != 0 || port.empty()) {
    error = fmt::format("--to {}: {}", options.to,
                        port.empty() ? "takes host:port" : gai_strerror(code));
    return false;
  }
  std::memcpy(&target.address, found->ai_addr, found->ai_addrlen);
  target.size = found->ai_addrlen;
  freeaddrinfo(found);
  target.name = options.name;
  if (options.tls) {
    target.context = culvert::bench::make_client_context(
        {.ca = options.ca, .groups = options.groups, .resume = options.resume}, target.verified,
        error);
  }
  return !options.tls || target.context;
}

std::unique_ptr<Mode> make_mode(const Options& options,
                                const Target& target,
                                const Request& request) {
  namespace bench = culvert::bench;
  if (options.mode == "open") return std::make_unique<bench::OpenMode>(options, target, request);
  if (options.mode == "sse") return std::make_unique<bench::SseMode>(options, target, request);
  if (options.mode == "idle") return std::make_unique<bench::IdleMode>(options, target, request);
  return std::make_unique<bench::ClosedMode>(options, target, request);  // and bulk
}

}  // namespace

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  Options options;
  int status = 0;
  if (!culvert::bench::read_options(argc, argv, options, status)) return status == 0 ? 0 : 2;
  culvert::bench::raise_descriptor_limit();
  std::string error;
  if (options.mode == "pingpong") {
    const std::string report = culvert::bench::run_pingpong(options, error);
    if (report.empty()) return failed(error);
    fmt::print("{}\n", report);
    return 0;
  }
  Target target;
  Request request;
  if (!make_target(options, target, error)) return failed(error);
  if (!make_request(options, request, error)) return failed(error);
  const auto mode = make_mode(options, target, request);
  mode->run();
  fmt::print("{}\n", mode->report());
  return mode->failed() && !options.tolerate ? 1 : 0;
}
