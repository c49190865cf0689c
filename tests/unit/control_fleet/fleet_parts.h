// A whole fleet on a store in memory and a clock that is moved by hand, and relays that join it.
#pragma once

#include "control/fleet/dialogue.h"
#include "control/fleet/registry.h"
#include "tests/fakes/cpp/control_parts.h"
#include "tests/fakes/cpp/memory_store.h"

#include <gtest/gtest.h>

namespace culvert::control {

struct FleetParts {
  // Certificates are judged by TLS elsewhere; here by this clock alone.
  FakeClock clock;
  Authority authority =
      *make_authority("fleet", clock.wall(), clock.wall() + std::chrono::hours(24 * 365));
  std::string fingerprint = read_certificate(authority.certificate)->fingerprint;
  test::MemoryStore store;
  test::ChangingConfiguration configuration;
  test::RememberedAudit audit;
  Roster roster{store};
  JoinTokens tokens{store, clock};
  Attendance attendance;
  Targets targets{configuration, roster};
  Switchboard switchboard;
  SeededRandom random{1};
  KeyTests key_tests{switchboard, clock, random};
  Registry registry{{roster, tokens, attendance, targets, switchboard, clock}, fingerprint};
  Enrolment enrolment{{store, roster, tokens, audit, clock}, authority, {"Control", "localhost"}};

  std::string token(const std::string& name = {}, int64_t ttl_seconds = 3600) {
    v1::CreateJoinTokenRequest request;
    request.set_region("eu-west");
    (*request.mutable_labels())["tier"] = "edge";
    request.mutable_ttl()->set_seconds(ttl_seconds);
    request.set_name(name);
    const auto reply = registry.create_join_token(request, "operator");
    EXPECT_TRUE(reply);
    return reply->token();
  }
  static v1::EnrollRequest request(const std::string& token, const std::string& name = {}) {
    v1::EnrollRequest made;
    made.set_token(token);
    made.set_name(name);
    made.set_version("0.1.0");
    made.set_signing_request(*make_signing_request(make_private_key(), "whatever"));
    return made;
  }
  // A relay that has joined, as its certificate shows it.
  Peer join(const std::string& name) {
    const auto reply = enrolment.enroll(request(token(), name), "192.0.2.1");
    EXPECT_TRUE(reply) << (reply ? "" : reply.error().detail);
    return {name, read_certificate(reply->certificate())->serial, "192.0.2.1"};
  }
  Dialogue::Parts dialogue_parts() {
    return {roster, attendance, enrolment, targets, key_tests, clock, default_link_times()};
  }
};

}  // namespace culvert::control
