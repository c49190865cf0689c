// Keys that are refused leave the pool, are tested in the background and come back; who watches the
// pool is told once for each change.
#include "relay/base/limits.h"
#include "relay/keys/key_ring.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class IsolationTest : public testing::Test {
 protected:
  std::shared_ptr<const KeyPoolState> pool(size_t keys = 3, Duration isolation = minutes(10)) {
    KeyPool spec;
    spec.name = "main";
    spec.upstream = "openai";
    spec.rest = seconds(60);
    spec.isolation = isolation;
    for (size_t i = 0; i < keys; ++i) spec.keys.emplace_back("sk-key-" + std::to_string(1000 + i));
    return ring_.pool(spec);
  }
  static void refuse(const std::shared_ptr<const KeyPoolState>& from,
                     RefusalKind kind = RefusalKind::kInvalid) {
    auto lease = from->choose({}, {});
    ASSERT_TRUE(lease);
    lease->report(KeyRefusal{kind, hours(1), false});
  }
  // Moves on until a test is due; its result.
  Duration until_probe(const std::shared_ptr<const KeyPoolState>& from, KeyProbe* probe) {
    const Instant start = clock_.now();
    for (int i = 0; i < 100'000; ++i) {
      const auto due = from->due_probes(8);
      if (!due.empty()) {
        *probe = due.front();
        return clock_.now() - start;
      }
      clock_.advance(seconds(1));
    }
    ADD_FAILURE() << "no test";
    return {};
  }

  FakeClock clock_;
  SeededRandom random_{42};
  KeyRing ring_{clock_, random_};
};

TEST_F(IsolationTest, ATestThatSucceedsBringsTheKeyBack) {
  const auto keys = pool(1);
  refuse(keys);
  EXPECT_TRUE(keys->due_probes(8).empty());
  EXPECT_FALSE(keys->choose({}, {}));
  KeyProbe probe;
  EXPECT_LE(until_probe(keys, &probe), seconds(37));
  EXPECT_TRUE(keys->due_probes(8).empty()) << "handed out twice";
  keys->report(probe, ProbeResult::kGood);
  EXPECT_EQ(keys->health(0), KeyHealth::kReady);
  EXPECT_TRUE(keys->choose({}, {}));
  EXPECT_TRUE(keys->due_probes(8).empty());
}

TEST_F(IsolationTest, TestsAreRarerEachTimeUpToABound) {
  const auto keys = pool(1);
  refuse(keys);
  std::vector<double> pauses;
  KeyProbe probe;
  for (int i = 0; i < 12; ++i) {
    pauses.push_back(culvert::seconds(until_probe(keys, &probe)));
    keys->report(probe, ProbeResult::kBad);
    EXPECT_FALSE(keys->choose({}, {})) << "a client would test what is known to be bad";
  }
  for (size_t i = 0; i < pauses.size(); ++i) {
    const double middle = std::min(30.0 * static_cast<double>(1 << i), 3600.0);
    EXPECT_GE(pauses[i], middle * 0.79) << i;
    EXPECT_LE(pauses[i], middle * 1.21 + 1) << i;
  }
  keys->report(probe, ProbeResult::kGood);  // an old test says nothing new, but it is no setback
}

TEST_F(IsolationTest, ATestWithoutAResultDoesNotCount) {
  const auto keys = pool(1);
  refuse(keys);
  KeyProbe probe;
  until_probe(keys, &probe);
  keys->report(probe, ProbeResult::kUnknown);
  EXPECT_EQ(keys->health(0), KeyHealth::kIsolated);
  EXPECT_LE(until_probe(keys, &probe), seconds(75));
}

TEST_F(IsolationTest, AResultFromBeforeASetbackSaysNothing) {
  const auto keys = pool(1);
  const KeyProbe old = keys->begin_probe(0);
  refuse(keys);
  keys->report(old, ProbeResult::kGood);
  EXPECT_EQ(keys->health(0), KeyHealth::kIsolated);
}

TEST_F(IsolationTest, AKeyThatIsIsolatedAgainAndAgainIsTestedLessOften) {
  const auto keys = pool(1);
  KeyProbe probe;
  Duration last{};
  for (int i = 0; i < 5; ++i) {
    refuse(keys);
    last = until_probe(keys, &probe);
    keys->report(probe, ProbeResult::kGood);
  }
  EXPECT_GE(last, minutes(5));
  keys->choose({}, {})->report(KeyVerdict::kGood);  // it paid: all is forgotten
  refuse(keys);
  EXPECT_LE(until_probe(keys, &probe), seconds(37));
}

