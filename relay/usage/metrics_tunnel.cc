// Tunnels: connections, bytes, refusals. Bytes are counted while they pass, since a tunnel may stay
// open for days.
#include "relay/usage/metrics.h"
#include "relay/usage/metrics_state.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>

namespace culvert {
namespace {

prometheus::Counter& counter(prometheus::Registry& registry,
                             const char* name,
                             const char* help,
                             const prometheus::Labels& labels) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add(labels);
}

constexpr const char* kBytesName = "culvert_tunnel_bytes_total";
constexpr const char* kBytesHelp = "Bytes that tunnels carried: in from clients, out to them.";

}  // namespace

Metrics::OfTunnel& Metrics::tunnel(const std::string& name) {
  const std::lock_guard lock(state_->mutex);
  auto& found = state_->tunnels[name];
  if (found == nullptr) found = std::make_unique<OfTunnel>(state_->registry, name);
  return *found;
}

Metrics::OfTunnel::OfTunnel(prometheus::Registry& registry, const std::string& name)
    : registry_(registry),
      name_(name),
      active_(prometheus::BuildGauge()
                  .Name("culvert_tunnel_active")
                  .Help("Connections of tunnels that are open to both sides.")
                  .Register(registry)
                  .Add({{"tunnel", name}})),
      bytes_in_(counter(registry, kBytesName, kBytesHelp, {{"tunnel", name}, {"direction", "in"}})),
      bytes_out_(
          counter(registry, kBytesName, kBytesHelp, {{"tunnel", name}, {"direction", "out"}})) {}

void Metrics::OfTunnel::opened() { active_.Increment(); }

void Metrics::OfTunnel::passed(uint64_t in, uint64_t out) {
  bytes_in_.Increment(static_cast<double>(in));
  bytes_out_.Increment(static_cast<double>(out));
}

void Metrics::OfTunnel::closed(Outcome outcome) {
  active_.Decrement();
  counter(registry_, "culvert_tunnel_connections_total",
          "Connections of tunnels that were open to both sides, by how they ended.",
          {{"tunnel", name_}, {"outcome", std::string(to_string(outcome))}})
      .Increment();
}

void Metrics::OfTunnel::refused(Code code) {
  counter(registry_, "culvert_tunnel_refused_total",
          "Connections that did not come through; of no tunnel's, the label is none.",
          {{"tunnel", name_}, {"reason", std::string(to_string(code))}})
      .Increment();
}

}  // namespace culvert
