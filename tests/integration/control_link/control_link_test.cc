// The link as relays meet it: over TLS, with certificates, against the service's own code.
#include "control/fleet/join_token.h"
#include "tests/integration/control_link/link.h"

namespace culvert::test {
namespace {

using std::chrono::hours;

class ControlLink : public testing::Test {
 protected:
  ControlLink() {
    server_.configuration.change([](control::ConfigState* state) {
      state->upstreams["u"].set_user_agent("agent");
      state->key_pools["k"].set_upstream("u");
      state->tokens["t"].set_tenant("acme");
      state->routes["r"].add_to()->set_upstream("u");
    });
  }
  bool reaches_step(const std::string& name) {
    return eventually([&] { return server_.in_step(name); });
  }
  static v1::LedgerBatch batch(uint64_t number, const std::vector<std::string>& ids) {
    v1::LedgerBatch made;
    made.set_number(number);
    for (const std::string& id : ids) {
      v1::UsageRecord* record = made.add_records();
      record->set_id(std::string(30, '0') + id);
      record->set_model("m");
      record->set_output_tokens(10);
    }
    return made;
  }
  grpc::Status sync_status(const std::shared_ptr<grpc::Channel>& channel) {
    grpc::ClientContext context;
    const auto stub = v1::RelayLink::NewStub(channel);
    const auto stream = stub->Sync(&context);
    v1::SyncDown down;
    EXPECT_FALSE(stream->Read(&down));
    return stream->Finish();
  }