TEST_F(IsolationTest, AHealthCheckIsolatesAGoodKey) {
  const auto keys = pool(2);
  keys->report(keys->begin_probe(1), ProbeResult::kBad, RefusalKind::kSuspended);
  EXPECT_EQ(keys->health(1), KeyHealth::kIsolated);
  keys->report(keys->begin_probe(0), ProbeResult::kUnknown);
  keys->report(keys->begin_probe(0), ProbeResult::kGood);
  EXPECT_EQ(keys->health(0), KeyHealth::kReady);
}

TEST_F(IsolationTest, WithoutMoneyTimeAloneBringsAKeyBack) {
  const auto keys = pool(1);
  refuse(keys, RefusalKind::kBilling);
  clock_.advance(minutes(59));
  EXPECT_TRUE(keys->due_probes(8).empty());
  keys->report(keys->begin_probe(0), ProbeResult::kGood);
  EXPECT_FALSE(keys->choose({}, {}));
  clock_.advance(minutes(1));
  keys->choose({}, {})->report(KeyVerdict::kGood);
  EXPECT_EQ(keys->health(0), KeyHealth::kReady);
}

TEST_F(IsolationTest, ShortIsolationsEndBeforeATest) {
  const auto keys = pool(1, std::chrono::milliseconds(600));
  refuse(keys);
  clock_.advance(std::chrono::milliseconds(600));
  EXPECT_TRUE(keys->due_probes(8).empty());
  EXPECT_TRUE(keys->choose({}, {}));
}

TEST_F(IsolationTest, TestsCanBeTurnedOffAndAreNeverMadeForCallers) {
  KeyPool spec;
  spec.upstream = "openai";
  spec.isolation = minutes(10);
  spec.keys.emplace_back("sk-key-0123456789");
  spec.probe = false;
  const auto off = ring_.pool(spec);
  refuse(off);
  const auto callers =
      ring_.callers_pool("openai", {Secret("sk-own-0123456789")}, seconds(60), minutes(10));
  refuse(callers);
  clock_.advance(hours(5));
  EXPECT_TRUE(off->due_probes(8).empty());
  EXPECT_TRUE(callers->due_probes(8).empty());
  EXPECT_TRUE(off->choose({}, {}));
}

TEST_F(IsolationTest, CountsWhatIsLeft) {
  const auto keys = pool(5);
  EXPECT_EQ(keys->left(), 5U);
  refuse(keys);
  EXPECT_EQ(keys->left(), 4U);
  refuse(keys, RefusalKind::kQuota);
  EXPECT_EQ(keys->left(), 3U);
  refuse(keys, RefusalKind::kRate);  // a minute's rest is no loss
  EXPECT_EQ(keys->left(), 3U);
  clock_.advance(hours(1));
  EXPECT_EQ(keys->left(), 4U);
}

TEST_F(IsolationTest, SaysEachChangeOnce) {
  const auto keys = pool(5);
  testing::internal::CaptureStderr();
  refuse(keys);
  keys->tell_changes();
  keys->tell_changes();
  refuse(keys, RefusalKind::kQuota);
  clock_.advance(hours(1));
  keys->tell_changes();
  keys->tell_changes();
  const std::string said = testing::internal::GetCapturedStderr();
  size_t fewer = 0;
  for (size_t at = said.find("fewer keys"); at != std::string::npos;
       at = said.find("fewer keys", at + 1)) {
    ++fewer;
  }
  EXPECT_EQ(fewer, 2U) << said;
  EXPECT_EQ(said.find("more keys again"), said.rfind("more keys again")) << said;
  EXPECT_NE(said.find(R"("left":3)"), std::string::npos) << said;
  EXPECT_NE(said.find(R"("pool":"main")"), std::string::npos) << said;
  EXPECT_EQ(said.find("sk-key-1"), std::string::npos) << "keys are masked";
}

TEST_F(IsolationTest, WhatIsNotAboutTheKeyCostsNone) {
  const auto keys = pool(1);
  refuse(keys, RefusalKind::kOtherKey);
  refuse(keys, RefusalKind::kNone);
  EXPECT_EQ(keys->health(0), KeyHealth::kReady);
  EXPECT_EQ(keys->state(0).setbacks.load(), 0U);
}

TEST_F(IsolationTest, KeysLeaveFromTheirAddress) {
  KeyPool spec;
  spec.upstream = "openai";
  spec.keys.emplace_back("sk-key-0");
  spec.keys.emplace_back("sk-key-1");
  spec.exits = {Exit{Address::parse("192.0.2.7"), {}}, Exit{std::nullopt, "us"}};
  const auto keys = ring_.pool(spec);
  EXPECT_EQ(keys->choose({{1}, {}, {}})->way_out().address, Address::parse("192.0.2.7"));
  EXPECT_EQ(keys->choose({{0}, {}, {}})->way_out().via, "us");
}

}  // namespace
}  // namespace culvert
