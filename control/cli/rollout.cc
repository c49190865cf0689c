// On the service's stream of relays' states.
#include "control/cli/rollout.h"

#include "control/cli/display.h"
#include "control/cli/progress.h"
#include "control/cli/table.h"

#include <fmt/format.h>

#include <algorithm>

namespace culvert::cli {
namespace {

using What = RelayOutcome::What;

size_t count(const std::vector<RelayOutcome>& outcomes, What what) {
  return static_cast<size_t>(
      std::count_if(outcomes.begin(), outcomes.end(),
                    [what](const RelayOutcome& outcome) { return outcome.what == what; }));
}

std::string names(const std::vector<RelayOutcome>& outcomes, What what) {
  constexpr size_t kMost = 10;
  std::string out;
  size_t shown = 0;
  for (const RelayOutcome& outcome : outcomes) {
    if (outcome.what != what || ++shown > kMost) continue;
    out += (out.empty() ? "" : ", ") + clean(outcome.name);
  }
  return shown > kMost ? out + fmt::format(" and {} more", shown - kMost) : out;
}

std::string relays(size_t number) {
  return number == 1 ? "1 relay" : fmt::format("{} relays", number);
}

}  // namespace

RelayOutcome outcome_of(const v1::RelayStatus& relay, uint64_t revision) {
  RelayOutcome outcome{relay.name(), What::kSilent, {}};
  outcome.refusals.assign(relay.refusals().begin(), relay.refusals().end());
  if (!relay.connected())
    outcome.what = What::kAway;
  else if (relay.desired_hash() == relay.running_hash())
    outcome.what = What::kRuns;
  else if (!outcome.refusals.empty() && relay.running_revision() >= revision)
    outcome.what = What::kRefused;
  return outcome;
}

Result<std::vector<RelayOutcome>> await_relays(Session* session,
                                               const Terminal& terminal,
                                               uint64_t revision,
                                               Duration most) {
  Progress progress(terminal, "waiting for relays");
  v1::WatchRelaysRequest request;
  request.mutable_interval()->set_nanos(200'000'000);
  std::vector<RelayOutcome> outcomes;
  CULVERT_CHECK(session->follow(
      request, {},
      [&](const v1::ListRelaysReply& reply) {
        outcomes.clear();
        for (const auto& relay : reply.relays()) outcomes.push_back(outcome_of(relay, revision));
        const size_t silent = count(outcomes, What::kSilent);
        progress.say("waiting for " + relays(silent) + " to run revision " +
                     std::to_string(revision) + ": " + names(outcomes, What::kSilent));
        return silent > 0 || reply.revision() < revision;
      },
      most));
  // Time is up for who is silent; what it refused of this or an earlier change is its answer.
  for (RelayOutcome& outcome : outcomes) {
    if (outcome.what == What::kSilent && !outcome.refusals.empty()) outcome.what = What::kRefused;
  }
  return outcomes;
}

std::string in_words(const std::vector<RelayOutcome>& outcomes, uint64_t revision, bool colours) {
  std::string out;
  if (const size_t run = count(outcomes, What::kRuns); run > 0) {
    out += relays(run) + fmt::format(" {} revision {}\n", run == 1 ? "runs" : "run", revision);
  }
  if (const size_t away = count(outcomes, What::kAway); away > 0) {
    out += relays(away) + (away == 1 ? " is" : " are") +
           " away and will get it later: " + names(outcomes, What::kAway) + "\n";
  }
  if (const size_t silent = count(outcomes, What::kSilent); silent > 0) {
    out += painted(relays(silent) + (silent == 1 ? " has" : " have") +
                       " not said so yet: " + names(outcomes, What::kSilent),
                   Colour::kYellow, colours) +
           "\n";
  }
  for (const RelayOutcome& outcome : outcomes) {
    if (outcome.what != What::kRefused) continue;
    for (const v1::Refusal& refusal : outcome.refusals) {
      out += painted("refused by relay " + clean(outcome.name) + ":", Colour::kRed, colours) + " " +
             clean(refusal.kind() + " " + refusal.name() + ": " + refusal.message()) + "\n";
    }
  }
  return out;
}

Value value_of(const std::vector<RelayOutcome>& outcomes) {
  static constexpr const char* kWords[] = {"runs", "refused", "silent", "away"};
  Value::List list;
  for (const RelayOutcome& outcome : outcomes) {
    Value::List refusals;
    for (const v1::Refusal& refusal : outcome.refusals) refusals.push_back(value_of(refusal));
    list.push_back({Value::Map{{"name", {outcome.name}},
                               {"state", {std::string(kWords[static_cast<size_t>(outcome.what)])}},
                               {"refusals", {std::move(refusals)}}}});
  }
  return {std::move(list)};
}

bool any_refused(const std::vector<RelayOutcome>& outcomes) {
  return count(outcomes, What::kRefused) > 0;
}

}  // namespace culvert::cli