  LinkServer server_;
};

TEST_F(ControlLink, ARelayJoinsAndGetsAllThenNothing) {
  LinkRelay relay(server_, server_.join("edge-1"));
  relay.connect();
  ASSERT_TRUE(reaches_step("edge-1"));
  EXPECT_EQ(relay.updates(), 5U);
  EXPECT_TRUE(relay.holds("token", "t"));
  EXPECT_TRUE(relay.holds("peer", "edge-1"));
  EXPECT_EQ(server_.status("edge-1").address(), "127.0.0.1");

  relay.disconnect();
  ASSERT_TRUE(eventually([&] { return !server_.status("edge-1").connected(); }));
  relay.connect();
  ASSERT_TRUE(eventually([&] { return relay.welcomed(); }));
  ASSERT_TRUE(reaches_step("edge-1"));
  ASSERT_TRUE(eventually([&] { return server_.status("edge-1").running_revision() == 1; }));
  EXPECT_EQ(relay.updates(), 0U);
}

TEST_F(ControlLink, ARestartOfTheServiceSendsNothingAgain) {
  LinkRelay relay(server_, server_.join("edge-1"));
  relay.connect();
  ASSERT_TRUE(reaches_step("edge-1"));
  server_.restart();
  EXPECT_EQ(relay.end().error_code(), grpc::StatusCode::UNAVAILABLE);
  relay.connect();
  ASSERT_TRUE(eventually([&] { return server_.status("edge-1").running_revision() == 1; }));
  EXPECT_EQ(relay.updates(), 0U);
  EXPECT_TRUE(server_.in_step("edge-1"));
}

TEST_F(ControlLink, AChangeReachesALiveStream) {
  LinkRelay relay(server_, server_.join("edge-1"));
  relay.connect();
  ASSERT_TRUE(reaches_step("edge-1"));
  server_.configuration.change([](control::ConfigState* state) {
    state->upstreams["u2"].set_user_agent("other");
    state->routes["r2"].add_to()->set_upstream("u2");
    state->routes.erase("r");
  });
  ASSERT_TRUE(reaches_step("edge-1"));
  EXPECT_TRUE(relay.holds("upstream", "u2"));
  EXPECT_TRUE(relay.holds("route", "r2"));
  EXPECT_FALSE(relay.holds("route", "r"));
}

TEST_F(ControlLink, TenThousandRoutesArriveInPieces) {
  server_.configuration.change([](control::ConfigState* state) {
    for (int i = 0; i < 10'000; ++i) {
      v1::Route& route = state->routes["route-" + std::to_string(i)];
      route.mutable_match()->set_path_prefix("/" + std::string(300, 'p') + std::to_string(i));
      route.add_to()->set_upstream("u");
    }
  });
  LinkRelay relay(server_, server_.join("edge-1"));
  relay.connect();
  ASSERT_TRUE(reaches_step("edge-1"));
  EXPECT_TRUE(relay.holds("route", "route-9999"));
  EXPECT_GT(relay.updates(), 5U);
  relay.connect();
  ASSERT_TRUE(eventually([&] { return server_.status("edge-1").running_revision() == 2; }));
  EXPECT_EQ(relay.updates(), 0U);
}

TEST_F(ControlLink, ARefusalShowsAndHoldsNothingBack) {
  LinkRelay relay(server_, server_.join("edge-1"));
  relay.refuses = "k";
  relay.connect();
  ASSERT_TRUE(eventually([&] { return server_.status("edge-1").running_revision() == 1; }));
  const auto status = server_.status("edge-1");
  ASSERT_EQ(status.refusals_size(), 1);
  EXPECT_EQ(status.refusals(0).kind(), "KeyPool");
  EXPECT_EQ(status.refusals(0).name(), "k");
  EXPECT_EQ(status.refusals(0).message(), "this relay cannot");
  EXPECT_NE(status.running_hash(), status.desired_hash());
  EXPECT_TRUE(relay.holds("route", "r"));
}

TEST_F(ControlLink, DrainIsToldAtOnce) {
  LinkRelay relay(server_, server_.join("edge-1"));
  relay.connect();
  ASSERT_TRUE(reaches_step("edge-1"));
  ASSERT_TRUE(server_.fleet().drain("edge-1", true));
  ASSERT_TRUE(eventually([&] { return relay.told_to_drain() == true; }));
  ASSERT_TRUE(server_.fleet().drain("edge-1", false));
  ASSERT_TRUE(eventually([&] { return relay.told_to_drain() == false; }));
}

TEST_F(ControlLink, RelaysKnowEachOther) {
  LinkRelay near(server_, server_.join("near"));
  near.connect();
  ASSERT_TRUE(reaches_step("near"));
  EXPECT_FALSE(near.holds("peer", "far"));
  const uint64_t revision = server_.configuration.current()->revision;

  LinkRelay far(server_, server_.join("far"));
  ASSERT_TRUE(eventually([&] { return near.peer("far").has_value(); })) << "before it connects";
  EXPECT_EQ(near.peer("far")->region(), "eu-west");
  EXPECT_EQ(near.peer("far")->address(), "");
  far.peer_address = "far.example:8444";
  far.connect();
  const auto is_at = [&](LinkRelay& relay, const char* address) {
    return eventually([&] { return relay.peer("far") && relay.peer("far")->address() == address; });
  };
  ASSERT_TRUE(is_at(near, "far.example:8444"));
  ASSERT_TRUE(reaches_step("far"));
  EXPECT_EQ(far.peer("far")->address(), "far.example:8444") << "itself included";
  EXPECT_TRUE(far.peer("near").has_value());

  ASSERT_TRUE(server_.fleet().drain("far", true));
  ASSERT_TRUE(eventually([&] { return near.peer("far")->draining(); }));
  ASSERT_TRUE(server_.fleet().drain("far", false));
  ASSERT_TRUE(eventually([&] { return !near.peer("far")->draining(); }));

  v1::SyncUp moved;
  moved.mutable_state()->set_peer_address("192.0.2.9:8444");
  far.send(moved);
  ASSERT_TRUE(is_at(near, "192.0.2.9:8444"));
  EXPECT_EQ(server_.status("far").peer_address(), "192.0.2.9:8444");
  EXPECT_TRUE(reaches_step("near"));
  EXPECT_EQ(server_.configuration.current()->revision, revision);
  EXPECT_EQ(server_.status("near").running_revision(), revision);
}

TEST_F(ControlLink, ARelayThatIsAwayStaysAPeerAlsoOverARestart) {
  LinkRelay far(server_, server_.join("far"));
  far.peer_address = "far.example:8444";
  far.connect();
  ASSERT_TRUE(reaches_step("far"));
  far.disconnect();
  ASSERT_TRUE(eventually([&] { return !server_.status("far").connected(); }));
  server_.restart();
  LinkRelay near(server_, server_.join("near"));
  near.connect();
  ASSERT_TRUE(reaches_step("near"));
  ASSERT_TRUE(near.peer("far").has_value());
  EXPECT_EQ(near.peer("far")->address(), "far.example:8444");
}

TEST_F(ControlLink, ARemovedRelayIsNoPeerAtOnce) {
  LinkRelay near(server_, server_.join("near"));
  LinkRelay far(server_, server_.join("far"));
  near.connect();
  far.connect();
  ASSERT_TRUE(eventually([&] { return near.peer("far").has_value(); }));
  ASSERT_TRUE(server_.fleet().remove("far"));
  EXPECT_TRUE(eventually([&] { return !near.peer("far").has_value(); }));
  EXPECT_TRUE(near.holds("peer", "near"));
  EXPECT_TRUE(reaches_step("near"));
  // By another replica of the service.
  LinkRelay other(server_, server_.join("other"));
  ASSERT_TRUE(eventually([&] { return near.peer("other").has_value(); }));
  ASSERT_TRUE(server_.store.commit({}, {{"fleet/relay/other", std::nullopt}}));
  EXPECT_TRUE(eventually([&] { return !near.peer("other").has_value(); }));
}

TEST_F(ControlLink, AnOlderRelayIsToldOfNoPeers) {
  LinkRelay older(server_, server_.join("older"));
  older.older = true;
  older.connect();
  ASSERT_TRUE(reaches_step("older"));
  server_.join("far");
  server_.configuration.change(
      [](control::ConfigState* state) { state->upstreams["u2"].set_user_agent("other"); });
  ASSERT_TRUE(eventually([&] { return older.holds("upstream", "u2"); }));
  EXPECT_TRUE(reaches_step("older"));
  EXPECT_FALSE(older.holds("peer", "older"));
  EXPECT_FALSE(older.holds("peer", "far"));
}

TEST_F(ControlLink, WhatARelaySaysOfItsPeersShows) {
  const Identity identity = server_.join("near");
  const auto stub = v1::RelayLink::NewStub(server_.channel(identity));
  grpc::ClientContext context;
  v1::MetricsDone done;
  const auto writer = stub->Metrics(&context, &done);
  v1::MetricsReport report;
  v1::PeerCondition* peer = report.add_peers();
  peer->set_relay("far");
  peer->set_region("us-east");
  peer->set_reachable(true);
  peer->set_round_trip_ms(81.5);
  ASSERT_TRUE(writer->Write(report));
  ASSERT_TRUE(eventually([&] { return server_.status("near").peers_size() == 1; }));
  EXPECT_EQ(server_.status("near").peers(0).relay(), "far");
  EXPECT_DOUBLE_EQ(server_.status("near").peers(0).round_trip_ms(), 81.5);
  EXPECT_EQ(server_.fleet().relays("")->at(0).peers_size(), 0) << "of one relay alone";
  report.clear_peers();
  ASSERT_TRUE(writer->Write(report));
  EXPECT_TRUE(eventually([&] { return server_.status("near").peers_size() == 0; }));
  for (int i = 0; i < 1001; ++i) report.add_peers()->set_relay("far");
  writer->Write(report);
  EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

// Certificates of two relays are both ends of one connection, each known by its relay's name.
TEST_F(ControlLink, RelaysAreEachOthersServersAndClients) {
  const Identity far = server_.join("far");
  const Identity near = server_.join("near");
  grpc::SslServerCredentialsOptions tls(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  tls.pem_root_certs = server_.authority().certificate;
  tls.pem_key_cert_pairs.push_back({std::string(far.key.reveal()), far.certificate});
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls), &port);
  v1::RelayLink::Service nothing;
  builder.RegisterService(&nothing);
  const auto server = builder.BuildAndStart();
  ASSERT_NE(server, nullptr);
  const auto reaches = [&](const std::string& name) {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = server_.authority().certificate;
    options.pem_private_key = std::string(near.key.reveal());
    options.pem_cert_chain = near.certificate;
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetSslTargetNameOverride(name);
    const auto channel = grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port),
                                                   grpc::SslCredentials(options), arguments);
    // A busy machine may fail the first connection; where none is to succeed, this is enough.
    return channel->WaitForConnected(std::chrono::system_clock::now() +
                                     std::chrono::seconds(name == far.name ? 30 : 1));
  };
  EXPECT_TRUE(reaches("far"));
  EXPECT_FALSE(reaches("near"));
  server->Shutdown();
}

