// Who becomes a relay and who does not, and what is left behind of each attempt.
#include "control/fleet/enrolment.h"

#include "tests/unit/control_fleet/fleet_parts.h"

#include <atomic>
#include <thread>

namespace culvert::control {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

class EnrolmentTest : public testing::Test {
 protected:
  Code refusal(const v1::EnrollRequest& request) {
    const auto reply = parts_.enrolment.enroll(request, "192.0.2.1");
    EXPECT_FALSE(reply);
    return reply ? Code::kInternal : reply.error().code;
  }
  FleetParts parts_;
};

TEST_F(EnrolmentTest, GivesACertificateThatTheAuthorityVouchesFor) {
  const auto reply =
      parts_.enrolment.enroll(FleetParts::request(parts_.token(), "edge-1"), "192.0.2.1");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->name(), "edge-1");
  EXPECT_EQ(reply->region(), "eu-west");
  EXPECT_EQ(reply->labels().at("tier"), "edge");
  EXPECT_EQ(reply->authority(), parts_.authority.certificate);
  EXPECT_TRUE(verify_certificate(reply->certificate(), reply->authority(), parts_.clock.wall()));
  EXPECT_FALSE(verify_certificate(reply->certificate(), reply->authority(),
                                  parts_.clock.wall() + hours(25)));
  const auto info = read_certificate(reply->certificate());
  EXPECT_EQ(info->name, "edge-1");
  EXPECT_TRUE(parts_.roster.accepts("edge-1", info->serial));
  EXPECT_FALSE(parts_.roster.accepts("edge-2", info->serial));
  EXPECT_FALSE(parts_.roster.accepts("edge-1", "00"));
}

TEST_F(EnrolmentTest, MakesANameWhereNoneIsWished) {
  const auto one = parts_.enrolment.enroll(FleetParts::request(parts_.token()), "192.0.2.1");
  const auto other = parts_.enrolment.enroll(FleetParts::request(parts_.token()), "192.0.2.1");
  ASSERT_TRUE(one && other);
  EXPECT_EQ(one->name().rfind("eu-west-", 0), 0U);
  EXPECT_NE(one->name(), other->name());
}

TEST_F(EnrolmentTest, TakesATokenOnce) {
  const std::string token = parts_.token();
  ASSERT_TRUE(parts_.enrolment.enroll(FleetParts::request(token, "a"), "192.0.2.1"));
  EXPECT_EQ(refusal(FleetParts::request(token, "b")), Code::kForbidden);
  EXPECT_EQ(parts_.roster.find("b"), nullptr);
}

TEST_F(EnrolmentTest, RefusesWrongAndExpiredTokens) {
  EXPECT_EQ(refusal(FleetParts::request("")), Code::kForbidden);
  EXPECT_EQ(refusal(FleetParts::request("cvj_short.00")), Code::kForbidden);
  EXPECT_EQ(refusal(FleetParts::request(make_join_token(parts_.fingerprint).text())),
            Code::kForbidden);
  const std::string token = parts_.token({}, 60);
  parts_.clock.advance(minutes(2));
  EXPECT_EQ(refusal(FleetParts::request(token)), Code::kForbidden);
  EXPECT_TRUE(parts_.roster.all().empty());
}

TEST_F(EnrolmentTest, HoldsTheRelayToTheNameOfItsToken) {
  const std::string token = parts_.token("edge-7");
  EXPECT_EQ(refusal(FleetParts::request(token, "edge-8")), Code::kForbidden);
  const auto reply = parts_.enrolment.enroll(FleetParts::request(token), "192.0.2.1");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->name(), "edge-7");
}

TEST_F(EnrolmentTest, KeepsANameFromAnotherRelayUntilItIsRemovedOrGone) {
  const Peer first = parts_.join("edge-1");
  const std::string token = parts_.token();
  EXPECT_EQ(refusal(FleetParts::request(token, "edge-1")), Code::kForbidden);
  ASSERT_TRUE(parts_.registry.remove("edge-1"));
  EXPECT_FALSE(parts_.roster.accepts(first.name, first.serial));
  ASSERT_TRUE(parts_.enrolment.enroll(FleetParts::request(token, "edge-1"), "192.0.2.1"));
  EXPECT_FALSE(parts_.roster.accepts(first.name, first.serial)) << "of the removed relay";
  parts_.clock.advance(hours(25));
  EXPECT_TRUE(parts_.enrolment.enroll(FleetParts::request(parts_.token(), "edge-1"), "192.0.2.1"))
      << "its certificates have expired, so it can only come back like this";
}

