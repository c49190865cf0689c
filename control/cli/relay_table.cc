// Sums are of what adds up: rates, counts, memory; of percentiles only the largest is told.
#include "control/cli/relay_table.h"

#include "control/cli/display.h"
#include "control/cli/relay_health.h"
#include "control/cli/times.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

namespace culvert::cli {
namespace {

std::string rate(double value) {
  return value >= 100 || value == 0 ? fmt::format("{:.0f}", value) : fmt::format("{:.1f}", value);
}

std::string first_token(const v1::Rates& rates) {
  const auto ms = [](bool known, double value) {
    return known ? fmt::format("{:.0f}", value) : std::string("-");
  };
  return ms(rates.has_first_token_p50_ms(), rates.first_token_p50_ms()) + "/" +
         ms(rates.has_first_token_p95_ms(), rates.first_token_p95_ms());
}

std::string seen(const v1::RelayStatus& relay, WallTime now) {
  if (!relay.has_last_seen()) return "never";
  const std::string span = shown_span(now - from_proto(relay.last_seen()));
  return span == "now" ? span : span + " ago";
}

std::vector<const v1::RelayStatus*> sorted(const v1::ListRelaysReply& reply, TopOrder order) {
  const auto weight = [order](const v1::RelayStatus* relay) -> double {
    const v1::Rates& rates = relay->rates();
    switch (order) {
      case TopOrder::kName:
        return 0;
      case TopOrder::kRequests:
        return rates.requests_per_second();
      case TopOrder::kStreams:
        return static_cast<double>(rates.active_requests());
      case TopOrder::kErrors:
        return rates.errors_per_second();
      case TopOrder::kFirstToken:
        return rates.first_token_p95_ms();
      case TopOrder::kTokens:
        return rates.tokens_per_second();
      case TopOrder::kMemory:
        return static_cast<double>(rates.memory_bytes());
      case TopOrder::kCpu:
        return rates.cpu_share();
    }
    return 0;
  };
  std::vector<const v1::RelayStatus*> relays;
  for (const auto& relay : reply.relays()) relays.push_back(&relay);
  std::stable_sort(relays.begin(), relays.end(), [&](auto* a, auto* b) {
    const double left = weight(a), right = weight(b);
    return left != right ? left > right : a->name() < b->name();
  });
  return relays;
}

void add_to(v1::Rates* sum, const v1::Rates& rates) {
  sum->set_requests_per_second(sum->requests_per_second() + rates.requests_per_second());
  sum->set_errors_per_second(sum->errors_per_second() + rates.errors_per_second());
  sum->set_active_requests(sum->active_requests() + rates.active_requests());
  sum->set_connections(sum->connections() + rates.connections());
  sum->set_tokens_per_second(sum->tokens_per_second() + rates.tokens_per_second());
  sum->set_memory_bytes(sum->memory_bytes() + rates.memory_bytes());
  sum->set_cpu_share(sum->cpu_share() + rates.cpu_share());
  if (rates.has_first_token_p50_ms()) {
    sum->set_first_token_p50_ms(std::max(sum->first_token_p50_ms(), rates.first_token_p50_ms()));
  }
  if (rates.has_first_token_p95_ms()) {
    sum->set_first_token_p95_ms(std::max(sum->first_token_p95_ms(), rates.first_token_p95_ms()));
  }
}

void add_rates(const v1::Rates& rates, std::vector<Cell>* cells) {
  const double errors = rates.errors_per_second();
  cells->emplace_back(rate(rates.requests_per_second()));
  cells->emplace_back(std::to_string(rates.active_requests()));
  cells->emplace_back(rate(errors), errors > 0 ? Colour::kRed : Colour::kNone);
  cells->emplace_back(first_token(rates));
  cells->emplace_back(rate(rates.tokens_per_second()));
  cells->emplace_back(shown_bytes(rates.memory_bytes()));
  cells->emplace_back(fmt::format("{:.0f}%", rates.cpu_share() * 100));
}

}  // namespace

Cell state_cell(const v1::RelayStatus& relay) {
  if (!relay.connected()) return {"away", Colour::kRed};
  if (relay.state().phase() == v1::RelayState::PHASE_STOPPING) return {"stopping", Colour::kYellow};
  const bool drains = relay.drain() || relay.state().phase() == v1::RelayState::PHASE_DRAINING;
  if (drains) return {"draining", Colour::kYellow};
  return {"serving", Colour::kGreen};
}

Cell step_cell(const v1::RelayStatus& relay) {
  if (relay.desired_hash() == relay.running_hash()) return {"yes", Colour::kNone};
  if (relay.refusals_size() > 0) return {"refused", Colour::kRed};
  return {"no", Colour::kYellow};
}

std::string short_hash(std::string_view bytes) {
  std::string out;
  for (const char c : bytes.substr(0, 4)) out += fmt::format("{:02x}", static_cast<uint8_t>(c));
  return out.empty() ? "-" : out;
}

std::string shown_bytes(uint64_t bytes) {
  static constexpr std::array<const char*, 5> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (bytes < 1024) return fmt::format("{}B", bytes);
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  while (value >= 1023.5 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return value < 9.95 ? fmt::format("{:.1f}{}", value, kUnits[unit])
                      : fmt::format("{:.0f}{}", value, kUnits[unit]);
}

TopOrder top_order(std::string_view word) {
  static constexpr std::pair<std::string_view, TopOrder> kWords[] = {
      {"requests", TopOrder::kRequests}, {"streams", TopOrder::kStreams},
      {"errors", TopOrder::kErrors},     {"ttft", TopOrder::kFirstToken},
      {"tokens", TopOrder::kTokens},     {"memory", TopOrder::kMemory},
      {"cpu", TopOrder::kCpu},
  };
  for (const auto& [each, order] : kWords) {
    if (each == word) return order;
  }
  return TopOrder::kName;
}

TopOrder top_order(char key, TopOrder otherwise) {
  static constexpr std::pair<char, TopOrder> kKeys[] = {
      {'n', TopOrder::kName},   {'r', TopOrder::kRequests},   {'s', TopOrder::kStreams},
      {'e', TopOrder::kErrors}, {'f', TopOrder::kFirstToken}, {'t', TopOrder::kTokens},
      {'m', TopOrder::kMemory}, {'c', TopOrder::kCpu},
  };
  for (const auto& [each, order] : kKeys) {
    if (each == key) return order;
  }
  return otherwise;
}

std::string relay_list_text(const v1::ListRelaysReply& reply, WallTime now, bool colours) {
  Table table(
      {"NAME", "REGION", "STATE", "VERSION", ">REVISION", "IN STEP", "RUNNING", "SEEN", "ADDRESS"});
  for (const auto& relay : reply.relays()) {
    table.add({relay.name(), relay.region(), state_cell(relay), relay.version(),
               std::to_string(relay.running_revision()), step_cell(relay),
               short_hash(relay.running_hash()), seen(relay, now), relay.address()});
  }
  if (table.empty())
    return "no relay has joined yet: culvert relay join-token makes a token for it\n";
  return table.text(colours);
}

std::string relay_text(const v1::RelayStatus& relay, WallTime now, bool colours) {
  Table table({"", ""});
  const auto add = [&table](std::string_view name, const Cell& cell) {
    table.add({Cell(name, Colour::kBold), cell});
  };
  add("name", relay.name());
  add("region", relay.region().empty() ? "-" : relay.region());
  for (const auto& [key, value] : relay.labels()) add("label", key + "=" + value);
  add("state", state_cell(relay));
  for (const auto& url : relay.state().listening()) add("listens", url);
  add("version", relay.version());
  add("address", relay.address());
  if (!relay.peer_address().empty()) add("peer address", relay.peer_address());
  add("seen", seen(relay, now));
  add("joined", shown_time(relay.has_joined(), relay.joined()));
  add("certificate until", shown_time(relay.has_certificate_until(), relay.certificate_until()));
  add("in step", step_cell(relay));
  add("desired", short_hash(relay.desired_hash()));
  add("running",
      short_hash(relay.running_hash()) + fmt::format(" of revision {}", relay.running_revision()));
  if (relay.state().from_cache()) add("source", "its last known good, from its own disk");
  if (relay.state().keep_failed()) {
    add("cache", Cell("cannot be written: its disk has an older configuration", Colour::kRed));
  }
  if (relay.state().spool_lost() > 0) {
    add("usage lost", Cell(std::to_string(relay.state().spool_lost()) + " records", Colour::kRed));
  }
  for (const auto& refusal : relay.refusals()) {
    add("refused",
        Cell(refusal.kind() + " " + refusal.name() + ": " + refusal.message(), Colour::kRed));
  }
  for (const auto& [name, cell] : health_rows(relay, now)) add(name, cell);
  if (relay.has_rates()) {
    const v1::Rates& rates = relay.rates();
    add("requests/s", rate(rates.requests_per_second()));
    add("streams", std::to_string(rates.active_requests()));
    add("connections", std::to_string(rates.connections()));
    add("errors/s", rate(rates.errors_per_second()));
    add("first token p50/p95", first_token(rates) + " ms");
    add("tokens/s", rate(rates.tokens_per_second()));
    add("memory", shown_bytes(rates.memory_bytes()));
    add("cpu", fmt::format("{:.0f}%", rates.cpu_share() * 100));
  }
  return table.rows_text(colours);
}

std::string top_text(const v1::ListRelaysReply& reply, TopOrder order, bool colours) {
  Table table({"RELAY", "REGION", "STATE", "IN STEP", ">REQ/S", ">STREAMS", ">ERR/S",
               ">TTFT P50/P95", ">TOKENS/S", ">MEMORY", ">CPU"});
  v1::Rates sum;
  int in_step = 0, connected = 0;
  for (const v1::RelayStatus* relay : sorted(reply, order)) {
    std::vector<Cell> cells = {relay->name(), relay->region(), state_cell(*relay),
                               step_cell(*relay)};
    in_step += relay->connected() && relay->desired_hash() == relay->running_hash() ? 1 : 0;
    connected += relay->connected() ? 1 : 0;
    if (relay->connected() && relay->has_rates()) {
      add_rates(relay->rates(), &cells);
      add_to(&sum, relay->rates());
    } else {
      for (int i = 0; i < 7; ++i) cells.emplace_back("-");
    }
    table.add(std::move(cells));
  }
  std::vector<Cell> total = {fmt::format("{} relays", reply.relays_size()), "",
                             fmt::format("{} there", connected), fmt::format("{} yes", in_step)};
  add_rates(sum, &total);
  for (Cell& cell : total) cell.colour = Colour::kBold;
  table.add(std::move(total));
  return table.text(colours);
}

}  // namespace culvert::cli
