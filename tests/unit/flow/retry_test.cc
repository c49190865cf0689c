// The rules of trying again, one by one.
#include "relay/flow/retry.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

RetrySettings defaults() {
  RetrySettings out;
  out.attempts = 4;
  out.statuses = {429, 500, 502, 503, 504, 529};
  out.backoff = milliseconds(250);
  out.backoff_most = seconds(8);
  out.within = seconds(60);
  out.budget_percent = 10;
  out.budget_least = 3;
  return out;
}

// Everything is there to be tried.
Left all_left() {
  Left left;
  left.other_target = left.other_destination = left.shunned_target = true;
  return left;
}

Left nothing_left() { return {}; }

class RetryTest : public testing::Test {
 protected:
  Decision after(const Ending& ending, const Progress& progress, const Left& left) {
    return decide(ending, progress, left, settings_, random_);
  }
  Next next(const Ending& ending, const Progress& progress, const Left& left) {
    return after(ending, progress, left).next;
  }
  static Ending broken(Stage stage, Code code, Retry retry = Retry::kNever) {
    return Ending::broken(Error::upstream(code, stage, retry, {}));
  }
  static Ending refused_connection() {
    return broken(Stage::kConnect, Code::kConnectFailed, Retry::kOtherUpstream);
  }

  RetrySettings settings_ = defaults();
  SeededRandom random_{9};
  Progress sent_{.exposed = true};  // a POST of which something has left
};

TEST_F(RetryTest, AGoodAnswerIsTheClients) {
  for (const int status : {200, 204, 301, 400, 404, 422, 501}) {
    EXPECT_EQ(next(Ending::answer(status), sent_, all_left()), Next::kDone) << status;
  }
}

TEST_F(RetryTest, AnsweredStatusesAreRepeatedAlsoForAPost) {
  for (const uint16_t status : settings_.statuses) {
    EXPECT_NE(next(Ending::answer(status), sent_, all_left()), Next::kDone) << status;
  }
}

TEST_F(RetryTest, APostWithoutAnAnswerIsNeverRepeated) {
  const Stage stages[] = {Stage::kSend, Stage::kFirstByte, Stage::kBody};
  const Code codes[] = {Code::kUpstreamClosed, Code::kFirstByteTimeout, Code::kBadAnswer,
                        Code::kIdleTimeout, Code::kConnectTimeout};
  Left left = all_left();
  left.other_strategy = left.fresh_connection = true;
  for (const Stage stage : stages) {
    for (const Code code : codes) {
      for (const Retry retry : {Retry::kNever, Retry::kOtherKey, Retry::kOtherUpstream}) {
        EXPECT_EQ(next(broken(stage, code, retry), sent_, left), Next::kDone);
      }
    }
  }
}

TEST_F(RetryTest, OneThatTheUpstreamDidNotTakeIs) {
  Left left = all_left();
  left.fresh_connection = true;
  const Ending untaken = broken(Stage::kSend, Code::kUpstreamClosed, Retry::kFreshConnection);
  EXPECT_EQ(next(untaken, sent_, left), Next::kFreshConnection);
  left.fresh_connection = false;
  EXPECT_EQ(next(untaken, sent_, left), Next::kOtherTarget);
}

TEST_F(RetryTest, AnIdempotentOneIsRepeatedWhateverHappened) {
  const Ending silent = broken(Stage::kFirstByte, Code::kFirstByteTimeout);
  EXPECT_EQ(next(silent, {.exposed = true, .idempotent = true}, all_left()), Next::kOtherTarget);
}

TEST_F(RetryTest, BeforeTheBodyAPostIsToo) {
  EXPECT_EQ(next(broken(Stage::kSend, Code::kUpstreamClosed), {}, all_left()), Next::kOtherTarget);
  EXPECT_EQ(next(refused_connection(), {}, all_left()), Next::kOtherTarget);
}

TEST_F(RetryTest, NothingIsRepeatedOnceTheClientHasSeenSomething) {
  const Progress seen{.client_saw = true};
  EXPECT_EQ(next(Ending::answer(503), seen, all_left()), Next::kDone);
  EXPECT_EQ(next(refused_connection(), seen, all_left()), Next::kDone);
}

TEST_F(RetryTest, NothingIsRepeatedThatIsNotKept) {
  EXPECT_EQ(next(Ending::answer(503), {.replayable = false}, all_left()), Next::kDone);
}

TEST_F(RetryTest, AttemptsAndTimeAreBounded) {
  Left left = all_left();
  left.attempts = 4;
  EXPECT_EQ(next(Ending::answer(503), {}, left), Next::kDone);
  left.attempts = 3;
  EXPECT_EQ(next(Ending::answer(503), {}, left), Next::kOtherTarget);
  left.elapsed = seconds(60);
  EXPECT_EQ(next(Ending::answer(503), {}, left), Next::kDone);
  settings_.attempts = 1;
  EXPECT_EQ(next(Ending::answer(503), {}, all_left()), Next::kDone);
}