TEST_F(EnrolmentTest, AGarbageRequestCostsNoToken) {
  const std::string token = parts_.token();
  v1::EnrollRequest request = FleetParts::request(token, "edge-1");
  const std::string good = request.signing_request();
  request.set_signing_request("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END");
  EXPECT_EQ(refusal(request), Code::kInvalidConfig);
  request.set_signing_request(std::string(64 * 1024, 'A'));
  EXPECT_EQ(refusal(request), Code::kBadRequest);
  request.set_signing_request(good);
  request.set_name("a,CN=b");
  EXPECT_EQ(refusal(request), Code::kBadRequest);
  request.set_name("edge-1");
  EXPECT_TRUE(parts_.enrolment.enroll(request, "192.0.2.1"));
}

TEST_F(EnrolmentTest, LetsOneOfTwoThatRaceWithOneTokenIn) {
  for (int round = 0; round < 20; ++round) {
    const std::string token = parts_.token();
    std::atomic<int> admitted{0};
    std::atomic<int> ready{0};
    const auto run = [&](const std::string& name) {
      const auto request = FleetParts::request(token, name);
      ready.fetch_add(1);
      while (ready.load() < 2) std::this_thread::yield();
      // Another address for each attempt: the throttle is not what is tried here.
      if (parts_.enrolment.enroll(request, name)) admitted.fetch_add(1);
    };
    std::thread one(run, "one-" + std::to_string(round));
    std::thread two(run, "two-" + std::to_string(round));
    one.join();
    two.join();
    EXPECT_EQ(admitted.load(), 1);
  }
  EXPECT_EQ(parts_.roster.all().size(), 20U);
}

TEST_F(EnrolmentTest, WritesEveryAttemptDownAndNoSecret) {
  const std::string token = parts_.token();
  ASSERT_TRUE(parts_.enrolment.enroll(FleetParts::request(token, "a"), "192.0.2.1"));
  EXPECT_EQ(refusal(FleetParts::request(token, "b")), Code::kForbidden);
  const auto entries = parts_.audit.entries();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].action(), "relay.join");
  EXPECT_EQ(entries[0].by(), "relay a");
  EXPECT_FALSE(entries[0].refused());
  EXPECT_TRUE(entries[1].refused());
  EXPECT_EQ(entries[1].address(), "192.0.2.1");
  const std::string secret(parse_join_token(token)->secret.reveal());
  for (const auto& entry : entries) {
    EXPECT_EQ(entry.SerializeAsString().find(secret), std::string::npos);
  }
  const std::string waiting = parts_.token();
  const std::string waiting_secret(parse_join_token(waiting)->secret.reveal());
  EXPECT_EQ(parts_.store.dump().find(waiting_secret), std::string::npos);
}

TEST_F(EnrolmentTest, SlowsDownWhoTriesWithoutEnd) {
  int tries = 0;
  while (refusal(FleetParts::request("wrong")) == Code::kForbidden && tries < 1000) ++tries;
  EXPECT_EQ(tries, 30);
  EXPECT_EQ(parts_.audit.entries().size(), 30U);
  EXPECT_TRUE(parts_.enrolment.enroll(FleetParts::request(parts_.token()), "192.0.2.2"));
  parts_.clock.advance(minutes(1));
  EXPECT_EQ(refusal(FleetParts::request("wrong")), Code::kForbidden);
}

TEST_F(EnrolmentTest, TakesAnIpv6NetworkForOneAddress) {
  const auto limited = [&](const std::string& address) {
    const auto reply = parts_.enrolment.enroll(FleetParts::request("wrong"), address);
    return reply.error().code == Code::kRateLimited;
  };
  for (int i = 0; i < 30; ++i) EXPECT_FALSE(limited("2001:db8::" + std::to_string(i + 1)));
  EXPECT_TRUE(limited("2001:db8::ffff"));
  EXPECT_FALSE(limited("2001:db8:0:1::1"));
}

TEST_F(EnrolmentTest, SaysSoWhereTheStoreIsAway) {
  const std::string token = parts_.token();
  parts_.store.fail(true);
  EXPECT_EQ(refusal(FleetParts::request(token, "a")), Code::kSystem);
  parts_.store.fail(false);
  EXPECT_TRUE(parts_.enrolment.enroll(FleetParts::request(token, "a"), "192.0.2.1"));
}

