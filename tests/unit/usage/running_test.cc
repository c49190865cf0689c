// What ran when a process died is there for the next one, as it stood.
#include "relay/usage/running.h"

#include "tests/unit/usage/folder.h"

#include <gtest/gtest.h>

#include <optional>

namespace culvert {
namespace {

RequestRecord record(const std::string& id) {
  RequestRecord out;
  out.id = std::string(32 - id.size(), '0') + id;
  out.time = WallTime(std::chrono::milliseconds(1'700'000'000'123));
  out.tenant = "acme";
  out.token_id = "t1";
  out.route = "r";
  out.upstream = "openai";
  out.model = "gpt";
  out.key = "sk-a…zzzz";
  out.status = 200;
  out.attempts = 2;
  return out;
}

class RunningTest : public testing::Test {
 protected:
  // A destructor is the same as a kill here: slots are freed by their owners alone.
  Running open(size_t slots = 4) {
    auto running = Running::open(folder_.path() + "/running", slots);
    EXPECT_TRUE(running.has_value());
    return std::move(running).value();
  }
  test::Folder folder_;
};

TEST_F(RunningTest, NothingIsLeftOfANewFile) {
  Running running = open();
  EXPECT_TRUE(running.take_left().empty());
}

TEST_F(RunningTest, WhatRanIsLeftAsItStood) {
  {
    Running running = open();
    running.begin();
    RequestRecord one = record("a");
    RunningSlot* slot = running.take(one);
    ASSERT_NE(slot, nullptr);
    one.model = "gpt-6";
    Running::write_names(slot, one);
    one.usage = UsageClass::kEstimated;
    one.tokens_in = 7;
    one.tokens_out = 9;
    one.bytes_in = 100;
    one.bytes_out = 200;
    one.first_token_ms = 30;
    one.total_ms = 40;
    Running::write_counts(slot, one);
  }
  Running running = open();
  const auto left = running.take_left();
  ASSERT_EQ(left.size(), 1U);
  const RequestRecord& one = left[0];
  EXPECT_EQ(one.id, record("a").id);
  EXPECT_EQ(one.time, record("a").time);
  EXPECT_EQ(one.tenant + one.token_id + one.route + one.upstream, "acmet1ropenai");
  EXPECT_EQ(one.model, "gpt-6");
  EXPECT_EQ(one.key, "sk-a…zzzz");
  EXPECT_EQ(one.usage, UsageClass::kEstimated);
  EXPECT_EQ(one.tokens_in, 7U);
  EXPECT_EQ(one.tokens_out, 9U);
  EXPECT_EQ(one.tokens_cached, std::nullopt);
  EXPECT_EQ(one.bytes_in, 100U);
  EXPECT_EQ(one.bytes_out, 200U);
  EXPECT_EQ(one.first_token_ms, 30);
  EXPECT_EQ(one.total_ms, 40);
  EXPECT_EQ(one.attempts, 2);
  EXPECT_EQ(one.status, 200);
}

TEST_F(RunningTest, WhatEndedIsNotLeft) {
  {
    Running running = open();
    running.begin();
    RunningSlot* first = running.take(record("a"));
    running.take(record("b"));
    running.give_back(first);
  }
  Running running = open();
  ASSERT_EQ(running.take_left().size(), 1U);
  EXPECT_EQ(running.take_left()[0].id, record("b").id);
  running.begin();
  EXPECT_TRUE(running.take_left().empty());
}

TEST_F(RunningTest, ASlotLessCostsTheGuardOnly) {
  Running running = open(2);
  running.begin();
  RunningSlot* slot = running.take(record("a"));
  EXPECT_NE(running.take(record("b")), nullptr);
  EXPECT_EQ(running.take(record("c")), nullptr);
  running.give_back(slot);
  EXPECT_EQ(running.take(record("c")), slot);
}

TEST_F(RunningTest, FewerSlotsThanBeforeLoseNothing) {
  {
    Running running = open(8);
    running.begin();
    for (const char* id : {"a", "b", "c", "d", "e"}) running.take(record(id));
  }
  Running running = open(2);
  EXPECT_EQ(running.take_left().size(), 5U);
  running.begin();
  EXPECT_NE(running.take(record("x")), nullptr);
  EXPECT_NE(running.take(record("y")), nullptr);
  EXPECT_EQ(running.take(record("z")), nullptr);
}

TEST_F(RunningTest, LongNamesAreCutBetweenCharactersOfWhatCanBeRead) {
  {
    Running running = open();
    running.begin();
    RequestRecord one = record("a");
    one.model = std::string(103, 'm') + "数";
    one.tenant = std::string(500, 't');
    running.take(one);
  }
  const auto left = open().take_left();
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].model, std::string(103, 'm') + "\xEF\xBF\xBD");
  EXPECT_EQ(left[0].tenant, std::string(64, 't'));
}

TEST_F(RunningTest, AFileOfNonsenseIsNoRequests) {
  test::write(folder_.path() + "/running", std::string(3000, 'x'));
  EXPECT_TRUE(open().take_left().empty());
}

}  // namespace
}  // namespace culvert