TEST_F(RetryTest, OtherKeyThenOtherTargetThenOtherUpstream) {
  Left left = all_left();
  const Ending refused = Ending::answer(429, seconds(7), true);
  EXPECT_EQ(next(refused, {.other_key = true}, left), Next::kOtherKey);
  EXPECT_FALSE(after(refused, {.other_key = true}, left).counted);
  EXPECT_EQ(next(refused, {}, left), Next::kOtherDestination);
  EXPECT_EQ(next(Ending::answer(401, {}, true), {}, left), Next::kOtherDestination);
  EXPECT_EQ(next(Ending::answer(503), {.other_key = true}, left), Next::kOtherTarget);
  left.other_target = false;
  EXPECT_EQ(next(Ending::answer(503), {}, left), Next::kOtherDestination);
  left.other_destination = false;
  EXPECT_EQ(next(Ending::answer(503), {}, left), Next::kShunnedTarget);
  left.shunned_target = false;
  EXPECT_EQ(next(Ending::answer(503), {}, left), Next::kSameTarget);
}

// Attempts do not bound the search for a good key; time and the pool's own bound do.
TEST_F(RetryTest, AGoodKeyIsLookedForBeyondTheAttempts) {
  const Ending refused = Ending::answer(401, {}, true);
  Left left = all_left();
  left.attempts = 4;
  EXPECT_EQ(next(refused, {.other_key = true}, left), Next::kOtherKey);
  left.elapsed = seconds(30);
  left.attempts = 1;
  EXPECT_EQ(next(refused, {.other_key = true}, left), Next::kOtherDestination);
  left.other_destination = false;
  EXPECT_EQ(next(refused, {.other_key = true}, left), Next::kOtherKey);
  left.elapsed = seconds(60);
  EXPECT_EQ(next(refused, {.other_key = true}, left), Next::kDone);
  settings_.attempts = 1;
  EXPECT_EQ(next(refused, {.other_key = true}, all_left()), Next::kDone);
}

TEST_F(RetryTest, AnUpstreamThatAsksNotToBeAskedAgainIsNot) {
  Ending ending = Ending::answer(500);
  ending.not_again = true;
  EXPECT_EQ(next(ending, sent_, all_left()), Next::kOtherDestination);
  Left left = all_left();
  left.other_destination = false;
  EXPECT_EQ(next(ending, sent_, left), Next::kDone);
  // It is said of the account that was asked.
  ending = Ending::answer(429, {}, true);
  ending.not_again = true;
  EXPECT_EQ(next(ending, {.other_key = true}, left), Next::kOtherKey);
}

TEST_F(RetryTest, AKeyThatNobodyElseHasIsItsOwnersBusiness) {
  EXPECT_EQ(next(Ending::answer(401), {}, all_left()), Next::kDone);
  EXPECT_EQ(next(Ending::answer(403), {}, all_left()), Next::kDone);
  Left left = all_left();
  left.other_destination = false;
  const auto decision = after(Ending::answer(429, seconds(3)), {}, left);  // other targets too
  EXPECT_EQ(decision.next, Next::kSameTarget);
  EXPECT_GE(decision.pause, seconds(3));
}

TEST_F(RetryTest, TheBudgetBoundsTheSameUpstreamOnly) {
  Left left = all_left();
  left.budget = false;
  EXPECT_EQ(next(Ending::answer(503), {}, left), Next::kOtherDestination);
  left.other_destination = false;
  EXPECT_EQ(next(Ending::answer(503), {}, left), Next::kDone);
  left.owed = true;
  EXPECT_EQ(next(Ending::answer(503), {}, left), Next::kOtherTarget);
  EXPECT_FALSE(after(Ending::answer(503), {}, left).counted);
}

TEST_F(RetryTest, PausesHaveFullJitterAndABound) {
  for (uint32_t made = 0; made < 10; ++made) {
    Left left = nothing_left();
    left.pauses = made;
    Duration longest{};
    Duration shortest = seconds(100);
    for (int i = 0; i < 2000; ++i) {
      const auto decision = after(Ending::answer(503), {}, left);
      ASSERT_EQ(decision.next, Next::kSameTarget);
      ASSERT_TRUE(decision.counted);
      longest = std::max(longest, decision.pause);
      shortest = std::min(shortest, decision.pause);
    }
    const Duration bound = std::min<Duration>(milliseconds(500) * (1 << made), seconds(8));
    EXPECT_LE(longest, bound);
    EXPECT_GE(longest, bound / 100 * 95);
    EXPECT_LE(shortest, bound / 100 * 5);
  }
}