TEST_F(EnrolmentTest, RenewsForThatNameAlone) {
  const Peer relay = parts_.join("edge-1");
  parts_.clock.advance(hours(16));
  const auto csr = *make_signing_request(make_private_key(), "somebody-else");
  const auto renewed = parts_.enrolment.renew(relay, csr);
  ASSERT_TRUE(renewed);
  const auto info = read_certificate(*renewed);
  EXPECT_EQ(info->name, "edge-1");
  EXPECT_TRUE(parts_.roster.accepts("edge-1", info->serial));
  EXPECT_TRUE(parts_.roster.accepts("edge-1", relay.serial)) << "it may not have the new one yet";

  EXPECT_EQ(parts_.enrolment.renew({"edge-1", "00", {}}, csr).error().code, Code::kUnauthorized);
  EXPECT_EQ(parts_.enrolment.renew({"edge-9", relay.serial, {}}, csr).error().code,
            Code::kNotFound);
  EXPECT_EQ(parts_.enrolment.renew(relay, "garbage").error().code, Code::kInvalidConfig);
}

TEST_F(EnrolmentTest, KeepsFewCertificatesAndAlwaysThePresentedOne) {
  const Peer relay = parts_.join("edge-1");
  std::string last;
  for (int i = 0; i < 30; ++i) {
    const auto renewed =
        parts_.enrolment.renew(relay, *make_signing_request(make_private_key(), "x"));
    ASSERT_TRUE(renewed);
    last = read_certificate(*renewed)->serial;
  }
  EXPECT_LE(parts_.roster.find("edge-1")->certificates_size(), 8);
  EXPECT_TRUE(parts_.roster.accepts("edge-1", relay.serial));
  EXPECT_TRUE(parts_.roster.accepts("edge-1", last));
}

// Its certificate is good for TLS servers: with such a name it could answer for the service.
TEST_F(EnrolmentTest, GivesNoRelayANameOfTheServiceItself) {
  const std::string token = parts_.token();
  EXPECT_EQ(refusal(FleetParts::request(token, "control")), Code::kForbidden);
  EXPECT_EQ(refusal(FleetParts::request(token, "localhost")), Code::kForbidden);
  EXPECT_EQ(refusal(FleetParts::request(parts_.token("control"))), Code::kForbidden);
  EXPECT_EQ(parts_.roster.find("control"), nullptr);
  EXPECT_TRUE(parts_.enrolment.enroll(FleetParts::request(token, "control-1"), "192.0.2.1"));
}

// One that joined before relays were each other's servers.
TEST_F(EnrolmentTest, RenewsARelayOfSuchANameAsAClientAlone) {
  const Peer relay = parts_.join("edge-1");
  const auto entry = *parts_.roster.entry("edge-1");
  ASSERT_TRUE(parts_.store.commit({}, {{"fleet/relay/control", entry->value}}));
  ASSERT_TRUE(parts_.roster.refresh());
  const auto renew = [&](const char* name) {
    return *parts_.enrolment.renew({name, relay.serial, relay.address},
                                   *make_signing_request(make_private_key(), "x"));
  };
  EXPECT_FALSE(read_certificate(renew("control"))->server);
  EXPECT_TRUE(read_certificate(renew("edge-1"))->server);
}

TEST(JoinTokenText, IsReadBackAndNothingElseIs) {
  const std::string fingerprint(64, 'a');
  const JoinToken token = make_join_token(fingerprint);
  const std::string text = token.text();
  EXPECT_EQ(text.size(), 4U + 43 + 1 + 64);
  EXPECT_EQ(text.rfind("cvj_", 0), 0U);
  const auto read = parse_join_token(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->secret, token.secret);
  EXPECT_EQ(read->fingerprint, fingerprint);
  EXPECT_FALSE(make_join_token(fingerprint).secret == token.secret);
  for (size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] = '!';
    EXPECT_FALSE(parse_join_token(other)) << i;
    EXPECT_FALSE(parse_join_token(text.substr(0, i))) << i;
  }
  EXPECT_FALSE(parse_join_token(text + "a"));
}

TEST(JoinTokensKept, GoWhenTheyExpireAndAreBounded) {
  FleetParts parts;
  for (int i = 0; i < 1000; ++i) parts.token({}, 120);
  v1::CreateJoinTokenRequest request;
  EXPECT_EQ(parts.registry.create_join_token(request, "o").error().code, Code::kRateLimited);
  parts.clock.advance(minutes(3));
  EXPECT_TRUE(parts.registry.create_join_token(request, "o"));
  EXPECT_EQ(parts.store.list("fleet/join/", 2000)->size(), 1U);
}

}  // namespace
}  // namespace culvert::control
