// The service's probes and metrics, asked over HTTP.
#include "control/fleet/registry.h"
#include "control/web/server.h"
#include "tests/fakes/cpp/control_parts.h"
#include "tests/fakes/cpp/memory_store.h"

#include <gtest/gtest.h>
#include <httplib.h>

namespace culvert::control {
namespace {

class WebTest : public testing::Test {
 protected:
  WebTest() {
    v1::StoredRelay relay;
    relay.set_region("eu-west");
    relay.add_certificates()->mutable_until()->set_seconds(1'800'000'000);
    EXPECT_TRUE(store_.commit({}, {{"fleet/relay/edge-1", relay.SerializeAsString()},
                                   {"fleet/relay/edge-2", relay.SerializeAsString()}}));
    EXPECT_TRUE(roster_.refresh());
    auto started = WebServer::start(
        {registry_, attendance_, switchboard_, configuration_, ledger_, [this] { return ready_; }},
        *SocketAddress::parse("127.0.0.1:0"));
    EXPECT_TRUE(started);
    server_ = std::move(*started);
  }
  httplib::Result get(const std::string& path) {
    return httplib::Client("127.0.0.1", server_->port()).Get(path);
  }
  std::string metrics() { return get("/metrics")->body; }
  bool has(const std::string& line) {
    const std::string text = "\n" + metrics();
    const bool found = text.find("\n" + line + "\n") != std::string::npos;
    if (!found) ADD_FAILURE() << line << " is not in\n" << text;
    return found;
  }
  void report(uint64_t requests) {
    v1::MetricsReport made;
    made.set_requests(requests);
    made.set_output_tokens(10 * requests);
    v1::UpstreamCounters* upstream = made.add_upstreams();
    upstream->set_upstream("open\"ai\n");
    upstream->set_requests(requests);
    attendance_.reported("edge-1", made);
  }

  FakeClock clock_;
  test::MemoryStore store_;
  test::ChangingConfiguration configuration_;
  test::RememberedLedger ledger_;
  Roster roster_{store_};
  JoinTokens tokens_{store_, clock_};
  Attendance attendance_;
  Targets targets_{configuration_, roster_};
  Switchboard switchboard_;
  Registry registry_{{roster_, tokens_, attendance_, targets_, switchboard_, clock_}, "00"};
  Result<void> ready_;
  std::unique_ptr<WebServer> server_;
};

TEST_F(WebTest, AnswersProbes) {
  EXPECT_EQ(get("/healthz")->status, 200);
  EXPECT_EQ(get("/readyz")->status, 200);
  ready_ = Error::ours(Code::kSystem, Stage::kNone, "the store is away");
  const auto answer = get("/readyz");
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(answer->body, "the store is away\n");
  EXPECT_EQ(get("/healthz")->status, 200);
}

TEST_F(WebTest, HasNothingElse) {
  for (const char* path : {"/", "/debug", "/metrics/x", "/../etc/passwd"}) {
    EXPECT_EQ(get(path)->status, 404) << path;
  }
  httplib::Client client("127.0.0.1", server_->port());
  EXPECT_EQ(client.Post("/metrics", "x", "text/plain")->status, 404);
}

TEST_F(WebTest, TellsOfEachRelayAndOfAll) {
  Speaker speaker{"edge-1", 1};
  attendance_.arrived(speaker, {});
  report(100);
  report(160);
  report(20);  // restarted
  EXPECT_TRUE(has("culvert_fleet_relays 2"));
  EXPECT_TRUE(has("culvert_fleet_relays_connected 1"));
  EXPECT_TRUE(has(R"(culvert_relay_connected{relay="edge-1",region="eu-west"} 1)"));
  EXPECT_TRUE(has(R"(culvert_relay_connected{relay="edge-2",region="eu-west"} 0)"));
  EXPECT_TRUE(has(R"(culvert_relay_in_step{relay="edge-1",region="eu-west"} 1)"));
  EXPECT_TRUE(
      has("culvert_relay_certificate_expiry_timestamp_seconds{relay=\"edge-1\","
          "region=\"eu-west\"} 1800000000"));
  EXPECT_TRUE(has(R"(culvert_relay_requests_total{relay="edge-1"} 180)"));
  EXPECT_TRUE(has("culvert_fleet_requests_total 180"));
  EXPECT_TRUE(has("culvert_fleet_output_tokens_total 1800"));
  EXPECT_TRUE(has(R"(culvert_upstream_requests_total{upstream="open\"ai\n"} 180)"));
  // What a removed relay had counted stays counted.
  ASSERT_TRUE(registry_.remove("edge-1"));
  EXPECT_TRUE(has("culvert_fleet_relays 1"));
  EXPECT_TRUE(has("culvert_fleet_requests_total 180"));
  EXPECT_EQ(metrics().find("culvert_relay_requests_total{relay=\"edge-1\"}"), std::string::npos);
}

TEST_F(WebTest, TellsOfTheServiceItself) {
  configuration_.change([](ConfigState* state) { state->upstreams["u"]; });
  v1::UsageRecord record;
  record.set_id("1");
  ASSERT_TRUE(ledger_.append("edge-1", {record}, {"first", 4}));
  EXPECT_TRUE(has("culvert_control_config_revision 1"));
  EXPECT_TRUE(has("culvert_control_ready 1"));
  EXPECT_TRUE(has("culvert_ledger_records 1"));
  EXPECT_TRUE(has("culvert_ledger_lost_records_total 4"));
  EXPECT_TRUE(has("culvert_control_link_streams 0"));
}

TEST_F(WebTest, RefusesAnAddressThatIsTaken) {
  const auto second = WebServer::start(
      {registry_, attendance_, switchboard_, configuration_, ledger_, [this] { return ready_; }},
      {Address::v4({192, 0, 2, 77}), 9});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().detail, "192.0.2.77:9 cannot be listened on");
}

TEST_F(WebTest, StopsWhileAClientHoldsAConnection) {
  httplib::Client client("127.0.0.1", server_->port());
  client.set_keep_alive(true);
  EXPECT_EQ(client.Get("/healthz")->status, 200);
  server_.reset();
  EXPECT_FALSE(client.Get("/healthz"));
}

}  // namespace
}  // namespace culvert::control