TEST_F(RetryTest, RetryAfterIsKeptWhereItFits) {
  Left left = nothing_left();
  EXPECT_GE(after(Ending::answer(503, seconds(20)), {}, left).pause, seconds(20));
  left.elapsed = seconds(45);
  const auto late = after(Ending::answer(503, seconds(20)), {}, left);
  EXPECT_EQ(late.next, Next::kDone);
  EXPECT_EQ(late.retry_after, seconds(20));
  left.other_target = true;  // who does not wait loses no time
  EXPECT_EQ(next(Ending::answer(503, seconds(20)), {}, left), Next::kOtherTarget);
}

TEST_F(RetryTest, StrategiesFallBackBeforeTheBody) {
  Left left = nothing_left();
  left.other_strategy = true;
  EXPECT_EQ(next(refused_connection(), {}, left), Next::kOtherStrategy);
  const Ending early = broken(Stage::kSend, Code::kUpstreamClosed);
  EXPECT_EQ(next(early, {}, left), Next::kOtherStrategy);
  EXPECT_EQ(next(early, sent_, left), Next::kDone);
  left.aggressive_fallback = false;
  EXPECT_EQ(next(refused_connection(), {}, left), Next::kOtherStrategy);
  EXPECT_NE(next(early, {}, left), Next::kOtherStrategy);
  EXPECT_NE(next(Ending::answer(503), {}, left), Next::kOtherStrategy);
}

TEST_F(RetryTest, ARefusedCertificateIsAskedForElsewhereOnly) {
  const Ending refused = broken(Stage::kTls, Code::kTlsFailed, Retry::kNever);
  EXPECT_EQ(next(refused, {}, nothing_left()), Next::kDone);
  EXPECT_EQ(next(broken(Stage::kTls, Code::kTlsFailed, Retry::kOtherUpstream), {}, nothing_left()),
            Next::kSameTarget);
  Left left = nothing_left();
  left.shunned_target = true;
  EXPECT_EQ(next(refused, {}, left), Next::kShunnedTarget);
  left.other_destination = true;
  EXPECT_EQ(next(refused, {}, left), Next::kOtherDestination);
  left.other_target = true;
  EXPECT_EQ(next(refused, {}, left), Next::kOtherTarget);
  left.other_strategy = true;
  EXPECT_EQ(next(refused, {}, left), Next::kOtherStrategy);
}

TEST_F(RetryTest, StrategiesAreNoFurtherTries) {
  Left left = nothing_left();
  left.other_strategy = true;
  left.budget = false;
  settings_.attempts = 1;
  const auto decision = after(refused_connection(), {}, left);
  EXPECT_EQ(decision.next, Next::kOtherStrategy);
  EXPECT_FALSE(decision.counted);
}

TEST_F(RetryTest, OurOwnRefusalsGoToAnotherUpstreamOrToTheClient) {
  for (const Code code : {Code::kOverloaded, Code::kKeysRateLimited, Code::kKeysUnavailable}) {
    Error error = Error::ours(code, Stage::kLimit, {});
    error.retry_after = 5;
    EXPECT_EQ(next(Ending::broken(error), {}, all_left()), Next::kOtherDestination);
    const auto decision = after(Ending::broken(error), {}, nothing_left());
    EXPECT_EQ(decision.next, Next::kDone);
    EXPECT_EQ(decision.retry_after, seconds(5));
  }
  const Error bug = Error::ours(Code::kInternal, Stage::kConnect, {});
  EXPECT_EQ(next(Ending::broken(bug), {}, all_left()), Next::kDone);
  const Error gone = Error::client(Code::kClientGone, Stage::kBody, {});
  EXPECT_EQ(next(Ending::broken(gone), {}, all_left()), Next::kDone);
}

TEST_F(RetryTest, WhatAnEndingSaysOfItsTarget) {
  EXPECT_EQ(target_is_well(Ending::answer(200)), true);
  EXPECT_EQ(target_is_well(Ending::answer(429)), true);
  EXPECT_EQ(target_is_well(Ending::answer(501)), true);
  EXPECT_EQ(target_is_well(Ending::answer(500)), false);
  EXPECT_EQ(target_is_well(Ending::answer(529)), false);
  EXPECT_EQ(target_is_well(refused_connection()), false);
  EXPECT_EQ(target_is_well(broken(Stage::kSend, Code::kUpstreamClosed, Retry::kFreshConnection)),
            std::nullopt);
  EXPECT_EQ(target_is_well(Ending::broken(Error::ours(Code::kOverloaded, Stage::kLimit, {}))),
            std::nullopt);
}

TEST_F(RetryTest, IdempotentMethods) {
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"}) {
    EXPECT_TRUE(is_idempotent(method)) << method;
  }
  for (const char* method : {"POST", "PATCH", "get", ""}) EXPECT_FALSE(is_idempotent(method));
}

}  // namespace
}  // namespace culvert
