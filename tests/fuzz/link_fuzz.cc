// Any bytes as what a relay sends to the control service. The first chooses the stream; messages
// follow, each behind two bytes of its length. Whatever is said, the service stays within its
// bounds and its order: a Welcome first, and only types that the relay named.
#include "control/fleet/bounds.h"
#include "control/fleet/dialogue.h"
#include "control/fleet/limits.h"
#include "control/fleet/registry.h"
#include "relay/base/log.h"
#include "tests/fakes/cpp/control_parts.h"
#include "tests/fakes/cpp/memory_store.h"
#include "tests/fuzz/fuzz.h"

#include <algorithm>
#include <set>

namespace culvert::test {
namespace {

using control::Dialogue;

const Authority& authority() {
  static const Authority made = [] {
    log::set_level(log::Level::kError);
    const FakeClock clock;
    return *make_authority("fleet", clock.wall(), clock.wall() + std::chrono::hours(24));
  }();
  return made;
}

template <class Message>
std::vector<Message> messages(std::string_view input) {
  std::vector<Message> all;
  while (input.size() >= 2) {
    const size_t wanted =
        static_cast<unsigned char>(input[0]) * 256U + static_cast<unsigned char>(input[1]);
    const size_t size = std::min(wanted, input.size() - 2);
    Message message;
    // gRPC ends a stream whose message cannot be parsed.
    if (!message.ParseFromArray(input.data() + 2, static_cast<int>(size))) break;
    all.push_back(std::move(message));
    input.remove_prefix(2 + size);
  }
  return all;
}

// One relay of a fleet that has something of each type for it.
struct Fleet {
  Fleet() {
    v1::StoredRelay relay;
    relay.add_certificates()->set_serial("01");
    require(store.commit({}, {{"fleet/relay/edge", relay.SerializeAsString()}}).has_value(), "set");
    require(roster.refresh().has_value(), "read");
    configuration.change([](control::ConfigState* state) {
      state->upstreams["u"].set_user_agent("agent");
      state->key_pools["k"].set_upstream("u");
      state->tokens["t"].set_tenant("acme");
      state->routes["r"].add_to()->set_upstream("u");
    });
  }
  FakeClock clock;
  MemoryStore store;
  ChangingConfiguration configuration;
  RememberedAudit audit;
  control::Roster roster{store};
  control::JoinTokens tokens{store, clock};
  control::Attendance attendance;
  control::Targets targets{configuration, roster};
  control::Switchboard switchboard;
  SeededRandom random{1};
  control::KeyTests key_tests{switchboard, clock, random};
  control::Registry registry{{roster, tokens, attendance, targets, switchboard, clock}, "00"};
  control::Enrolment enrolment{{store, roster, tokens, audit, clock}, authority(), {"localhost"}};
};

void check_said(const std::vector<v1::SyncDown>& said,
                bool first,
                const std::set<std::string>& types) {
  if (first && !said.empty()) require(said[0].has_welcome(), "began without a Welcome");
  for (const v1::SyncDown& message : said) {
    require(message.ByteSizeLong() < 1024 * 1024, "a message beyond its bound");
    if (!message.has_update()) continue;
    require(types.count(message.update().type()) > 0, "sent a type that the relay does not know");
  }
}

void sync(std::string_view input) {
  Fleet fleet;
  Dialogue dialogue({fleet.roster, fleet.attendance, fleet.enrolment, fleet.targets,
                     fleet.key_tests, fleet.clock, control::default_link_times()},
                    {"edge", "01", "192.0.2.1"}, 1);
  std::set<std::string> types;
  bool began = false;
  for (const v1::SyncUp& message : messages<v1::SyncUp>(input)) {
    if (!dialogue.hear(message)) break;
    if (message.has_hello())
      types = {message.hello().types().begin(), message.hello().types().end()};
    const auto said = dialogue.speak();
    if (!said) break;
    require(began || message.has_hello(), "heard something before the Hello");
    check_said(*said, !began, types);
    began = true;
    fleet.clock.advance(std::chrono::seconds(7));
    fleet.configuration.change([&](control::ConfigState* state) {
      state->routes.erase("r");
      state->routes["r" + std::to_string(state->generation)].set_auth(true);
    });
  }
  const auto status = fleet.registry.relays("edge");
  require(status.has_value() && status->size() == 1, "the relay is not shown");
  v1::RelayStatus read;
  require(read.ParseFromString(status->front().SerializeAsString()), "what is shown is no message");
}

void metrics(std::string_view input) {
  control::Meter meter;
  uint64_t requests = 0;
  for (const v1::MetricsReport& report : messages<v1::MetricsReport>(input)) {
    if (!control::check(report)) break;
    meter.add(report);
    require(meter.rates().has_value(), "no rates after a report");
    // Counters of a relay may wrap the sum, which only a broken one does; else they only rise.
    const bool sane = report.requests() < (uint64_t{1} << 48);
    if (!sane) break;
    require(meter.totals().requests >= requests, "a total fell");
    requests = meter.totals().requests;
  }
}

void ledger(std::string_view input) {
  for (v1::LedgerBatch& batch : messages<v1::LedgerBatch>(input)) {
    const int before = batch.records_size();
    const auto left_out = control::trim(&batch);
    if (!left_out) continue;
    require(before == batch.records_size() + static_cast<int>(*left_out),
            "records were miscounted");
    for (const v1::UsageRecord& record : batch.records()) {
      require(record.id().size() == 32, "an id of another size was kept");
      require(record.model().size() <= control::limits::kLedgerTextBytes, "a word was not cut");
    }
    v1::LedgerBatch read;
    require(read.ParseFromString(batch.SerializeAsString()), "a character was cut in two");
  }
}

}  // namespace
}  // namespace culvert::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert::test;  // NOLINT(google-build-using-namespace)
  std::string_view input = text(data, size);
  if (input.empty()) return 0;
  const char stream = input.front();
  input.remove_prefix(1);
  if (stream == 'm') {
    metrics(input);
  } else if (stream == 'l') {
    ledger(input);
  } else {
    sync(input);
  }
  return 0;
}
