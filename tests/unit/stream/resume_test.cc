// The rules of recovery one by one, and the faults that other relays are known for (each by name).
#include "relay/stream/resume.h"

#include "relay/stream/resume_gemini.h"
#include "tests/unit/stream/resume_driver.h"

#include <gtest/gtest.h>

#include <iostream>
#include <memory>
#include <string>

namespace culvert::test {
namespace {

using Next = ResumeMove::Next;
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

const std::string kText = "Mary had a little lamb, its fleece was white as snow.";

std::string up_to(const std::string& stream, std::string_view word) {
  const size_t at = stream.find(word);
  return stream.substr(0, stream.find("\n\n", at) + 2);
}

Ran ran(const FakeGemini& api, std::string_view first, ResumeSettings settings = recovering()) {
  return Driver(api, settings).run(first, Cut::kFin);
}

TEST(Resume, ABlockIsFinalAndIsNotTriedAgain) {
  const FakeGemini api(kText);
  for (const char* reason : {"SAFETY", "RECITATION", "PROHIBITED_CONTENT", "MAX_TOKENS", "NEW"}) {
    const std::string stream = api.event("", reason, 1, 1);
    const Ran out = ran(api, stream);
    EXPECT_TRUE(out.whole) << reason;
    EXPECT_EQ(out.down, stream);
    EXPECT_EQ(out.story.attempts, 1U);
    EXPECT_EQ(out.story.unknown_end, std::string_view(reason) == "NEW" ? "NEW" : "");
  }
  const std::string blocked = "data: {\"promptFeedback\":{\"blockReason\":\"OTHER\"}}\n\n";
  EXPECT_EQ(ran(api, blocked).down, blocked);
}

TEST(Resume, TheWordBlockReasonInATextIsNoBlock) {
  const FakeGemini api("It says \"blockReason\" and \"finishReason\": STOP there, and goes on.");
  const std::string stream = api.stream(1);
  const Ran out = ran(api, std::string_view(stream).substr(0, stream.size() - 10));
  EXPECT_EQ(api.look(out.down).text, api.text());
  EXPECT_EQ(out.story.attempts, 2U);
}

TEST(Resume, NothingSentAsksForTheOriginalAgain) {
  const FakeGemini api(kText);
  const Ran out = ran(api, "");
  ASSERT_EQ(out.requests.size(), 1U);
  EXPECT_EQ(out.requests[0].kind, ResumeRequest::Kind::kOriginal);
  EXPECT_EQ(api.look(out.down).thoughts, "Let me think.");
}

TEST(Resume, OnlyThoughtsSentAsksAgainAndSwallowsNewOnes) {
  const FakeGemini api(kText);
  const Ran out = ran(api, up_to(api.stream(1), "Let me"));
  ASSERT_EQ(out.requests.size(), 1U);
  EXPECT_EQ(out.requests[0].kind, ResumeRequest::Kind::kOriginal);
  EXPECT_EQ(api.look(out.down).thoughts, "Let me ");
  EXPECT_EQ(api.look(out.down).text, kText);
}

TEST(Resume, ThoughtsAreNotGluedIntoTheModelsTurn) {
  const FakeGemini api(kText);
  const std::string stream = api.stream(1);
  const Ran out = ran(api, up_to(stream, json_literal(in_pieces(kText)[2])));
  ASSERT_EQ(out.requests.size(), 1U);
  EXPECT_EQ(out.requests[0].body.find("think"), std::string::npos);
  EXPECT_EQ(api.shown(out.requests[0]), kText.substr(0, 21));
  EXPECT_EQ(api.look(out.down).text, kText);
}

TEST(Resume, AStumbleIsTriedAgainOnlyWhileNothingWasSent) {
  FakeGemini api(kText);
  api.thinks = false;
  for (const char* reason : {"MALFORMED_FUNCTION_CALL", "OTHER"}) {
    const Ran out = ran(api, api.event("", reason, 1, 1));
    EXPECT_EQ(out.story.attempts, 2U);
    EXPECT_EQ(out.stumbles, 1);
    const std::string said = api.event(R"({"text":"a"})", "", 1, 1) + api.event("", reason, 1, 2);
    EXPECT_EQ(ran(api, said).down, said);
  }
}

TEST(Resume, AnEmptyTurnIsTheModelsAndACutIsTheUpstreams) {
  FakeGemini api(kText);
  api.thinks = false;
  EXPECT_EQ(ran(api, api.event("", "STOP", 1, 1)).stumbles, 1);
  EXPECT_EQ(ran(api, api.event(R"({"text":"Mary"})", "", 1, 1)).stumbles, 0);
}

TEST(Resume, SeveralCandidatesPassUntouchedAndAreNotTakenUp) {
  const FakeGemini api(kText);
  const std::string two = "data: {\"candidates\":[{\"index\":0},{\"index\":1}]}\n\n";
  Driver driver(api, recovering());
  const Ran out = driver.run(two + "data: x\n\nda", Cut::kReset);
  EXPECT_TRUE(out.failed);
  EXPECT_EQ(out.down.substr(0, two.size() + 11), two + "data: x\n\nda");
  EXPECT_EQ(out.story.attempts, 1U);
}

TEST(Resume, AnEventThatIsTooLargePassesAndEndsTheReading) {
  const FakeGemini api(kText);
  ResumeSettings settings = recovering();
  settings.event_bytes = 400;
  const std::string large = "data: {\"x\":\"" + std::string(1000, 'y') + "\"}\n\n";
  for (const size_t step : {0UL, 7UL}) {
    Driver driver(api, settings);
    driver.step = step;
    const std::string stream = api.event(R"({"text":"a"})", "", 1, 1) + large + api.stream(1);
    EXPECT_EQ(driver.run(stream, Cut::kFin).down, stream);
    EXPECT_TRUE(driver.resume().story().attempts == 1);
  }
}

TEST(Resume, AnErrorThatWillComeAgainIsPassedOn) {
  const FakeGemini api(kText);
  const std::string error = "data: {\"error\":{\"code\":400,\"status\":\"INVALID_ARGUMENT\"}}\n\n";
  const Ran out = ran(api, error);
  EXPECT_TRUE(out.failed);
  EXPECT_EQ(out.down, error);
}

// Google's own SDK forgets a turn that has an event without parts.
TEST(Resume, AnEndOfWhichTheClientHasAllKeepsAPart) {
  GeminiResume dialect(R"({"contents":[]})", Continuation::kPrompt);
  dialect.begin_attempt();
  const std::string data =
      R"({"candidates":[{"content":{"parts":[{"text":"to its last"}]},"finishReason":"STOP"}]})";
  const SseEvent event{{}, data, {}, {}};
  StreamReading reading;
  dialect.read(event, &reading);
  const StreamWriting out = dialect.write(event, reading, {11, true});
  EXPECT_EQ(out.data,
            R"({"candidates":[{"content":{"parts":[{"text":""}]},"finishReason":"STOP"}]})");
}

TEST(Resume, UsageOfAllAttemptsIsInTheOneEnd) {
  FakeGemini api(kText);
  api.thinks = false;
  const std::string first = api.event(R"({"text":"Mary had "})", "", 1, 30);
  Driver driver(api, recovering());
  driver.answers = [&](const ResumeRequest&, int) {
    return api.event(R"({"text":"a little lamb, its fleece was white as snow."})", "STOP", 2, 12);
  };
  const Ran out = driver.run(first, Cut::kFin);
  EXPECT_EQ(api.look(out.down).output, 42U);
  EXPECT_NE(out.down.find("\"promptTokenCount\":8"), std::string::npos);
  EXPECT_EQ(out.down.find("\"r2\""), std::string::npos) << "one answer has one id";
  EXPECT_EQ(driver.resume().usage().of_lost().output, 30U);
  EXPECT_EQ(driver.resume().usage().of_attempt().output, 12U);
  EXPECT_EQ(out.story.resumed, 1U);
}

TEST(Resume, StopsAtTheLimitWithAnErrorInTheDialectsForm) {
  const FakeGemini api(kText);
  Driver driver(api, recovering());
  int made = 0;
  driver.answers = [&](const ResumeRequest&, int) {
    ++made;
    return std::string();
  };
  const Ran out = driver.run("", Cut::kReset);
  EXPECT_EQ(made, 4);
  EXPECT_EQ(out.story.gave_up, "attempts");
  EXPECT_NE(out.down.find("DEADLINE_EXCEEDED"), std::string::npos);
  EXPECT_NE(out.down.find("5 attempts"), std::string::npos);
}

TEST(Resume, StopsWithoutProgress) {
  const FakeGemini api(kText);
  ResumeSettings settings = recovering();
  settings.attempts = 30;
  Driver driver(api, settings);
  driver.answers = [&](const ResumeRequest&, int attempt) {
    return api.event(R"({"text":"w)" + std::to_string(attempt) + "\"}", "", attempt, 1);
  };
  const Ran out = driver.run(api.event(R"({"text":"Some words"})", "", 1, 1), Cut::kFin);
  EXPECT_EQ(out.story.gave_up, "no_progress");
  EXPECT_EQ(out.story.attempts, 4U);
  EXPECT_EQ(api.look(out.down).finishes, 0);
}

TEST(Resume, AModelThatIsSilentInTheMiddleIsAnError) {
  const FakeGemini api(kText);
  Driver driver(api, recovering());
  driver.answers = [&](const ResumeRequest&, int attempt) { return api.continued("", attempt); };
  const Ran out = driver.run(api.event(R"({"text":"Mary had a"})", "", 1, 1), Cut::kFin);
  EXPECT_TRUE(out.failed);
  EXPECT_TRUE(api.look(out.down).error);
}

TEST(Resume, PausesGrowWithJitterAndHonourRetryAfter) {
  SeededRandom random(3);
  FakeClock clock;
  const FakeGemini api(kText);
  ResumeSettings settings = recovering();
  settings.attempts = 12;
  Resume resume(resume_dialect(api.dialect(), api.path(), api.request(), settings.continuation),
                settings, random);
  resume.begin(clock.now());
  ResumeMove move = resume.end(clock.now());
  Duration full = 250ms;
  for (int i = 0; i < 8; ++i) {
    ASSERT_EQ(move.next, Next::kAgain);
    full = std::min<Duration>(full * 2, 8s);
    EXPECT_GE(move.pause, full / 2);
    EXPECT_LE(move.pause, full);
    move = resume.refused(503, std::nullopt, false, clock.now());
  }
  EXPECT_EQ(resume.refused(429, 30s, false, clock.now()).pause, 30s);
  EXPECT_EQ(resume.refused(503, 3600s, false, clock.now()).next, Next::kFail);
}

TEST(Resume, RotatesTheKeyOnceForARefusalAndForEachRateLimit) {
  SeededRandom random(3);
  FakeClock clock;
  const FakeGemini api(kText);
  const auto waiting = [&] {
    auto resume = std::make_unique<Resume>(
        resume_dialect(api.dialect(), api.path(), api.request(), Continuation::kPrompt),
        recovering(), random);
    resume->begin(clock.now());
    EXPECT_EQ(resume->end(clock.now()).next, Next::kAgain);
    return resume;
  };
  auto resume = waiting();
  EXPECT_TRUE(resume->refused(429, 60s, true, clock.now()).other_key);
  EXPECT_TRUE(resume->refused(403, std::nullopt, true, clock.now()).other_key);
  EXPECT_EQ(resume->refused(401, std::nullopt, true, clock.now()).next, Next::kFail);
  EXPECT_EQ(waiting()->refused(403, std::nullopt, false, clock.now()).next, Next::kFail);
  for (const int status : {400, 404, 413, 302}) {
    EXPECT_EQ(waiting()->refused(status, std::nullopt, true, clock.now()).next, Next::kFail);
  }
}

TEST(Resume, HoldsTheSeamNoLongerThanItsWait) {
  SeededRandom random(3);
  FakeClock clock;
  FakeGemini api(kText);
  Resume resume(resume_dialect(api.dialect(), api.path(), api.request(), Continuation::kPrompt),
                recovering(), random);
  resume.begin(clock.now());
  (void)resume.see(api.event(R"({"text":"one two three four"})", "", 1, 1), clock.now());
  (void)resume.end(clock.now());
  resume.begin(clock.now());
  const std::string event = api.event(R"({"text":"thr"})", "", 2, 1);
  EXPECT_EQ(resume.see(event, clock.now()).bytes, "");
  ASSERT_TRUE(resume.deadline());
  EXPECT_EQ(*resume.deadline() - clock.now(), 300ms);
  clock.advance(299ms);
  EXPECT_EQ(resume.tick(clock.now()).bytes, "");
  clock.advance(1ms);
  EXPECT_EQ(api.look(resume.tick(clock.now()).bytes).text, "thr");
  EXPECT_FALSE(resume.deadline());
}

TEST(Resume, AnEndWhoseFollowingIsCutOffIsWhole) {
  const FakeChat chat(kText);
  const std::string stream = chat.stream(1);
  const size_t end = stream.find("\"stop\"");
  const Ran out =
      Driver(chat, recovering(Continuation::kPrefix))
          .run(std::string_view(stream).substr(0, stream.find("\n\n", end) + 4), Cut::kReset);
  EXPECT_TRUE(out.whole);
  EXPECT_TRUE(chat.look(out.down).marker);
  EXPECT_EQ(out.story.attempts, 1U);
}

TEST(Resume, ALongerTextThanIsKeptIsNotContinued) {
  const FakeGemini api(kText);
  ResumeSettings settings = recovering();
  settings.text_bytes = 10;
  const Ran out = ran(api, up_to(api.stream(1), "tle lam"), settings);
  EXPECT_TRUE(out.failed);
  EXPECT_EQ(out.story.gave_up, "too_long");
}

TEST(Resume, PromptsAreInTheTextsLanguageOrTheConfiguredOnes) {
  FakeGemini api("狐狸跳过了懒狗，然后它睡着了，一直到第二天。");
  api.thinks = false;
  const std::string half = up_to(api.stream(1), "candidates");
  ResumeSettings settings = recovering();
  EXPECT_NE(ran(api, half, settings).requests.at(0).body.find("回答"), std::string::npos);
  settings.prompts["zh"] = "weiter";
  EXPECT_NE(ran(api, half, settings).requests.at(0).body.find("weiter"), std::string::npos);
}

// Never two ends, nothing behind an end or an error, no attempt behind a tool's call, and no more
// attempts than are allowed, whatever comes in whatever order.
TEST(Resume, RandomWalksKeepTheInvariants) {
  FakeGemini api(kText);
  int finished = 0, failed = 0, steps = 0;
  for (uint64_t seed = 1; seed <= 20000; ++seed) {
    SeededRandom random(seed);
    FakeClock clock;
    Resume resume(resume_dialect(api.dialect(), api.path(), api.request(), Continuation::kPrompt),
                  recovering(), random);
    std::string down;
    bool over = false, waiting = false;
    uint32_t again = 0;
    resume.begin(clock.now());
    for (int step = 0; step < 60; ++step, ++steps) {
      ResumeMove move;
      const std::string word = "{\"text\":\"w" + std::to_string(random.below(1000)) + " \"}";
      switch (waiting ? 9 + random.below(3) : random.below(9)) {
        case 0:
        case 1:
          move = resume.see(api.event(word, "", 1, 1), clock.now());
          break;
        case 2:
          move = resume.see(api.event(R"({"text":"hm","thought":true})", "", 1, 1), clock.now());
          break;
        case 3:
          move = random.below(4) == 0
                     ? resume.see(api.event(R"({"functionCall":{}})", "", 1, 1), clock.now())
                     : resume.see(": ping\n\n", clock.now());
          break;
        case 4:
          move = resume.see(api.event(random.below(2) == 0 ? "" : word, "STOP", 1, 1), clock.now());
          break;
        case 5:
          move = resume.see(api.event("", random.below(2) == 0 ? "OTHER" : "SAFETY", 1, 1),
                            clock.now());
          break;
        case 6:
          move = resume.see(api.error_event(), clock.now());
          break;
        case 7:
          clock.advance(400ms);
          move = resume.tick(clock.now());
          break;
        case 8:
          move =
              random.below(2) == 0 ? resume.end(clock.now()) : resume.failed(Error{}, clock.now());
          break;
        case 9:
          move = resume.refused(random.below(2) == 0 ? 503 : 429, std::nullopt,
                                random.below(2) == 0, clock.now());
          break;
        default:
          EXPECT_TRUE(resume.request(api.request()).has_value());
          resume.begin(clock.now());
          waiting = false;
          continue;
      }
      const bool called = api.look(down).tools > 0;
      if (over) {
        ASSERT_EQ(move.bytes, "") << seed;
        ASSERT_EQ(move.next, Next::kReadOn) << seed;
      }
      down += move.bytes;
      const Seen seen = api.look(down);
      ASSERT_LE(seen.finishes, 1) << seed;
      ASSERT_FALSE(seen.behind_finish) << seed << "\n" << down;
      if (move.next == Next::kAgain) {
        ASSERT_FALSE(called) << seed;
        ASSERT_LT(++again, 5U) << seed;
        waiting = true;
      }
      if (move.next == Next::kFinish) {
        ASSERT_EQ(seen.finishes, 1) << seed;
        ++finished;
      }
      if (move.next == Next::kFail) {
        ASSERT_EQ(seen.finishes, 0) << seed;
        ++failed;
      }
      over = over || move.next == Next::kFinish || move.next == Next::kFail;
    }
  }
  std::cout << steps << " steps, " << finished << " finished, " << failed << " failed\n";
  EXPECT_GT(finished, 1000);
  EXPECT_GT(failed, 1000);
}

}  // namespace
}  // namespace culvert::test
