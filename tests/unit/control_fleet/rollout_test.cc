// From what a relay holds to what it should run. A model relay applies what it is sent and holds
// the service to the order: nothing goes before all that is new was acknowledged.
#include "control/fleet/rollout.h"

#include "control/fleet/peers.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace culvert::control {
namespace {

constexpr size_t kMessageBytes = 1024 * 1024;

std::shared_ptr<const Target> target_of(const ConfigState& state,
                                        const Roster::Relays& relays = {}) {
  const Peers peers = compile_peers(relays);
  return std::make_shared<const Target>(
      with_items(select(compile_catalog(state), {}), kPeerType, peers.items, peers.hash));
}

Roster::Relay relay_at(const std::string& address) {
  v1::StoredRelay relay;
  relay.set_peer_address(address);
  return std::make_shared<const v1::StoredRelay>(relay);
}

ConfigState some(uint64_t generation = 1) {
  ConfigState state;
  state.generation = generation;
  state.upstreams["u"].set_user_agent("agent");
  state.key_pools["k"].set_upstream("u");
  state.tokens["t"].set_tenant("acme");
  state.routes["r"].add_to()->set_upstream("u");
  return state;
}

// What a relay holds, by type and name.
class ModelRelay {
 public:
  v1::Hello hello() const {
    v1::Hello hello;
    for (const std::string_view type : kTypeNames) hello.add_types(std::string(type));
    for (const auto& [type, items] : held) {
      v1::Inventory* inventory = hello.add_have();
      inventory->set_type(type);
      for (const auto& [name, spec] : items) {
        v1::ItemHash* item = inventory->add_items();
        item->set_name(name);
        item->set_hash(to_bytes(item_hash(spec)));
      }
    }
    return hello;
  }
  void apply(const v1::TypeUpdate& update) {
    EXPECT_LT(update.ByteSizeLong(), kMessageBytes);
    for (const v1::Item& item : update.upserts()) held[update.type()][item.name()] = item.spec();
    for (const std::string& name : update.removes()) held[update.type()].erase(name);
  }
  // Runs a rollout to its end; what was sent, as "+upstream", "-route".
  std::vector<std::string> follow(Rollout& rollout) {
    std::vector<std::string> said;
    while (true) {
      const auto updates = rollout.next();
      if (updates.empty()) break;
      for (const v1::TypeUpdate& update : updates) {
        apply(update);
        said.push_back((update.upserts_size() > 0 ? "+" : "-") + update.type());
      }
      EXPECT_TRUE(rollout.next().empty()) << "sent more before the acknowledgements";
      for (const v1::TypeUpdate& update : updates) {
        EXPECT_EQ(rollout.acknowledge(ack(update)), !update.more());
      }
    }
    EXPECT_TRUE(rollout.settled());
    return said;
  }
  static v1::TypeAck ack(const v1::TypeUpdate& update) {
    v1::TypeAck ack;
    ack.set_type(update.type());
    ack.set_version(update.version());
    ack.set_nonce(update.nonce());
    return ack;
  }

