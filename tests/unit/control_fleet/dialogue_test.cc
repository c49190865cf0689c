// One relay's conversation, without a connection: what it says, what it is told, what of it the
// operators see.
#include "control/fleet/dialogue.h"

#include "tests/unit/control_fleet/fleet_parts.h"

#include <algorithm>

namespace culvert::control {
namespace {

using std::chrono::seconds;

class DialogueTest : public testing::Test {
 protected:
  DialogueTest() {
    parts_.configuration.change([](ConfigState* state) {
      state->upstreams["u"].set_user_agent("agent");
      state->routes["r"].add_to()->set_upstream("u");
    });
    peer_ = parts_.join("edge-1");
    begin();
  }
  void begin() { dialogue_.emplace(parts_.dialogue_parts(), peer_, ++streams_); }

  static v1::SyncUp hello() {
    v1::SyncUp message;
    for (const std::string_view type : kTypeNames) {
      message.mutable_hello()->add_types(std::string(type));
    }
    message.mutable_hello()->set_version("0.1.0");
    message.mutable_hello()->mutable_state()->add_listening("https://127.0.0.1:8443");
    return message;
  }
  void hear(const v1::SyncUp& message) {
    const auto heard = dialogue_->hear(message);
    EXPECT_TRUE(heard) << heard.error().detail;
  }
  std::vector<v1::SyncDown> speak() {
    auto said = dialogue_->speak();
    EXPECT_TRUE(said) << said.error().detail;
    return said ? std::move(*said) : std::vector<v1::SyncDown>();
  }
  // Takes all that it is sent, until nothing comes; refuses the item of that name.
  void follow(const std::string& refused = {}) {
    for (auto said = speak(); !said.empty(); said = speak()) {
      for (const v1::SyncDown& message : said) {
        if (!message.has_update()) continue;
        v1::SyncUp up;
        v1::TypeAck& ack = *up.mutable_ack();
        ack.set_type(message.update().type());
        ack.set_nonce(message.update().nonce());
        SetHash applied;
        for (const v1::Item& item : message.update().upserts()) {
          if (item.name() == refused) {
            v1::ItemError* error = ack.add_errors();
            error->set_name(refused);
            error->set_message("no such preset");
          } else {
            applied.add(item.name(), item_hash(item.spec()));
          }
        }
        ack.set_applied_hash(to_bytes(applied.finish()));
        hear(up);
      }
    }
  }
  static v1::RelayPeer peer_of(const v1::SyncDown& message) {
    EXPECT_EQ(message.update().type(), "peer");
    v1::RelayPeer peer;
    EXPECT_EQ(message.update().upserts_size(), 1);
    EXPECT_TRUE(peer.ParseFromString(message.update().upserts(0).spec()));
    return peer;
  }
  static v1::SyncUp at(const std::string& peer_address) {
    v1::SyncUp up;
    up.mutable_state()->set_peer_address(peer_address);
    return up;
  }
  v1::RelayStatus status() { return (*parts_.registry.relays("edge-1"))[0]; }
  Code refusal() {
    const auto said = dialogue_->speak();
    return said ? Code::kInternal : said.error().code;
  }

