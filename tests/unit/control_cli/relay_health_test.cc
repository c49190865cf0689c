// How a relay's last report reads.
#include "control/cli/relay_health.h"

#include <gtest/gtest.h>

namespace culvert::cli {
namespace {

v1::PeerCondition peer(const std::string& name, const std::string& region, bool reachable) {
  v1::PeerCondition made;
  made.set_relay(name);
  made.set_region(region);
  made.set_reachable(reachable);
  return made;
}

class RelayHealth : public testing::Test {
 protected:
  Cell only() {
    const Rows rows = health_rows(relay_, WallTime{});
    EXPECT_EQ(rows.size(), 1U);
    name_ = rows.at(0).first;
    return rows.at(0).second;
  }
  v1::RelayStatus relay_;
  std::string name_;
};

TEST_F(RelayHealth, TellsOfAPeerHowFarItIs) {
  *relay_.add_peers() = peer("edge-2", "us-east", true);
  relay_.mutable_peers(0)->set_round_trip_ms(81.26);
  const Cell cell = only();
  EXPECT_EQ(name_, "peer edge-2");
  EXPECT_EQ(cell.text, "in us-east, reachable, 81.3 ms");
  EXPECT_EQ(cell.colour, Colour::kNone);
}

TEST_F(RelayHealth, TellsOfAPeerWhyItIsNotUsed) {
  *relay_.add_peers() = peer("edge-2", "", false);
  relay_.mutable_peers(0)->set_error("connection refused");
  Cell cell = only();
  EXPECT_EQ(cell.text, "not reachable: connection refused");
  EXPECT_EQ(cell.colour, Colour::kRed);
  *relay_.mutable_peers(0) = peer("edge-2", "us-east", true);
  relay_.mutable_peers(0)->set_draining(true);
  cell = only();
  EXPECT_EQ(cell.text, "in us-east, reachable, draining");
  EXPECT_EQ(cell.colour, Colour::kYellow);
}

TEST_F(RelayHealth, ShowsCertificatesTargetsPeersPools) {
  relay_.add_pools()->set_pool("batch");
  relay_.mutable_pools(0)->set_keys(3);
  relay_.mutable_pools(0)->set_left(2);
  *relay_.add_peers() = peer("edge-2", "us-east", true);
  v1::TargetCondition* target = relay_.add_targets();
  target->set_upstream("openai");
  target->set_target("https://a.example");
  target->set_breaker("open");
  relay_.mutable_listener_certificate_until()->set_seconds(1);
  const Rows rows = health_rows(relay_, WallTime{});
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0].first, "listeners until");
  EXPECT_EQ(rows[1].first, "target of openai");
  EXPECT_EQ(rows[1].second.text, "https://a.example failing, breaker open");
  EXPECT_EQ(rows[1].second.colour, Colour::kRed);
  EXPECT_EQ(rows[2].first, "peer edge-2");
  EXPECT_EQ(rows[3].second.text, "2 of 3 keys left");
  EXPECT_EQ(rows[3].second.colour, Colour::kRed);
}

}  // namespace
}  // namespace culvert::cli
