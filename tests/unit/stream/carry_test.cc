// What is read along with an answer: whole or cut, first content, usage; at every split.
#include "relay/stream/carry.h"

#include <gtest/gtest.h>

#include <string>

namespace culvert {
namespace {

ResponseHead head(const std::string& type, int status = 200, const std::string& coding = "") {
  ResponseHead made;
  made.status = status;
  made.headers.add("Content-Type", type);
  if (!coding.empty()) made.headers.add("Content-Encoding", coding);
  return made;
}

const std::string kEvents = "text/event-stream; charset=utf-8";
const std::string kFirst =
    "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n"
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":5}}\n\n";
const std::string kWhole = kFirst + "data: [DONE]\n\n";

TEST(Carry, AStreamIsWholeAtItsMarkerAtEverySplit) {
  for (size_t split = 0; split <= kWhole.size(); ++split) {
    Carry carry(Dialect::kOpenAi, head(kEvents), true);
    carry.see(kWhole.substr(0, split));
    EXPECT_EQ(carry.ended(), split == kWhole.size()) << split;
    carry.see(kWhole.substr(split));
    EXPECT_TRUE(carry.complete()) << split;
    EXPECT_TRUE(carry.ended()) << split;
    EXPECT_TRUE(carry.at_boundary()) << split;
    EXPECT_TRUE(carry.content_seen()) << split;
    EXPECT_EQ(carry.usage().input, 3) << split;
    EXPECT_EQ(carry.usage().output, 5) << split;
  }
}

TEST(Carry, ACutIsNotWholeWhereverItIs) {
  const size_t first_event = kWhole.find("\n\n") + 2;
  for (size_t cut = first_event; cut < kWhole.size(); ++cut) {
    Carry carry(Dialect::kOpenAi, head(kEvents), true);
    carry.see(kWhole.substr(0, cut));
    EXPECT_FALSE(carry.complete()) << cut;
    EXPECT_FALSE(carry.ended()) << cut;
  }
}

TEST(Carry, FitsAnEventOnlyBetweenEvents) {
  Carry carry(Dialect::kOpenAi, head(kEvents), true);
  EXPECT_TRUE(carry.at_boundary());
  carry.see("data: {\"choices\"");
  EXPECT_FALSE(carry.at_boundary());
  carry.see(":[]}\n\n");
  EXPECT_TRUE(carry.at_boundary());
}

TEST(Carry, AJsonAnswerIsReadForItsUsage) {
  Carry carry(Dialect::kAnthropic, head("application/json"), true);
  const std::string body = R"({"content":[],"usage":{"input_tokens":7,"output_tokens":2}})";
  for (const char c : body) carry.see({&c, 1});
  EXPECT_TRUE(carry.complete());  // its framing says so
  EXPECT_FALSE(carry.ended());    // there is no marker
  EXPECT_FALSE(carry.is_event_stream());
  EXPECT_FALSE(carry.at_boundary());
  EXPECT_EQ(carry.usage().input, 7);
  EXPECT_EQ(carry.usage().output, 2);
}

TEST(Carry, ALargeJsonAnswerIsNotKept) {
  Carry carry(Dialect::kOpenAi, head("application/json"), true);
  carry.see(R"({"usage":{"prompt_tokens":7,"completion_tokens":2},"data":")");
  carry.see(std::string(3 * 1024 * 1024, 'x'));
  carry.see("\"}");
  EXPECT_TRUE(carry.complete());
  EXPECT_EQ(carry.usage().input, Usage{}.input);
}

TEST(Carry, WhatCannotBeReadIsJudgedByItsFraming) {
  const ResponseHead heads[] = {head(kEvents, 200, "gzip"), head(kEvents, 500), head("text/html"),
                                head("text/event-streams")};
  for (const ResponseHead& one : heads) {
    Carry carry(Dialect::kOpenAi, one, true);
    carry.see(kFirst);
    EXPECT_TRUE(carry.complete());
    EXPECT_FALSE(carry.ended());
    EXPECT_FALSE(carry.content_seen());
    EXPECT_FALSE(carry.at_boundary());
  }
  Carry opaque(Dialect::kOpaque, head(kEvents), true);
  opaque.see("data: x\n\n");
  EXPECT_TRUE(opaque.complete());
  Carry identity(Dialect::kOpenAi, head(kEvents, 200, "Identity"), true);
  EXPECT_TRUE(identity.is_event_stream());
}

}  // namespace
}  // namespace culvert
