// A key may rest for one model and serve others.
#include "relay/keys/model_rests.h"

#include "relay/keys/key_ring.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(ModelRests, KnowsModelsApart) {
  ModelRests rests;
  const Instant now{hours(1)};
  EXPECT_EQ(rests.resting("a"), Instant());
  rests.rest("a", now + seconds(10), now);
  rests.rest("b", now + seconds(20), now);
  rests.rest("a", now + seconds(30), now);
  EXPECT_EQ(rests.resting("a"), now + seconds(30));
  EXPECT_EQ(rests.resting("b"), now + seconds(20));
  EXPECT_EQ(rests.resting("c"), Instant());
}

TEST(ModelRests, AreBounded) {
  ModelRests rests;
  const Instant now{hours(1)};
  for (int i = 0; i < 1000; ++i) rests.rest(std::to_string(i), now + seconds(i), now);
  EXPECT_EQ(rests.resting("0"), Instant());
  EXPECT_EQ(rests.resting("999"), now + seconds(999));
}

TEST(ModelRests, AQuotaOfOneModelLeavesTheOthers) {
  FakeClock clock;
  SeededRandom random(1);
  KeyRing ring(clock, random);
  KeyPool spec;
  spec.upstream = "gemini";
  spec.rest = seconds(60);
  spec.isolation = minutes(10);
  spec.keys.emplace_back("key-number-0123456789");
  const auto pool = ring.pool(spec);
  pool->choose({{}, {}, "pro"})->report(KeyRefusal{RefusalKind::kQuota, hours(5), true});
  EXPECT_TRUE(pool->choose({{}, {}, "flash"}));
  EXPECT_EQ(pool->health(0), KeyHealth::kReady);
  const auto none = pool->choose({{}, {}, "pro"});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kKeysRateLimited);
  EXPECT_EQ(none.error().retry_after, 5 * 3600);
  clock.advance(hours(5));
  EXPECT_TRUE(pool->choose({{}, {}, "pro"}));
}

}  // namespace
}  // namespace culvert