  FleetParts parts_;
  Peer peer_;
  uint64_t streams_ = 0;
  std::optional<Dialogue> dialogue_;
};

TEST_F(DialogueTest, WelcomesThenUpdates) {
  EXPECT_TRUE(speak().empty()) << "before the Hello nothing is said";
  hear(hello());
  const auto said = speak();
  ASSERT_EQ(said.size(), 4U);
  EXPECT_EQ(said[0].welcome().relay(), "edge-1");
  EXPECT_EQ(said[0].welcome().region(), "eu-west");
  EXPECT_EQ(said[0].welcome().labels().at("tier"), "edge");
  EXPECT_EQ(said[1].update().type(), "upstream");
  EXPECT_EQ(said[2].update().type(), "route");
  EXPECT_EQ(said[3].update().type(), "peer");
  EXPECT_EQ(said[3].update().upserts(0).name(), "edge-1") << "itself included";
}

TEST_F(DialogueTest, ShowsARelayInStepWhenItRunsAll) {
  EXPECT_FALSE(status().connected());
  hear(hello());
  EXPECT_NE(status().running_hash(), status().desired_hash());
  follow();
  const auto now = status();
  EXPECT_TRUE(now.connected());
  EXPECT_EQ(now.running_hash(), now.desired_hash());
  EXPECT_EQ(now.running_revision(), 1U);
  EXPECT_EQ(now.state().listening(0), "https://127.0.0.1:8443");
  EXPECT_EQ(now.version(), "0.1.0");
  dialogue_.reset();
  EXPECT_FALSE(status().connected());
  EXPECT_EQ(status().running_hash(), status().desired_hash());
}

TEST_F(DialogueTest, TellsTheRevisionThatTheRelayHasAllOf) {
  const auto standing = [this]() -> std::optional<uint64_t> {
    std::optional<uint64_t> told;
    for (auto said = speak(); !said.empty(); said = speak()) {
      for (const v1::SyncDown& message : said) {
        if (message.has_standing()) told = message.standing().revision();
        if (!message.has_update()) continue;
        EXPECT_FALSE(told) << "after all of it";
        EXPECT_EQ(message.update().revision(), parts_.configuration.current()->revision);
        v1::SyncUp up;
        up.mutable_ack()->set_type(message.update().type());
        up.mutable_ack()->set_nonce(message.update().nonce());
        hear(up);
      }
    }
    return told;
  };
  hear(hello());
  EXPECT_EQ(standing(), 1U);
  EXPECT_EQ(standing(), std::nullopt) << "once";
  parts_.configuration.change([](ConfigState* state) {
    state->routes["elsewhere"].mutable_relays()->add_regions("ap-east");
  });
  EXPECT_EQ(standing(), 2U) << "also of what is not for this relay";
}

TEST_F(DialogueTest, ShowsARefusalAndSendsItNoMore) {
  hear(hello());
  follow("r");
  const auto now = status();
  ASSERT_EQ(now.refusals_size(), 1);
  EXPECT_EQ(now.refusals(0).kind(), "Route");
  EXPECT_EQ(now.refusals(0).name(), "r");
  EXPECT_EQ(now.refusals(0).message(), "no such preset");
  EXPECT_NE(now.running_hash(), now.desired_hash());
  EXPECT_EQ(now.running_revision(), 1U);
  EXPECT_TRUE(speak().empty());
  // Another type healed it: the relay says so unasked.
  v1::SyncUp up;
  up.mutable_ack()->set_type("route");
  const auto target = parts_.targets.of({"eu-west", {{"tier", "edge"}}});
  up.mutable_ack()->set_applied_hash(to_bytes(target->hashes[3]));
  hear(up);
  EXPECT_EQ(status().refusals_size(), 0);
  EXPECT_EQ(status().running_hash(), status().desired_hash());
}

// After a restart of the service only the inventory tells what a relay refuses.
TEST_F(DialogueTest, KnowsRefusalsFromTheInventory) {
  const auto target = parts_.targets.of({"eu-west", {{"tier", "edge"}}});
  v1::SyncUp message = hello();
  for (const size_t type : {size_t{0}, size_t{3}, kPeerType}) {
    v1::Inventory* have = message.mutable_hello()->add_have();
    have->set_type(std::string(kTypeNames[type]));
    for (const auto& item : target->types[type]) {
      v1::ItemHash* hash = have->add_items();
      hash->set_name(item->name);
      hash->set_hash(to_bytes(item->hash));
    }
  }
  v1::Inventory* routes = message.mutable_hello()->mutable_have(1);
  routes->set_applied_hash(to_bytes(SetHash().finish()));
  routes->add_errors()->set_name("r");
  hear(message);
  const auto said = speak();
  ASSERT_EQ(said.size(), 2U);  // and Standing
  EXPECT_TRUE(said[0].has_welcome());
  EXPECT_EQ(status().refusals_size(), 1);
  EXPECT_NE(status().running_hash(), status().desired_hash());

  routes->clear_applied_hash();
  routes->clear_errors();
  begin();
  hear(message);
  EXPECT_EQ(speak().size(), 2U);
  EXPECT_EQ(status().running_hash(), status().desired_hash());
}

TEST_F(DialogueTest, TellsAChange) {
  hear(hello());
  follow();
  parts_.configuration.change(
      [](ConfigState* state) { state->upstreams["u"].set_user_agent("b"); });
  const auto said = speak();
  ASSERT_EQ(said.size(), 1U);
  ASSERT_EQ(said[0].update().upserts_size(), 1);
  EXPECT_EQ(said[0].update().upserts(0).name(), "u");
}

TEST_F(DialogueTest, TellsARelayToDrainNowAndWhenItComesBack) {
  hear(hello());
  follow();
  ASSERT_TRUE(parts_.registry.drain("edge-1", true));
  auto said = speak();
  ASSERT_EQ(said.size(), 2U);
  EXPECT_TRUE(said[0].command().drain());
  EXPECT_TRUE(peer_of(said[1]).draining()) << "as the others are told";
  EXPECT_TRUE(speak().empty());
  v1::SyncUp up;
  up.mutable_state()->set_phase(v1::RelayState::PHASE_DRAINING);
  hear(up);
  EXPECT_EQ(status().state().phase(), v1::RelayState::PHASE_DRAINING);
  begin();
  hear(hello());
  EXPECT_TRUE(speak()[0].welcome().drain());
  ASSERT_TRUE(parts_.registry.drain("edge-1", false));
  said = speak();
  ASSERT_FALSE(said.empty());
  EXPECT_TRUE(said[0].has_command());
  EXPECT_FALSE(said[0].command().drain());
}

TEST_F(DialogueTest, TellsWhereARelayIsReachedAtOnceAndKeepsIt) {
  v1::SyncUp first = hello();
  first.mutable_hello()->mutable_state()->set_peer_address("edge-1.example:8444");
  hear(first);
  const auto said = speak();
  ASSERT_EQ(said.size(), 4U);
  EXPECT_EQ(peer_of(said[3]).address(), "edge-1.example:8444");
  follow();
  dialogue_.reset();
  EXPECT_EQ(parts_.roster.find("edge-1")->peer_address(), "edge-1.example:8444");
  EXPECT_EQ(status().peer_address(), "edge-1.example:8444");
}

TEST_F(DialogueTest, TellsOfAMoveAtOnceAndOfTheNextALittleLater) {
  hear(hello());
  follow();
  parts_.clock.advance(seconds(1));
  hear(at("[2001:db8::1]:8444"));
  auto said = speak();
  ASSERT_EQ(said.size(), 1U);
  EXPECT_EQ(peer_of(said[0]).address(), "[2001:db8::1]:8444");
  v1::SyncUp ack;
  ack.mutable_ack()->set_type("peer");
  ack.mutable_ack()->set_nonce(said[0].update().nonce());
  hear(ack);
  hear(at("192.0.2.7:8444"));
  EXPECT_EQ(parts_.roster.find("edge-1")->peer_address(), "[2001:db8::1]:8444");
  EXPECT_TRUE(speak().empty());
  EXPECT_LE(dialogue_->due(), parts_.clock.now() + seconds(1));
  parts_.clock.advance(seconds(1));
  said = speak();
  ASSERT_EQ(said.size(), 1U);
  EXPECT_EQ(peer_of(said[0]).address(), "192.0.2.7:8444");
}

TEST_F(DialogueTest, TellsNobodyAnAddressThatIsNone) {
  hear(hello());
  follow();
  for (const char* address :
       {"edge-1", "edge-1:0", "edge 1:8444", "https://edge-1:8444", ":8444"}) {
    parts_.clock.advance(seconds(1));
    hear(at(address));
    EXPECT_TRUE(speak().empty()) << address;
    EXPECT_EQ(parts_.roster.find("edge-1")->peer_address(), "");
  }
  EXPECT_EQ(dialogue_->hear(at(std::string(300, 'a') + ":1")).error().code, Code::kBadRequest);
}

// Peers are no configuration: without them it lacks nothing.
TEST_F(DialogueTest, ShowsAnOlderRelayThatKnowsNoPeersInStep) {
  v1::SyncUp older = hello();
  auto& types = *older.mutable_hello()->mutable_types();
  types.erase(std::find(types.begin(), types.end(), "peer"));
  hear(older);
  for (const v1::SyncDown& message : speak()) EXPECT_NE(message.update().type(), "peer");
  begin();
  hear(older);
  follow();
  EXPECT_EQ(status().running_hash(), status().desired_hash());
  begin();
  hear(hello());
  EXPECT_NE(status().running_hash(), status().desired_hash());
}

TEST_F(DialogueTest, RenewsACertificate) {
  hear(hello());
  follow();
  v1::SyncUp up;
  up.set_signing_request(*make_signing_request(make_private_key(), "other"));
  hear(up);
  const auto said = speak();
  ASSERT_EQ(said.size(), 1U);
  EXPECT_EQ(read_certificate(said[0].certificate())->name, "edge-1");
  up.set_signing_request("garbage");
  EXPECT_FALSE(dialogue_->hear(up));
}

TEST_F(DialogueTest, EndsForARemovedRelayAndForAnOldCertificateOfItsName) {
  hear(hello());
  follow();
  ASSERT_TRUE(parts_.registry.remove("edge-1"));
  EXPECT_EQ(refusal(), Code::kUnauthorized);
  EXPECT_EQ(parts_.registry.relays("edge-1").error().code, Code::kNotFound);
  parts_.join("edge-1");
  EXPECT_EQ(refusal(), Code::kUnauthorized) << "the serial number is of the removed relay";
}

// Another replica of the service removes it: the store tells.
TEST_F(DialogueTest, EndsForARelayThatIsRemovedElsewhere) {
  hear(hello());
  follow();
  ASSERT_TRUE(parts_.store.commit({}, {{"fleet/relay/edge-1", std::nullopt}}));
  const auto changed = parts_.roster.refresh();
  ASSERT_TRUE(changed);
  EXPECT_TRUE(*changed);
  EXPECT_EQ(refusal(), Code::kUnauthorized);
}

TEST_F(DialogueTest, EndsWhenPulsesAreNotAnswered) {
  hear(hello());
  follow();
  for (int i = 0; i < 5; ++i) {
    parts_.clock.advance(seconds(10));
    const auto said = speak();
    ASSERT_EQ(said.size(), 1U);
    ASSERT_TRUE(said[0].has_pulse());
    v1::SyncUp up;
    *up.mutable_pulse() = said[0].pulse();
    hear(up);
  }
  v1::SyncUp old;
  old.mutable_pulse()->set_number(1);
  parts_.clock.advance(seconds(20));
  EXPECT_FALSE(speak().empty());
  hear(old);
  EXPECT_LE(dialogue_->due(), parts_.clock.now() + seconds(10));
  parts_.clock.advance(seconds(10));
  EXPECT_EQ(refusal(), Code::kIdleTimeout);
}

TEST_F(DialogueTest, EndsWithoutAHello) {
  EXPECT_EQ(dialogue_->due(), parts_.clock.now() + seconds(10));
  parts_.clock.advance(seconds(10));
  EXPECT_EQ(refusal(), Code::kIdleTimeout);
}

TEST_F(DialogueTest, EndsWhereTheRelayBreaksTheRules) {
  v1::SyncUp pulse;
  pulse.mutable_pulse();
  EXPECT_EQ(dialogue_->hear(pulse).error().code, Code::kBadRequest) << "before its Hello";
  v1::SyncUp large = hello();
  large.mutable_hello()->set_instance(std::string(1000, 'i'));
  EXPECT_EQ(dialogue_->hear(large).error().code, Code::kBadRequest);
  hear(hello());
  EXPECT_EQ(dialogue_->hear(hello()).error().code, Code::kBadRequest) << "twice";
  v1::SyncUp state;
  for (int i = 0; i < 100; ++i) state.mutable_state()->add_listening("x");
  EXPECT_EQ(dialogue_->hear(state).error().code, Code::kBadRequest);
}

TEST_F(DialogueTest, PassesOverWhatANewerRelaySays) {
  hear(hello());
  follow();
  v1::SyncUp unknown;
  ASSERT_TRUE(unknown.ParseFromString("\xfa\x07\x03xyz"));
  hear(unknown);
  v1::SyncUp up;
  up.mutable_ack()->set_type("something_newer");
  hear(up);
  EXPECT_EQ(status().refusals_size(), 0);
}

TEST_F(DialogueTest, StoresASignOfLifeOnceAMinute) {
  hear(hello());
  follow();
  const uint64_t before = *parts_.store.revision();
  const auto live = [&](int times) {
    for (int i = 0; i < times; ++i) {
      parts_.clock.advance(seconds(10));
      for (const auto& message : speak()) {
        v1::SyncUp up;
        *up.mutable_pulse() = message.pulse();
        hear(up);
      }
    }
  };
  live(5);
  EXPECT_EQ(*parts_.store.revision(), before);
  live(2);
  EXPECT_EQ(*parts_.store.revision(), before + 1);
  live(12);
  EXPECT_EQ(*parts_.store.revision(), before + 3);
}

TEST_F(DialogueTest, IgnoresWhatAReplacedStreamStillSays) {
  hear(hello());
  follow();
  Dialogue second(parts_.dialogue_parts(), peer_, ++streams_);
  ASSERT_TRUE(second.hear(hello()));
  v1::SyncUp up;
  up.mutable_state()->set_phase(v1::RelayState::PHASE_STOPPING);
  hear(up);
  EXPECT_EQ(status().state().phase(), v1::RelayState::PHASE_SERVING);
  dialogue_.reset();
  EXPECT_TRUE(status().connected());
}

}  // namespace
}  // namespace culvert::control
