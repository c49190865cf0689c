// How a target is asked, and what its answer says. The asking itself: tests/integration/life.
#include "relay/flow/target_check.h"

#include "relay/keys/key_ring.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using std::chrono::seconds;

class TargetCheckTest : public testing::Test {
 protected:
  TargetCheckTest() {
    upstream_.name = "u";
    upstream_.dialect = Dialect::kOpenAi;
    upstream_.targets = {{{"https", "u.test", 443, ""}, 1}};
  }
  std::shared_ptr<const KeyPoolState> pool(std::vector<Secret> keys) {
    KeyPool spec;
    spec.name = "p";
    spec.upstream = "u";
    spec.keys = std::move(keys);
    spec.rest = seconds(60);
    spec.isolation = seconds(600);
    return ring_.pool(spec);
  }
  CheckCall call(const KeyPoolState* pool, size_t turn = 0) {
    return check_call(upstream_, upstream_.targets.front().url, pool, turn);
  }

  FakeClock clock_;
  SeededRandom random_{5};
  KeyRing ring_{clock_, random_};
  Upstream upstream_;
  HealthCheckSettings& settings_ = upstream_.health_check;
};

TEST_F(TargetCheckTest, WithoutAPoolTheUsualListIsAskedForWithoutAKey) {
  EXPECT_EQ(call(nullptr).path, "/v1/models");
  EXPECT_TRUE(call(nullptr).key.empty());
  upstream_.dialect = Dialect::kOpaque;
  EXPECT_EQ(call(nullptr).path, "");
  settings_.path = "/health";
  EXPECT_EQ(call(nullptr).path, "/health");
}

TEST_F(TargetCheckTest, WhereKeysAreTestedATargetIsOnlyConnectedTo) {
  const auto keys = pool({Secret("sk-one-0123456789"), Secret("sk-two-0123456789")});
  EXPECT_EQ(call(keys.get()).path, "");
  settings_.keys = false;
  EXPECT_EQ(call(keys.get()).path, "/v1/models");
  EXPECT_TRUE(call(keys.get()).key.empty());
}

TEST_F(TargetCheckTest, AConfiguredPathIsAskedForWithOneReadyKeyAfterTheOther) {
  const auto keys = pool({Secret("sk-one-0123456789"), Secret("sk-two-0123456789")});
  settings_.path = "/v1/models";
  EXPECT_EQ(call(keys.get(), 0).key.reveal(), "sk-one-0123456789");
  EXPECT_EQ(call(keys.get(), 1).key.reveal(), "sk-two-0123456789");
  keys->report(keys->begin_probe(1), ProbeResult::kBad);
  EXPECT_EQ(call(keys.get(), 1).key.reveal(), "sk-one-0123456789");
  keys->report(keys->begin_probe(0), ProbeResult::kBad);
  EXPECT_EQ(call(keys.get()).path, "");  // no key that could be shown
}

TEST_F(TargetCheckTest, ByAnEgressProxyOnlyAnAnswerTellsAnything) {
  upstream_.egress_proxy = Secret("http://proxy.test:3128");
  const auto keys = pool({Secret("sk-one-0123456789")});
  EXPECT_EQ(call(keys.get()).path, "/v1/models");
  EXPECT_TRUE(TargetCheck::possible(upstream_, call(keys.get())));
  upstream_.dialect = Dialect::kOpaque;
  EXPECT_FALSE(TargetCheck::possible(upstream_, call(nullptr)));
}

TEST_F(TargetCheckTest, OnlyItsOwnIllnessCountsAgainstATarget) {
  for (const int status : {200, 204, 301, 401, 403, 404, 429}) {
    EXPECT_TRUE(answers_well(status, settings_, false)) << status;
  }
  for (const int status : {500, 502, 503, 529}) {
    EXPECT_FALSE(answers_well(status, settings_, false)) << status;
  }
}

TEST_F(TargetCheckTest, AConfiguredPathHasToAnswer) {
  settings_.path = "/health";
  EXPECT_TRUE(answers_well(204, settings_, false));
  EXPECT_TRUE(answers_well(401, settings_, false));
  for (const int status : {301, 404, 500}) {
    EXPECT_FALSE(answers_well(status, settings_, false)) << status;
  }
}

TEST_F(TargetCheckTest, ConfiguredStatusesAreAllThatIsWellButForTheKeysAffairs) {
  settings_.statuses = {204, 500};
  EXPECT_TRUE(answers_well(500, settings_, false));
  EXPECT_FALSE(answers_well(200, settings_, false));
  EXPECT_FALSE(answers_well(401, settings_, false));
  EXPECT_TRUE(answers_well(401, settings_, true));
}

}  // namespace
}  // namespace culvert
