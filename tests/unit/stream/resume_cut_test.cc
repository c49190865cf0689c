// Streams of every dialect cut at every byte, in every way, with models that go on in every manner:
// the client gets the whole text and one end, or an error that it sees. Never less, never more.
#include "tests/unit/stream/resume_driver.h"

#include <gtest/gtest.h>

#include <iostream>
#include <string>
#include <vector>

namespace culvert::test {
namespace {

constexpr std::string_view kEnglish =
    "The quick fox 🦊 naps. Later, a café visit; naïve? No: Zoe\xCC\x88's 👩‍👩‍👧 "
    "idea "
    "\"works\" \\o/.";
constexpr std::string_view kMixed =
    "狐狸跳过了懒狗。它睡着了，第二天才醒来！ Привет, мир. 日本語もあります。";
constexpr std::string_view kArabic =
    "يجلس القط على السجادة، ثم ينظر إلى القمر. بعد ذلك ينام قليلا.";
constexpr std::string_view kCode =
    "Look:\n\n```python\nfor i in range(3):\n    print(\"a\", i)\n\ndef go():\n    pass\n```\nThat "
    "loops.";

struct Counts {
  int offsets = 0, whole = 0, errors = 0, short_ = 0, twice = 0;
};

void print(std::string_view name, const Counts& counts) {
  std::cout << name << ": " << counts.offsets << " cuts, " << counts.whole << " whole, "
            << counts.errors << " visible errors, " << counts.short_ << " silently short, "
            << counts.twice << " duplicated\n";
}

// One cut, judged by what the client has.
void judge(const FakeApi& api, const Ran& ran, const std::string& what, Counts* counts) {
  const Seen seen = api.look(ran.down);
  ++counts->offsets;
  ASSERT_FALSE(seen.broken) << what << "\n" << ran.down;
  ASSERT_FALSE(seen.behind_finish) << what << "\n" << ran.down;
  if (ran.failed) {
    ASSERT_TRUE(seen.error) << what << "\n" << ran.down;
    ASSERT_EQ(seen.finishes, 0) << what << "\n" << ran.down;
    ASSERT_EQ(api.text().compare(0, seen.text.size(), seen.text), 0) << what;
    ++counts->errors;
    return;
  }
  counts->short_ += seen.text.size() < api.text().size() ? 1 : 0;
  counts->twice += seen.text.size() > api.text().size() ? 1 : 0;
  ASSERT_EQ(seen.text, api.text()) << what << "\n" << ran.down;
  ASSERT_EQ(seen.finishes, 1) << what << "\n" << ran.down;
  ASSERT_TRUE(seen.marker) << what << "\n" << ran.down;
  ASSERT_FALSE(seen.error) << what << "\n" << ran.down;
  ++counts->whole;
}

using Manners = std::vector<Manner>;
const Manners kAll(std::begin(kManners), std::end(kManners));
// A model that says no further word and calls its tool is done: its answer is whole as it is.
const Manners kBeforeTools = {Manner::kExact, Manner::kRepeats, Manner::kRestarts, Manner::kFence,
                              Manner::kDots};

Counts cut_everywhere(const FakeApi& api,
                      const ResumeSettings& settings,
                      const Manners& manners = kAll,
                      size_t step = 0) {
  Counts counts;
  const std::string stream = api.stream(1);
  for (const Manner manner : manners) {
    for (const Cut cut : kCuts) {
      for (size_t at = 0; at <= stream.size(); ++at) {
        Driver driver(api, settings);
        driver.manner = manner;
        driver.step = step;
        const Ran ran = driver.run(std::string_view(stream).substr(0, at), cut);
        judge(api, ran,
              "manner " + std::to_string(static_cast<int>(manner)) + " cut " +
                  std::to_string(static_cast<int>(cut)) + " at " + std::to_string(at),
              &counts);
        if (testing::Test::HasFatalFailure()) return counts;
      }
    }
  }
  return counts;
}

void expect_all_whole(std::string_view name, const Counts& counts) {
  print(name, counts);
  EXPECT_GT(counts.offsets, 0);
  EXPECT_EQ(counts.whole, counts.offsets);
}

TEST(ResumeCuts, GeminiInEveryLanguageIsWhole) {
  for (const std::string_view text : {kEnglish, kMixed, kArabic, kCode}) {
    FakeGemini api{std::string(text)};
    expect_all_whole("gemini", cut_everywhere(api, recovering()));
  }
}

TEST(ResumeCuts, GeminiWithEveryLineEndAndInSmallPiecesIsWhole) {
  for (const std::string end : {"\r\n", "\r"}) {
    FakeGemini api{std::string(kMixed)};
    api.line_end = end;
    api.apart = true;
    expect_all_whole("gemini, " + std::to_string(end.size()) + " bytes of line end",
                     cut_everywhere(api, recovering(), {Manner::kRepeats, Manner::kFence}, 64));
  }
}

TEST(ResumeCuts, GeminiWithSignaturesIsWhole) {
  FakeGemini api{std::string(kEnglish)};
  api.signs = true;
  expect_all_whole("gemini, signed", cut_everywhere(api, recovering()));
}

TEST(ResumeCuts, GeminiBehindAToolsCallEndsWithAVisibleError) {
  FakeGemini api{std::string(kEnglish)};
  api.calls = true;
  const Counts counts = cut_everywhere(api, recovering(), kBeforeTools);
  print("gemini, tool", counts);
  EXPECT_GT(counts.errors, 0);
  EXPECT_EQ(counts.whole + counts.errors, counts.offsets);
}

TEST(ResumeCuts, GeminiThatMayNotBeContinuedEndsWithAVisibleError) {
  for (const char* config : {R"(, "generationConfig":{"responseMimeType":"application/json"})",
                             R"(, "generation_config":{"response_schema":{}})",
                             R"(, "toolConfig":{"functionCallingConfig":{"mode":"ANY"}})"}) {
    FakeGemini api{std::string(kArabic)};
    api.config = config;
    const Counts counts = cut_everywhere(api, recovering(), {Manner::kExact});
    print("gemini, not continued", counts);
    EXPECT_GT(counts.errors, 0);
    EXPECT_EQ(counts.whole + counts.errors, counts.offsets);
  }
}

TEST(ResumeCuts, WithoutRecoveryEveryCutIsVisible) {
  ResumeSettings off = recovering();
  off.on = false;
  const FakeGemini api{std::string(kEnglish)};
  const Counts counts = cut_everywhere(api, off, {Manner::kExact});
  print("gemini, off", counts);
  EXPECT_GT(counts.errors, 0);
  EXPECT_EQ(counts.whole + counts.errors, counts.offsets);
}

TEST(ResumeCuts, ChatWithPrefixIsWhole) {
  for (const std::string_view text : {kEnglish, kMixed, kCode}) {
    const FakeChat api{std::string(text)};
    expect_all_whole("chat", cut_everywhere(api, recovering(Continuation::kPrefix)));
  }
  FakeChat tools{std::string(kEnglish)};
  tools.calls = true;
  const Counts counts = cut_everywhere(tools, recovering(Continuation::kPrefix), kBeforeTools);
  print("chat, tool", counts);
  EXPECT_EQ(counts.whole + counts.errors, counts.offsets);
}

TEST(ResumeCuts, AnthropicWithPrefillIsWhole) {
  for (const std::string_view text : {kEnglish, kMixed, kCode}) {
    const FakeAnthropic api{std::string(text)};
    expect_all_whole("anthropic", cut_everywhere(api, recovering(Continuation::kPrefill)));
  }
  FakeAnthropic tools{std::string(kEnglish)};
  tools.calls = true;
  const Counts counts = cut_everywhere(tools, recovering(Continuation::kPrefill), kBeforeTools);
  print("anthropic, tool", counts);
  EXPECT_EQ(counts.whole + counts.errors, counts.offsets);
}

TEST(ResumeCuts, ResponsesInTheBackgroundAreReadOn) {
  const FakeResponses api{std::string(kMixed)};
  const std::string stream = api.stream(1);
  Counts counts;
  for (const Cut cut : kCuts) {
    for (size_t at = 0; at <= stream.size(); ++at) {
      Driver driver(api, recovering());
      driver.answers = [&](const ResumeRequest& request, int attempt) {
        if (request.kind == ResumeRequest::Kind::kOriginal) return api.stream(attempt);
        EXPECT_TRUE(request.same_key);
        return api.behind(request.path);
      };
      judge(api, driver.run(std::string_view(stream).substr(0, at), cut),
            "at " + std::to_string(at), &counts);
      if (HasFatalFailure()) return;
    }
  }
  expect_all_whole("responses", counts);
}

TEST(ResumeCuts, WhatIsNotCutPassesByteForByte) {
  FakeGemini gemini{std::string(kEnglish)};
  gemini.line_end = "\r\n";
  const FakeChat chat{std::string(kMixed)};
  const FakeAnthropic anthropic{std::string(kCode)};
  const FakeResponses responses{std::string(kArabic)};
  const FakeApi* const apis[] = {&gemini, &chat, &anthropic, &responses};
  for (const FakeApi* api : apis) {
    const std::string stream = ": hello\n\n" + api->stream(1);
    for (const size_t step : {0UL, 1UL, 3UL, 100UL}) {
      Driver driver(*api, recovering());
      driver.step = step;
      const Ran ran = driver.run(stream, Cut::kFin);
      EXPECT_EQ(ran.down.substr(0, stream.size() - 1), stream.substr(0, stream.size() - 1));
      EXPECT_TRUE(ran.whole);
      EXPECT_EQ(ran.story.attempts, 1U);
    }
  }
}

}  // namespace
}  // namespace culvert::test