TEST_F(ControlLink, ACertificateIsRenewedOverTheLink) {
  const Identity identity = server_.join("edge-1");
  LinkRelay relay(server_, identity);
  relay.connect();
  Identity renewed{"edge-1", {}, make_private_key()};
  v1::SyncUp up;
  up.set_signing_request(*make_signing_request(renewed.key, "edge-2"));
  relay.send(up);
  ASSERT_TRUE(eventually([&] { return relay.certificate().has_value(); }));
  renewed.certificate = *relay.certificate();
  EXPECT_EQ(read_certificate(renewed.certificate)->name, "edge-1");
  EXPECT_NE(read_certificate(renewed.certificate)->serial,
            read_certificate(identity.certificate)->serial);
  LinkRelay again(server_, renewed);
  again.connect();
  EXPECT_TRUE(eventually([&] { return again.welcomed(); }));
}

TEST_F(ControlLink, RemovalEndsAllStreamsAtOnceAndForGood) {
  const Identity identity = server_.join("edge-1");
  LinkRelay relay(server_, identity);
  relay.connect();
  ASSERT_TRUE(reaches_step("edge-1"));
  const auto stub = v1::RelayLink::NewStub(server_.channel(identity));
  grpc::ClientContext context;
  const auto ledger = stub->Ledger(&context);
  v1::LedgerAck ack;
  ASSERT_TRUE(ledger->Write(batch(1, {"01"})));
  ASSERT_TRUE(ledger->Read(&ack));

  ASSERT_TRUE(server_.fleet().remove("edge-1"));
  EXPECT_EQ(relay.end().error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_FALSE(ledger->Read(&ack));
  EXPECT_EQ(ledger->Finish().error_code(), grpc::StatusCode::UNAUTHENTICATED);
  relay.connect();
  EXPECT_EQ(relay.end().error_code(), grpc::StatusCode::UNAUTHENTICATED);

  LinkRelay anew(server_, server_.join("edge-1"));
  anew.connect();
  EXPECT_TRUE(reaches_step("edge-1"));
  relay.connect();
  EXPECT_EQ(relay.end().error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(ControlLink, RemovalByAnotherReplicaEndsTheStream) {
  LinkRelay relay(server_, server_.join("edge-1"));
  relay.connect();
  ASSERT_TRUE(reaches_step("edge-1"));
  ASSERT_TRUE(server_.store.commit({}, {{"fleet/relay/edge-1", std::nullopt}}));
  EXPECT_EQ(relay.end().error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(ControlLink, ARemovedRelayThatSaysNothingIsCutOffToo) {
  LinkRelay relay(server_, server_.join("edge-1"));
  relay.connect();
  ASSERT_TRUE(reaches_step("edge-1"));
  relay.mute = true;
  ASSERT_TRUE(server_.fleet().remove("edge-1"));
  EXPECT_EQ(relay.end().error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(ControlLink, WithoutACertificateOnlyEnrolmentIsOpen) {
  EXPECT_EQ(sync_status(server_.anonymous()).error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(ControlLink, ACertificateOfAnotherAuthorityOpensNothing) {
  const Identity good = server_.join("edge-1");
  const WallTime now = Clock::system().wall();
  const Authority other = *make_authority("fleet of the test", now - hours(1), now + hours(1));
  Identity stolen{"edge-1", {}, make_private_key()};
  stolen.certificate = *sign_request(
      other, *make_signing_request(stolen.key, "edge-1"),
      {.name = "edge-1", .hosts = {}, .from = now - hours(1), .until = now + hours(1)});
  // Its handshake fails, or the service refuses it: in no case is it a relay.
  EXPECT_FALSE(sync_status(server_.channel(stolen)).ok());
  EXPECT_FALSE(server_.status("edge-1").connected());
}

// Signed by the right authority, but never handed out by the roster: a server's certificate, or one
// of a relay that was removed and came back.
TEST_F(ControlLink, ACertificateThatIsNotInTheRosterOpensNothing) {
  server_.join("edge-1");
  const WallTime now = Clock::system().wall();
  Identity made{"edge-1", {}, make_private_key()};
  made.certificate = *sign_request(
      server_.authority(), *make_signing_request(made.key, "edge-1"),
      {.name = "edge-1", .hosts = {}, .from = now - hours(1), .until = now + hours(1)});
  EXPECT_EQ(sync_status(server_.channel(made)).error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(ControlLink, AnExpiredCertificateIsRefused) {
  const Identity good = server_.join("edge-1");
  const WallTime now = Clock::system().wall();
  Identity old{"edge-1", {}, good.key};
  old.certificate = *sign_request(
      server_.authority(), *make_signing_request(old.key, "edge-1"),
      {.name = "edge-1", .hosts = {}, .from = now - hours(2), .until = now - hours(1)});
  EXPECT_FALSE(sync_status(server_.channel(old)).ok());
}

// Of a relay that joined before relays were each other's servers.
TEST_F(ControlLink, ACertificateForClientsAloneOpensTheLinkAndIsRenewedForBoth) {
  server_.join("edge-1");
  const WallTime now = Clock::system().wall();
  Identity earlier{"edge-1", {}, make_private_key()};
  earlier.certificate = *sign_request(
      server_.authority(), *make_signing_request(earlier.key, "edge-1"),
      {.name = "edge-1", .hosts = {}, .from = now - hours(1), .until = now + hours(1)});
  ASSERT_FALSE(read_certificate(earlier.certificate)->server);
  v1::StoredRelay stored;
  ASSERT_TRUE(stored.ParseFromString((*server_.store.get("fleet/relay/edge-1"))->value));
  stored.mutable_certificates(0)->set_serial(read_certificate(earlier.certificate)->serial);
  ASSERT_TRUE(server_.store.commit({}, {{"fleet/relay/edge-1", stored.SerializeAsString()}}));
  server_.restart();
  LinkRelay relay(server_, earlier);
  relay.connect();
  ASSERT_TRUE(reaches_step("edge-1"));
  v1::SyncUp up;
  up.set_signing_request(*make_signing_request(make_private_key(), "edge-1"));
  relay.send(up);
  ASSERT_TRUE(eventually([&] { return relay.certificate().has_value(); }));
  EXPECT_TRUE(read_certificate(*relay.certificate())->server);
}

TEST_F(ControlLink, JoinTokensWorkOnceAndRightOnesOnly) {
  Identity identity;
  const std::string token = server_.join_token("edge-5");
  EXPECT_EQ(server_.enroll(token, "edge-6", &identity).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(server_.enroll(token, "edge-5", &identity).ok());
  EXPECT_EQ(server_.enroll(token, "edge-7", &identity).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(server_.enroll("nonsense", "edge-8", &identity).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(server_.audit.entries().size(), 4U);
}

TEST_F(ControlLink, ASecondConnectionReplacesTheFirst) {
  const Identity identity = server_.join("edge-1");
  LinkRelay first(server_, identity);
  first.connect();
  ASSERT_TRUE(reaches_step("edge-1"));
  LinkRelay second(server_, identity);
  second.connect();
  EXPECT_EQ(first.end().error_code(), grpc::StatusCode::ABORTED);
  EXPECT_TRUE(eventually([&] { return second.holds("route", "r"); }));
  EXPECT_TRUE(reaches_step("edge-1"));
  EXPECT_FALSE(second.ended());
}

TEST_F(ControlLink, ARelayThatDoesNotAnswerIsTakenForDead) {
  LinkRelay relay(server_, server_.join("edge-1"));
  relay.connect();
  ASSERT_TRUE(reaches_step("edge-1"));
  relay.mute = true;
  EXPECT_EQ(relay.end().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(eventually([&] { return !server_.status("edge-1").connected(); }));
}

// Its connection is alive, and the service's messages fill all that lies between.
TEST_F(ControlLink, ARelayThatDoesNotReadIsTakenForDead) {
  server_.configuration.change([](control::ConfigState* state) {
    for (int i = 0; i < 10; ++i) {
      v1::KeyPool& pool = state->key_pools["pool-" + std::to_string(i)];
      for (int k = 0; k < 9'000; ++k) pool.add_keys()->set_value(std::string(100, 'k'));
    }
  });
  const auto stub = v1::RelayLink::NewStub(server_.channel(server_.join("edge-1")));
  grpc::ClientContext context;
  const auto stream = stub->Sync(&context);
  v1::SyncUp up;
  up.mutable_hello()->add_types("key_pool");
  ASSERT_TRUE(stream->Write(up));
  ASSERT_TRUE(eventually([&] { return server_.status("edge-1").connected(); }));
  ASSERT_TRUE(eventually([&] { return !server_.status("edge-1").connected(); }));
  v1::SyncDown down;
  while (stream->Read(&down)) {
  }
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST_F(ControlLink, ARelayThatBreaksTheRulesIsTold) {
  LinkRelay relay(server_, server_.join("edge-1"));
  relay.connect();
  ASSERT_TRUE(reaches_step("edge-1"));
  v1::SyncUp up;
  up.mutable_hello();
  relay.send(up);
  EXPECT_EQ(relay.end().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ControlLink, UsageIsCountedOnceHoweverOftenItIsSent) {
  const auto channel = server_.channel(server_.join("edge-1"));
  const auto stub = v1::RelayLink::NewStub(channel);
  const auto send = [&](const v1::LedgerBatch& sent) {
    grpc::ClientContext context;
    const auto stream = stub->Ledger(&context);
    EXPECT_TRUE(stream->Write(sent));
    v1::LedgerAck ack;
    EXPECT_TRUE(stream->Read(&ack));
    EXPECT_EQ(ack.number(), sent.number());
    stream->WritesDone();
    EXPECT_TRUE(stream->Finish().ok());
  };
  v1::LedgerBatch losses = batch(2, {});
  losses.set_instance("first");
  losses.set_lost(4);
  for (int sent = 0; sent < 2; ++sent) {  // the acknowledgement was lost
    send(batch(1, {"01", "02"}));
    send(losses);
  }
  send(batch(2, {"02", "03"}));
  const auto report = server_.ledger().report({});
  ASSERT_TRUE(report);
  ASSERT_EQ(report->rows_size(), 1);
  EXPECT_EQ(report->lost(), 4U);
  EXPECT_EQ(report->rows(0).requests(), 3U);
  EXPECT_EQ(report->rows(0).output_tokens(), 30U);
  v1::UsageRequest by_relay;
  by_relay.set_relay("edge-1");
  EXPECT_EQ(server_.ledger().report(by_relay)->rows(0).requests(), 3U);
}

TEST_F(ControlLink, MetricsBecomeRates) {
  const Identity identity = server_.join("edge-1");
  const auto stub = v1::RelayLink::NewStub(server_.channel(identity));
  grpc::ClientContext context;
  v1::MetricsDone done;
  const auto writer = stub->Metrics(&context, &done);
  for (int i = 0; i < 2; ++i) {
    v1::MetricsReport report;
    report.mutable_time()->set_seconds(1000 + 10 * i);
    report.set_requests(100 + 50 * static_cast<uint64_t>(i));
    report.set_connections(7);
    v1::KeyCondition* key = report.add_keys();
    key->set_upstream("u");
    key->set_key("sk-a…9999");
    key->set_state("resting");
    ASSERT_TRUE(writer->Write(report));
  }
  writer->WritesDone();
  EXPECT_TRUE(writer->Finish().ok());
  const auto rates = server_.status("edge-1").rates();
  EXPECT_DOUBLE_EQ(rates.requests_per_second(), 5);
  EXPECT_EQ(rates.connections(), 7U);
  EXPECT_EQ(server_.attendance().totals().all.requests, 150U);
  EXPECT_TRUE(server_.fleet().key_conditions().empty()) << "the relay is not connected";
  LinkRelay relay(server_, identity);
  relay.connect();
  ASSERT_TRUE(reaches_step("edge-1"));
  ASSERT_EQ(server_.fleet().key_conditions().size(), 1U);
  EXPECT_EQ(server_.fleet().key_conditions()[0].second.state(), "resting");
}

TEST_F(ControlLink, TheEndOfTheServiceWaitsForNobody) {
  LinkRelay talking(server_, server_.join("edge-1"));
  talking.connect();
  LinkRelay silent(server_, server_.join("edge-2"));
  silent.mute = true;
  silent.connect();
  ASSERT_TRUE(eventually([&] { return silent.welcomed() && talking.welcomed(); }));
  server_.stop();
  EXPECT_EQ(talking.end().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(silent.end().error_code(), grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace culvert::test
