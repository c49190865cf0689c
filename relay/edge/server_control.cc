// The server under a control service: what it sends is merged with the file, taken into use as a
// reload is, and what the relay is and counts is told back.
#include "relay/base/json_writer.h"
#include "relay/base/limits.h"
#include "relay/base/log.h"
#include "relay/base/service_manager.h"
#include "relay/base/version.h"
#include "relay/edge/health_report.h"
#include "relay/edge/server.h"
#include "relay/edge/system.h"

#include <algorithm>

namespace culvert {
namespace {

constexpr auto kControlLook = std::chrono::milliseconds(100);

template <class Counters>
void copy_counts(const Metrics::Summary::OfOne& from, Counters* to) {
  to->set_requests(from.requests);
  to->set_errors(from.errors);
  to->set_input_tokens(from.input_tokens);
  to->set_output_tokens(from.output_tokens);
}

}  // namespace

// The file first, alone: an error in it is the operator's here, and ends the start.
Result<void> Server::load_configuration() {
  auto identity = CULVERT_TRY(load_identity(source_));
  local_ = CULVERT_TRY(load_resources(source_, identity ? &*identity : nullptr));
  CULVERT_CHECK(try_resources(local_));
  if (identity) {
    const std::string state_dir = CULVERT_TRY(state_dir_of(source_));
    attachment_ = std::make_unique<Attachment>(
        *std::move(identity), state_dir,
        Attachment::Parts{clock_, random_, static_cast<AttachmentOwner&>(*this),
                          [this](std::function<void()> task) { loop_.post(std::move(task)); },
                          [this](v1::MetricsReport* report) { fill_report(report); }});
    take_identity();
    attachment_->settle(local_);
  }
  table_ = CULVERT_TRY(merged_table());
  report_table_ = table_;
  certificate_stamp_ = stamp_of(table_->snapshot());
  return {};
}

Result<std::shared_ptr<const Table>> Server::merged_table() {
  std::vector<std::string> warnings;
  auto snapshot = CULVERT_TRY(compile_resources(
      attachment_ == nullptr ? local_ : attachment_->merged(local_), source_, &warnings));
  for (const std::string& warning : warnings) log::warn(warning);
  return Table::build(std::move(snapshot), table_parts_);
}

Result<void> Server::try_resources(const Resources& whole) {
  std::vector<std::string> warnings;
  auto snapshot = CULVERT_TRY(compile_resources(whole, source_, &warnings));
  if (auto table = Table::build(std::move(snapshot), table_parts_); !table) {
    return std::move(table).error();
  }
  return {};
}

void Server::on_remote_changed() {
  auto table = merged_table();
  if (!table) {
    log::error("the control service's configuration cannot be used, the old one stays",
               {{"error", table.error().detail}});
    return;
  }
  publish(std::move(table).value());
}

// Running requests finish; new ones are answered by 503, so that a client that does not ask for
// readiness learns it too. Listeners stay open: undrain brings all of it back.
void Server::on_drain_command(bool drain) {
  if (process_.held.exchange(drain) == drain) return;
  log::info(drain ? "drained by command" : "takes requests again, by command");
  metrics_.set_ready(process_.takes_traffic());
  attachment_->tell(relay_state());
}

void Server::take_identity() {
  const Identity& own = attachment_->identity();
  table_parts_.fleet = FleetIdentity{own.name, own.certificate, own.key, own.authority};
}

void Server::on_identity_renewed() {
  take_identity();
  on_remote_changed();
}

void Server::on_control_state() { look_at_control(); }

// A relay that has no configuration of its service yet, not even a kept one, waits for it a moment
// before it says that it is ready.
void Server::attach() {
  if (attachment_ == nullptr) return become_ready();
  ready_at_latest_ = clock_.now() + table_->settings().control_first_wait;
  control_timer_ = std::make_unique<Timer>(loop_, [this] { look_at_control(); });
  attachment_->connect(table_->settings().control, relay_state(),
                       table_->settings().control_max_age,
                       accounts_ == nullptr ? nullptr : accounts_->source());
  if (attachment_->has_configuration()) become_ready();
  look_at_control();
}

void Server::look_at_control() {
  control_timer_->start(kControlLook);
  attachment_->look();
  if (!process_.ready.load()) {
    const bool late = clock_.now() >= ready_at_latest_;
    if (late) log::warn("ready without a configuration of the control service: it does not answer");
    if (late || attachment_->settled()) become_ready();
  }
  const bool keep_failed = attachment_->keep_failed();
  metrics_.set_control({.connected = attachment_->connected(),
                        .from_cache = attachment_->from_cache(),
                        .stale = attachment_->stale(),
                        .age_seconds = seconds(attachment_->age()),
                        .revision = attachment_->revision().value_or(0),
                        .refused_items = attachment_->refused(),
                        .keep_failed = keep_failed});
  if (std::exchange(told_keep_failed_, keep_failed) != keep_failed) {
    attachment_->tell(relay_state());
  }
}

void Server::become_ready() {
  process_.ready.store(true);
  metrics_.set_ready(process_.takes_traffic());
  notify_service_manager("READY=1");
  log::info("ready", {{"version", kVersion},
                      {"workers", workers_.size()},
                      {"upstreams", table_->snapshot().upstreams.size()},
                      {"pools", table_->snapshot().pools.size()},
                      {"routes", table_->snapshot().routes.size()}});
}

v1::RelayState Server::relay_state() const {
  v1::RelayState state;
  state.set_phase(process_.draining.load() ? v1::RelayState::PHASE_STOPPING
                  : process_.held.load()   ? v1::RelayState::PHASE_DRAINING
                                           : v1::RelayState::PHASE_SERVING);
  to_proto(process_.started, state.mutable_started());
  const auto& listen = table_->settings().listen;
  for (size_t i = 0; i < std::min(listen.size(), addresses_.size()); ++i) {
    state.add_listening((listen[i].tls ? "https://" : "http://") + addresses_[i].text());
  }
  for (const TunnelListener& listener : table_->snapshot().tunnel_listeners) {
    const auto found = tunnel_addresses_.find(tunnel_listener_key(listener));
    if (found == tunnel_addresses_.end()) continue;
    state.add_listening(listener.text.substr(0, 6) + found->second.text());
  }
  if (peer_address_) {
    const std::string& told = table_->settings().peer_advertise;
    state.set_peer_address(told.empty() ? peer_address_->text() : told);
    state.add_listening("peer://" + peer_address_->text());
  }
  state.set_from_cache(attachment_ != nullptr && attachment_->from_cache());
  state.set_keep_failed(attachment_ != nullptr && attachment_->keep_failed());
  if (accounts_ != nullptr) {
    const SpoolCounts spool = accounts_->counts();
    state.set_spool_records(spool.records);
    state.set_spool_lost(spool.lost);
  }
  return state;
}

// On a thread of the link: what it reads is safe on any thread, or held by the mutex.
void Server::fill_report(v1::MetricsReport* report) const {
  std::shared_ptr<const Table> table;
  {
    const std::lock_guard lock(report_mutex_);
    table = report_table_;
  }
  const Metrics::Summary summary = metrics_.summary();
  to_proto(clock_.wall(), report->mutable_time());
  copy_counts(summary.all, report);
  report->set_active_requests(
      static_cast<uint64_t>(std::max<int64_t>(metrics_.active_requests(), 0)));
  report->set_connections(summary.connections);
  for (const double bound : summary.first_token_bounds) {
    report->mutable_first_token()->add_bounds(bound);
  }
  for (const uint64_t count : summary.first_token_counts) {
    report->mutable_first_token()->add_counts(count);
  }
  report->mutable_first_token()->set_sum(summary.first_token_sum);
  for (const auto& [name, counts] : summary.upstreams) {
    v1::UpstreamCounters* upstream = report->add_upstreams();
    upstream->set_upstream(name);
    copy_counts(counts, upstream);
  }
  for (const auto& [name, pool] : table->pools()) {
    for (size_t i = 0; i < pool->size(); ++i) {
      v1::KeyCondition* key = report->add_keys();
      key->set_upstream(pool->upstream());
      key->set_key(pool->masked(i));
      key->set_state(std::string(to_string(pool->health(i))));
    }
  }
  fill_health(*table, report);
  const ProcessUse use = process_use();
  report->set_memory_bytes(use.memory_bytes);
  report->set_cpu_seconds(use.cpu_seconds);
}

AdminAnswer Server::readiness() const {
  const bool ready = process_.takes_traffic();
  const char* control = attachment_ == nullptr             ? "none"
                        : attachment_->connected()         ? "connected"
                        : attachment_->has_configuration() ? "cached"
                                                           : "none";
  JsonWriter json;
  json.begin_object().field("ready", ready);
  json.field("draining", process_.draining.load() || process_.held.load());
  json.field("control", control);
  if (attachment_ != nullptr) {
    if (const auto revision = attachment_->revision()) json.field("revision", *revision);
    json.field("stale", attachment_->stale());
  }
  json.end_object();
  return {ready ? 200 : 503, "application/json", json.take() + '\n'};
}

}  // namespace culvert
