// Counters of relays go on over restarts of their processes (fleet/meter), so that sums of them
// never fall.
#include "control/web/fleet_metrics.h"

#include "control/web/exposition.h"

#include <algorithm>
#include <functional>

namespace culvert::control {
namespace {

using Relays = std::vector<v1::RelayStatus>;

void write_gauge(Exposition& out,
                 const Relays& relays,
                 const char* name,
                 const char* help,
                 const std::function<double(const v1::RelayStatus&)>& value) {
  out.gauge(name, help);
  for (const v1::RelayStatus& relay : relays) {
    out.sample({{"relay", relay.name()}, {"region", relay.region()}}, value(relay));
  }
}

bool in_step(const v1::RelayStatus& relay) { return relay.running_hash() == relay.desired_hash(); }

void write_states(Exposition& out, const Relays& relays) {
  write_gauge(out, relays, "culvert_relay_connected", "1 while the relay is connected.",
              [](const auto& relay) { return relay.connected() ? 1 : 0; });
  write_gauge(out, relays, "culvert_relay_in_step", "1 where the relay runs what it should.",
              [](const auto& relay) { return in_step(relay) ? 1 : 0; });
  write_gauge(out, relays, "culvert_relay_refused_items", "Items that the relay has refused.",
              [](const auto& relay) { return static_cast<double>(relay.refusals_size()); });
  write_gauge(out, relays, "culvert_relay_draining", "1 where the relay was told to drain.",
              [](const auto& relay) { return relay.drain() ? 1 : 0; });
  write_gauge(out, relays, "culvert_relay_certificate_expiry_timestamp_seconds",
              "When the relay's newest certificate ends.", [](const auto& relay) {
                return static_cast<double>(relay.certificate_until().seconds());
              });
  write_gauge(out, relays, "culvert_relay_keep_failed",
              "1 where the relay could not write its configuration to its own disk.",
              [](const auto& relay) { return relay.state().keep_failed() ? 1 : 0; });
  write_gauge(out, relays, "culvert_relay_spool_records",
              "Usage records that wait at the relay to be acknowledged.",
              [](const auto& relay) { return static_cast<double>(relay.state().spool_records()); });
  write_gauge(
      out, relays, "culvert_relay_active_requests", "Requests that are being carried.",
      [](const auto& relay) { return static_cast<double>(relay.rates().active_requests()); });
  write_gauge(out, relays, "culvert_relay_connections", "Open connections of clients.",
              [](const auto& relay) { return static_cast<double>(relay.rates().connections()); });
  write_gauge(out, relays, "culvert_relay_memory_bytes", "Resident memory.",
              [](const auto& relay) { return static_cast<double>(relay.rates().memory_bytes()); });
}

void write_counter(Exposition& out,
                   const FleetTotals& totals,
                   const std::string& what,
                   const char* help,
                   const std::function<double(const Totals&)>& value) {
  out.counter("culvert_relay_" + what, help);
  for (const auto& [relay, counted] : totals.relays) out.sample({{"relay", relay}}, value(counted));
  out.counter("culvert_fleet_" + what, help).sample({}, value(totals.all));
}

void write_counters(Exposition& out, const FleetTotals& totals) {
  write_counter(out, totals, "requests_total", "Requests that ended.",
                [](const Totals& of) { return static_cast<double>(of.requests); });
  write_counter(out, totals, "errors_total", "Requests answered by 5xx, or cut.",
                [](const Totals& of) { return static_cast<double>(of.errors); });
  write_counter(out, totals, "input_tokens_total", "Tokens that upstreams read.",
                [](const Totals& of) { return static_cast<double>(of.input_tokens); });
  write_counter(out, totals, "output_tokens_total", "Tokens that upstreams wrote.",
                [](const Totals& of) { return static_cast<double>(of.output_tokens); });
  write_counter(out, totals, "cpu_seconds_total", "Processor time of the relays.",
                [](const Totals& of) { return of.cpu_seconds; });
}

void write_upstreams(Exposition& out, const UpstreamTotals& upstreams) {
  const auto each = [&](const char* name, const char* help, uint64_t Totals::*field) {
    out.counter(name, help);
    for (const auto& [upstream, of] : upstreams) out.sample({{"upstream", upstream}}, of.*field);
  };
  each("culvert_upstream_requests_total", "Requests of the fleet that ended.", &Totals::requests);
  each("culvert_upstream_errors_total", "Answered by 5xx, or cut.", &Totals::errors);
  each("culvert_upstream_input_tokens_total", "Tokens that were read.", &Totals::input_tokens);
  each("culvert_upstream_output_tokens_total", "Tokens that were written.", &Totals::output_tokens);
}

void write_fleet(Exposition& out, const Relays& relays) {
  const auto count = [&](const auto& which) {
    return static_cast<uint64_t>(std::count_if(relays.begin(), relays.end(), which));
  };
  out.gauge("culvert_fleet_relays", "Relays that belong to the fleet.")
      .sample({}, static_cast<uint64_t>(relays.size()));
  out.gauge("culvert_fleet_relays_connected", "Relays that are connected.")
      .sample({}, count([](const auto& relay) { return relay.connected(); }));
  out.gauge("culvert_fleet_relays_in_step", "Connected relays that run what they should.")
      .sample({}, count([](const auto& relay) { return relay.connected() && in_step(relay); }));
}

void write_service(Exposition& out, const FleetFigures& figures) {
  out.gauge("culvert_control_build_info", "The version that runs.")
      .sample({{"version", figures.version}}, uint64_t{1});
  out.gauge("culvert_control_ready", "1 while the service can do its work.")
      .sample({}, uint64_t{figures.ready ? 1U : 0U});
  out.gauge("culvert_control_config_revision", "Revision of the configuration.")
      .sample({}, figures.revision);
  out.gauge("culvert_control_link_streams", "Open streams of relays.").sample({}, figures.streams);
  if (!figures.ledger_known) return;
  out.gauge("culvert_ledger_records", "Usage records in the ledger.")
      .sample({}, figures.ledger_records);
  out.counter("culvert_ledger_lost_records_total", "Usage records that relays could not keep.")
      .sample({}, figures.ledger_lost);
}

}  // namespace

std::string fleet_metrics(const FleetFigures& figures) {
  Exposition out;
  write_service(out, figures);
  write_fleet(out, figures.relays);
  write_states(out, figures.relays);
  write_counters(out, figures.totals);
  write_upstreams(out, figures.totals.upstreams);
  return out.text();
}

}  // namespace culvert::control
