// Upstreams: where requests go, and which ways there are.
#include "proto/defaults.h"
#include "proto/presets.h"
#include "proto/proxy_url.h"
#include "proto/scalars.h"
#include "proto/words.h"
#include "relay/base/text.h"
#include "relay/config/compile_parts.h"

#include <algorithm>

namespace culvert {
namespace {

Dialect to_dialect(v1::Dialect dialect) {
  switch (dialect) {
    case v1::DIALECT_OPENAI:
      return Dialect::kOpenAi;
    case v1::DIALECT_ANTHROPIC:
      return Dialect::kAnthropic;
    case v1::DIALECT_GEMINI:
      return Dialect::kGemini;
    default:
      return Dialect::kOpaque;
  }
}

bool serves(const v1::Target& target, const std::string& region) {
  return target.regions_size() == 0 || std::find(target.regions().begin(), target.regions().end(),
                                                 region) != target.regions().end();
}

Result<std::vector<Target>> compile_targets(const Compiling& in,
                                            const std::string& name,
                                            const v1::Upstream& written) {
  const std::string& region = in.resources.relay.region();
  std::vector<Target> out;
  bool any = false;
  for (int i = 0; i < written.targets_size(); ++i) {
    const v1::Target& target = written.targets(i);
    if (!serves(target, region)) continue;
    const auto url = parse_url(target.url());
    if (!url) {
      return in.error("Upstream", name, "targets[" + std::to_string(i) + "].url",
                      url.error().detail);
    }
    out.push_back({*url, target.has_weight() ? target.weight() : 1});
    any = any || out.back().weight > 0;
  }
  if (any) return out;
  return in.error("Upstream", name, "targets",
                  "no target with a weight above 0 for the region " + in_quotes(region) +
                      "; needed is one, or one without regions");
}

// A TCP or TLS connection of the relay's own does not go through a proxy. The region of the relay
// itself is reached by itself.
Result<std::vector<Strategy>> compile_strategies(const Compiling& in,
                                                 const std::string& alias,
                                                 const v1::Upstream& written) {
  std::vector<Strategy> out;
  for (int i = 0; i < written.strategies_size(); ++i) {
    const std::string& name = written.strategies(i);
    Strategy strategy = name == "fetch" ? Strategy::kFetch : Strategy::kSocket;
    if (const auto region = via_region(name)) {
      const std::string path = "strategies[" + std::to_string(i) + "]";
      const std::string via = CULVERT_TRY(in.via("Upstream", alias, path, *region));
      if (!via.empty()) strategy = Strategy::via(via);
    }
    if (std::find(out.begin(), out.end(), strategy) == out.end()) out.push_back(strategy);
  }
  if (!out.empty()) return out;
  if (written.has_egress_proxy()) return std::vector{Strategy::kFetch};
  return std::vector{Strategy::kSocket, Strategy::kFetch};
}

Result<Secret> compile_egress_proxy(const Compiling& in,
                                    const std::string& name,
                                    const v1::Upstream& written) {
  if (!written.has_egress_proxy()) return Secret();
  auto proxy = in.surroundings.secret(written.egress_proxy().value());
  if (!proxy) return in.error("Upstream", name, "egress_proxy", proxy.error().detail);
  if (const auto flaw = proxy_flaw(proxy->reveal())) {
    return in.error("Upstream", name, "egress_proxy", *flaw);
  }
  std::string url = proxy_with_port(proxy->reveal());
  Secret whole(url);
  wipe(url.data(), url.size());
  return whole;
}

}  // namespace

Result<Upstream> compile_upstream(const Compiling& in,
                                  const std::string& name,
                                  const v1::Upstream& written,
                                  const Timeouts& defaults) {
  Upstream out;
  out.name = name;
  out.dialect = to_dialect(written.dialect());
  out.targets = CULVERT_TRY(compile_targets(in, name, written));
  const auto key = written.has_key() ? written.key() : default_key_carriage(written.dialect());
  out.key_header = key.header();
  out.key_scheme = key.scheme();
  if (!written.tls().ca_file().empty()) {
    auto pem = read_certificates(in.surroundings, written.tls().ca_file());
    if (!pem) return in.error("Upstream", name, "tls.ca_file", pem.error().detail);
    out.ca_pem = *std::move(pem);
    out.ca_place = in.place("Upstream", name, "tls.ca_file");
  }
  out.server_name = lower(written.tls().server_name());
  out.tls13_only = written.tls().min_version() == v1::Tls::MIN_VERSION_TLS13;
  out.timeouts = merged(defaults, compile_timeouts(written.timeouts()));
  out.headers = compile_headers(written.headers());
  if (!written.client_user_agent()) {
    out.user_agent = written.user_agent().empty() ? kDefaultUserAgent : written.user_agent();
  }
  out.strategies = CULVERT_TRY(compile_strategies(in, name, written));
  out.far_tls = written.tls().at() == v1::Tls::AT_FAR;
  out.egress_proxy = CULVERT_TRY(compile_egress_proxy(in, name, written));
  out.retry = merged(default_retry(), compile_retry(written.retry()));
  if (written.retry().has_budget_percent()) {
    out.retry.budget_percent = written.retry().budget_percent();
  }
  if (written.retry().has_budget_least()) out.retry.budget_least = written.retry().budget_least();
  out.breaker = compile_breaker(written.circuit_breaker());
  out.health_check = compile_health_check(written.health_check());
  out.concurrency = compile_concurrency(written.concurrency());
  out.resume = resume_of(in.resources.relay, written);
  out.isolate_tenants = written.isolation() == v1::Upstream::ISOLATION_TENANT;
  return out;
}

}  // namespace culvert
