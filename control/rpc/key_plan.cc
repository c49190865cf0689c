// Keys first, then for each group of them the relays; groups of one relay become one errand.
#include "control/rpc/key_plan.h"

#include "control/config/resources.h"
#include "control/fleet/catalog.h"
#include "control/fleet/limits.h"
#include "proto/words.h"
#include "relay/base/secret.h"

#include <fmt/format.h>

#include <algorithm>

namespace culvert::control {
namespace {

constexpr size_t kIdDigitsLeast = 4;

Error bad(std::string detail) {
  return Error::client(Code::kBadRequest, Stage::kNone, std::move(detail));
}
Error absent(std::string detail) {
  return Error::client(Code::kNotFound, Stage::kNone, std::move(detail));
}

// Keys that only the same relays can test.
struct Group {
  std::string pool;  // empty: plain keys
  std::string upstream;
  v1::Selector relays;
  std::vector<std::string> ids;
};

Result<void> check(const v1::VerifyKeysRequest& request) {
  const bool plain = request.plain_keys_size() > 0;
  if (plain && (!request.pool().empty() || !request.key().empty())) {
    return bad("keys of one's own are of no pool: give their upstream alone");
  }
  if (plain && request.upstream().empty()) return bad("keys of one's own need their upstream");
  if (!request.relay().empty() && (request.all_relays() || !request.region().empty())) {
    return bad("one relay is named: neither a region nor all relays go with it");
  }
  if (static_cast<size_t>(request.plain_keys_size()) > limits::kPlainKeys) {
    return bad(fmt::format("{} keys; at most {} are allowed", request.plain_keys_size(),
                           limits::kPlainKeys));
  }
  for (int i = 0; i < request.plain_keys_size(); ++i) {
    const std::string& key = request.plain_keys(i);
    if (key.size() > limits::kPlainKeyBytes) {
      return bad(fmt::format("key {}: longer than {} bytes", i + 1, limits::kPlainKeyBytes));
    }
    if (const Flaw flaw = key_flaw(key)) return bad(fmt::format("key {}: {}", i + 1, *flaw));
  }
  return {};
}

bool wanted(const v1::VerifyKeysRequest& request, const std::string& id, const std::string& key) {
  if (request.key().empty()) return true;
  const bool by_id = request.key().size() >= kIdDigitsLeast && id.starts_with(request.key());
  return by_id || mask(key) == request.key();
}

Group group_of(const v1::VerifyKeysRequest& request,
               const std::string& name,
               const v1::KeyPool& pool,
               KeyPlan* plan,
               size_t* disabled) {
  Group group{name, pool.upstream(), pool.relays(), {}};
  for (const v1::Secret& key : pool.keys()) {
    const std::string id = key_id(key.value());
    if (!wanted(request, id, key.value())) continue;
    if (std::find(pool.disabled().begin(), pool.disabled().end(), id) != pool.disabled().end()) {
      ++*disabled;
      continue;
    }
    if (plan->keys.try_emplace({name, id}, KeyPlan::Shown{pool.upstream(), mask(key.value())})
            .second) {
      group.ids.push_back(id);
    }
  }
  return group;
}

Result<std::vector<Group>> groups_of(const v1::VerifyKeysRequest& request,
                                     const ConfigState& state,
                                     KeyPlan* plan) {
  if (!request.pool().empty() && state.key_pools.count(request.pool()) == 0) {
    return absent(fmt::format("there is no KeyPool \"{}\"", request.pool()));
  }
  std::vector<Group> groups;
  size_t disabled = 0;
  for (const auto& [name, pool] : state.key_pools) {
    if (!request.pool().empty() && request.pool() != name) continue;
    if (!request.upstream().empty() && request.upstream() != pool.upstream()) continue;
    Group group = group_of(request, name, pool, plan, &disabled);
    if (!group.ids.empty()) groups.push_back(std::move(group));
  }
  if (!groups.empty()) return groups;
  if (disabled > 0) {
    return absent("every key that matches is disabled; `culvert key enable` brings one back");
  }
  if (!request.key().empty()) {
    return absent(
        "no key matches; allowed are an id of `culvert key list`, its first 4 or more "
        "digits, or the masked form");
  }
  return absent("there is no key to test");
}

std::vector<Group> plain_group(const v1::VerifyKeysRequest& request,
                               const ConfigState& state,
                               KeyPlan* plan) {
  Group group{"", request.upstream(), {}, {}};
  const auto known = state.upstreams.find(request.upstream());
  if (known != state.upstreams.end()) group.relays = known->second.relays();
  for (const std::string& key : request.plain_keys()) {
    const std::string id = key_id(key);
    if (plan->keys.try_emplace({"", id}, KeyPlan::Shown{request.upstream(), mask(key)}).second) {
      group.ids.push_back(key);
    }
  }
  return {std::move(group)};
}

bool serves(const v1::RelayStatus& relay) {
  return !relay.drain() && relay.state().phase() == v1::RelayState::PHASE_SERVING;
}

// In the order of preference: who serves, and runs what it should.
std::vector<const v1::RelayStatus*> candidates(const v1::VerifyKeysRequest& request,
                                               const std::vector<v1::RelayStatus>& relays,
                                               const std::set<std::string>& able) {
  std::vector<const v1::RelayStatus*> out;
  for (const v1::RelayStatus& relay : relays) {
    if (!request.region().empty() && relay.region() != request.region()) continue;
    const bool named = request.relay() == relay.name();
    if (!request.relay().empty() ? named : able.count(relay.name()) != 0) out.push_back(&relay);
  }
  const auto worth = [](const v1::RelayStatus* relay) {
    return 2 * serves(*relay) + (relay->running_hash() == relay->desired_hash());
  };
  std::stable_sort(out.begin(), out.end(),
                   [&](const auto* a, const auto* b) { return worth(a) > worth(b); });
  return out;
}

Error nobody(const v1::VerifyKeysRequest& request, const Group& group) {
  std::string what = group.pool.empty() ? "upstream " + group.upstream : "pool " + group.pool;
  std::string where = !request.relay().empty()    ? "relay " + request.relay()
                      : !request.region().empty() ? "a relay of region " + request.region()
                                                  : "a relay";
  return Error::client(Code::kPrecondition, Stage::kNone,
                       fmt::format("{} would have to test the keys of {}, but none is connected "
                                   "that has it and is of a version that can; `culvert relay list` "
                                   "tells which are there",
                                   where, what));
}

void add(const Group& group, const std::string& relay, KeyPlan* plan) {
  auto found = std::find_if(plan->errands.begin(), plan->errands.end(),
                            [&](const auto& errand) { return errand.relay == relay; });
  if (found == plan->errands.end()) {
    plan->errands.push_back({relay, {}});
    found = plan->errands.end() - 1;
    plan->summary.add_relays(relay);
  }
  plan->summary.set_tests(plan->summary.tests() + static_cast<uint32_t>(group.ids.size()));
  if (group.pool.empty()) {
    found->what.set_upstream(group.upstream);
    found->what.mutable_keys()->Assign(group.ids.begin(), group.ids.end());
    return;
  }
  auto* of_pool = found->what.add_pools();
  of_pool->set_pool(group.pool);
  of_pool->mutable_ids()->Assign(group.ids.begin(), group.ids.end());
}

// Without all_relays the first: the same relay for as many groups as can be.
Result<void> assign(const v1::VerifyKeysRequest& request,
                    const Group& group,
                    const std::vector<const v1::RelayStatus*>& relays,
                    KeyPlan* plan) {
  bool any = false;
  for (const v1::RelayStatus* relay : relays) {
    const Place place{relay->region(), {relay->labels().begin(), relay->labels().end()}};
    if (!selects(group.relays, place)) continue;
    if (any && !request.all_relays()) break;
    add(group, relay->name(), plan);
    any = true;
  }
  if (!any) return nobody(request, group);
  return {};
}

void describe(const v1::VerifyKeysRequest& request,
              const std::vector<Group>& groups,
              KeyPlan* plan) {
  std::set<std::string> upstreams;
  for (const Group& group : groups) {
    if (!group.pool.empty()) plan->summary.add_pools(group.pool);
    upstreams.insert(group.upstream);
  }
  plan->summary.mutable_upstreams()->Assign(upstreams.begin(), upstreams.end());
  const bool plain = request.plain_keys_size() > 0;
  plan->subject =
      plain ? "upstream " + request.upstream()
      : request.pool().empty()
          ? request.upstream().empty() ? std::string("all pools") : "pools of " + request.upstream()
          : request.pool();
  plan->detail = fmt::format("{} test{} by {}", plan->summary.tests(),
                             plan->summary.tests() == 1 ? "" : "s",
                             plan->summary.relays_size() == 1
                                 ? "relay " + plan->summary.relays(0)
                                 : fmt::format("{} relays", plan->summary.relays_size()));
  if (!plain) return;
  size_t told = 0;
  for (const auto& [name, shown] : plan->keys) {
    if (++told > 10) break;
    plan->detail += (told == 1 ? " of keys of no pool: " : ", ") + shown.masked;
  }
}

}  // namespace

Result<KeyPlan> plan_key_tests(const v1::VerifyKeysRequest& request,
                               const ConfigState& state,
                               const std::vector<v1::RelayStatus>& relays,
                               const std::set<std::string>& able) {
  CULVERT_CHECK(check(request));
  KeyPlan plan;
  const std::vector<Group> groups = request.plain_keys_size() > 0
                                        ? plain_group(request, state, &plan)
                                        : CULVERT_TRY(groups_of(request, state, &plan));
  const auto some = candidates(request, relays, able);
  if (!request.relay().empty() && some.empty())
    return absent("there is no relay " + request.relay());
  for (const Group& group : groups) CULVERT_CHECK(assign(request, group, some, &plan));
  if (plan.summary.tests() > limits::kKeyTests) {
    return bad(
        fmt::format("{} tests; at most {} are allowed at once: name a pool, a key or a relay",
                    plan.summary.tests(), limits::kKeyTests));
  }
  describe(request, groups, &plan);
  return plan;
}

v1::KeyTest key_test_of(const KeyPlan& plan, const KeyTests::Answer& answer) {
  const v1::KeyVerified& verified = answer.verified;
  v1::KeyTest test;
  test.set_pool(verified.pool());
  test.set_id(verified.id());
  const auto found = plan.keys.find({verified.pool(), verified.id()});
  if (found != plan.keys.end()) {
    test.set_upstream(found->second.upstream);
    test.set_key(found->second.masked);
  }
  test.set_relay(answer.relay);
  const bool good = verified.status() == v1::KeyVerified::STATUS_GOOD;
  const bool bad_key = verified.status() == v1::KeyVerified::STATUS_BAD;
  test.set_status(good ? "GOOD" : bad_key ? "BAD" : "ERROR");
  test.set_error(verified.error());
  return test;
}

}  // namespace culvert::control