  std::map<std::string, std::map<std::string, std::string>> held;
};

TEST(Rollout, SendsAllToAnEmptyRelayInTheOrderOfNeed) {
  ModelRelay relay;
  Rollout rollout(relay.hello());
  rollout.aim(target_of(some()));
  EXPECT_EQ(relay.follow(rollout),
            (std::vector<std::string>{"+upstream", "+key_pool", "+token", "+route"}));
  EXPECT_EQ(relay.held["token"].count("t"), 1U);
}

TEST(Rollout, SendsNothingToARelayThatHasAll) {
  ModelRelay relay;
  Rollout first(relay.hello());
  first.aim(target_of(some()));
  relay.follow(first);
  // A reconnect, and a restart of the service: the same content under another generation.
  Rollout second(relay.hello());
  second.aim(target_of(some(99)));
  EXPECT_TRUE(second.next().empty());
  EXPECT_TRUE(second.settled());
}

TEST(Rollout, SendsOnlyWhatChanged) {
  ModelRelay relay;
  ConfigState state = some();
  state.routes["other"].add_to()->set_upstream("u");
  Rollout rollout(relay.hello());
  rollout.aim(target_of(state));
  relay.follow(rollout);
  state.generation = 2;
  state.routes["other"].set_auth(true);
  rollout.aim(target_of(state));
  const auto updates = rollout.next();
  ASSERT_EQ(updates.size(), 1U);
  ASSERT_EQ(updates[0].upserts_size(), 1);
  EXPECT_EQ(updates[0].upserts(0).name(), "other");
  EXPECT_EQ(updates[0].version(), 2U);
  EXPECT_EQ(updates[0].removes_size(), 0);
}

TEST(Rollout, MakesBeforeItBreaks) {
  ModelRelay relay;
  Rollout rollout(relay.hello());
  rollout.aim(target_of(some()));
  relay.follow(rollout);
  ConfigState next;
  next.generation = 2;
  next.upstreams["u2"].set_user_agent("agent");
  next.routes["r2"].add_to()->set_upstream("u2");
  rollout.aim(target_of(next));
  EXPECT_EQ(relay.follow(rollout), (std::vector<std::string>{"+upstream", "+route", "-route",
                                                             "-token", "-key_pool", "-upstream"}));
  EXPECT_EQ(relay.held["upstream"].size(), 1U);
  EXPECT_TRUE(relay.held["key_pool"].empty());
}

TEST(Rollout, TurnsToANewTargetWhenTheOldOneIsAcknowledged) {
  ModelRelay relay;
  Rollout rollout(relay.hello());
  rollout.aim(target_of(some()));
  const auto first = rollout.next();
  ConfigState next = some(2);
  next.routes.clear();
  next.upstreams["u"].set_user_agent("new");
  rollout.aim(target_of(next));
  EXPECT_TRUE(rollout.next().empty());
  EXPECT_FALSE(rollout.settled());
  for (const auto& update : first) {
    relay.apply(update);
    rollout.acknowledge(ModelRelay::ack(update));
  }
  EXPECT_EQ(relay.follow(rollout), (std::vector<std::string>{"+upstream", "-route"}));
  EXPECT_TRUE(relay.held["route"].empty());
}

TEST(Rollout, TellsOfPeersLastAndOfThoseThatGoFirst) {
  ModelRelay relay;
  Rollout rollout(relay.hello());
  rollout.aim(target_of(some(), {{"a", relay_at("a:1")}, {"b", relay_at("b:1")}}));
  EXPECT_EQ(relay.follow(rollout),
            (std::vector<std::string>{"+upstream", "+key_pool", "+token", "+route", "+peer"}));
  ConfigState next = some();
  next.routes.clear();
  rollout.aim(target_of(next, {{"b", relay_at("b:2")}}));
  EXPECT_EQ(relay.follow(rollout), (std::vector<std::string>{"+peer", "-peer", "-route"}));
  v1::RelayPeer peer;
  ASSERT_TRUE(peer.ParseFromString(relay.held["peer"].at("b")));
  EXPECT_EQ(peer.address(), "b:2");
  EXPECT_EQ(relay.held["peer"].size(), 1U);
}

// The way back to what was held whole before is a way as well.
TEST(Rollout, TurnsBackFromHalfWay) {
  ModelRelay relay;
  Rollout rollout(relay.hello());
  const auto first = target_of(some(), {{"a", relay_at("a:1")}});
  rollout.aim(first);
  relay.follow(rollout);
  rollout.aim(target_of(some(), {{"a", relay_at("a:2")}}));
  const auto updates = rollout.next();
  ASSERT_EQ(updates.size(), 1U);
  rollout.aim(first);
  EXPECT_FALSE(rollout.settled());
  relay.apply(updates[0]);
  EXPECT_TRUE(rollout.acknowledge(ModelRelay::ack(updates[0])));
  EXPECT_EQ(relay.follow(rollout), std::vector<std::string>{"+peer"});
  v1::RelayPeer peer;
  ASSERT_TRUE(peer.ParseFromString(relay.held["peer"].at("a")));
  EXPECT_EQ(peer.address(), "a:1");
}

TEST(Rollout, NeverSendsATypeThatTheRelayDoesNotUnderstand) {
  ModelRelay relay;
  v1::Hello hello = relay.hello();
  hello.clear_types();
  hello.add_types("upstream");
  hello.add_types("something_newer");
  Rollout rollout(hello);
  rollout.aim(target_of(some()));
  EXPECT_EQ(relay.follow(rollout), std::vector<std::string>{"+upstream"});
}

TEST(Rollout, StopsSendingATypeThatTheRelayCallsUnknown) {
  ModelRelay relay;
  Rollout rollout(relay.hello());
  rollout.aim(target_of(some()));
  for (const auto& update : rollout.next()) {
    v1::TypeAck ack = ModelRelay::ack(update);
    ack.set_unknown_type(update.type() == "route");
    EXPECT_TRUE(rollout.acknowledge(ack));
  }
  EXPECT_TRUE(rollout.next().empty());
  ConfigState next = some(2);
  next.routes["r"].set_auth(true);
  rollout.aim(target_of(next));
  EXPECT_TRUE(rollout.next().empty());
}

TEST(Rollout, PassesOverAcknowledgementsOfNothing) {
  ModelRelay relay;
  Rollout rollout(relay.hello());
  rollout.aim(target_of(some()));
  const auto updates = rollout.next();
  v1::TypeAck ack = ModelRelay::ack(updates[0]);
  ack.set_nonce("invented");
  EXPECT_FALSE(rollout.acknowledge(ack));
  EXPECT_TRUE(rollout.acknowledge(ModelRelay::ack(updates[0])));
  EXPECT_FALSE(rollout.acknowledge(ModelRelay::ack(updates[0])));
  EXPECT_TRUE(rollout.waiting());
}

TEST(Rollout, CutsTenThousandRoutesIntoMessages) {
  ConfigState state = some();
  for (int i = 0; i < 10'000; ++i) {
    v1::Route& route = state.routes["route-" + std::to_string(i)];
    route.mutable_match()->set_path_prefix("/" + std::string(300, 'p') + std::to_string(i));
    route.add_to()->set_upstream("u");
  }
  ModelRelay relay;
  Rollout rollout(relay.hello());
  rollout.aim(target_of(state));
  const auto said = relay.follow(rollout);
  EXPECT_GE(std::count(said.begin(), said.end(), "+route"), 3);
  EXPECT_EQ(relay.held["route"].size(), 10'001U);

  Rollout again(relay.hello());
  again.aim(target_of(state));
  EXPECT_TRUE(again.next().empty());
  EXPECT_TRUE(again.settled());

  state.routes["route-5000"].set_auth(true);
  again.aim(target_of(state));
  const auto one = again.next();
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].upserts_size(), 1);
}

TEST(Rollout, SendsAnItemThatIsLargerThanAMessageShouldBeAlone) {
  ConfigState state;
  state.generation = 1;
  for (const char* name : {"a", "b", "c"}) {
    for (int i = 0; i < 10'000; ++i) {
      state.key_pools[name].add_keys()->set_value(std::string(name) + std::string(120, 'k'));
    }
  }
  Rollout rollout(ModelRelay().hello());
  rollout.aim(target_of(state));
  const auto updates = rollout.next();
  ASSERT_EQ(updates.size(), 3U);
  EXPECT_TRUE(updates[0].more());
  EXPECT_TRUE(updates[1].more());
  EXPECT_FALSE(updates[2].more());
  EXPECT_FALSE(rollout.acknowledge(ModelRelay::ack(updates[0])));
  EXPECT_TRUE(rollout.acknowledge(ModelRelay::ack(updates[2])));
}

}  // namespace
}  // namespace culvert::control
