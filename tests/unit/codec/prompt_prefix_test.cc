// What stays the same while a conversation grows, and differs between two.
#include "relay/codec/prompt_prefix.h"

#include "tests/unit/codec/split.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace culvert::test {
namespace {

std::string digest(std::string_view body) {
  return at_every_split(body, [](const Pieces& pieces) {
    PromptPrefix prompt;
    for (const Piece& piece : pieces) prompt.feed(piece.view());
    prompt.finish();
    return prompt.digest();
  });
}

// Where the whole is `{` + front + `}`, with what came later and without.
void expect_same(std::string_view first, std::string_view later) {
  EXPECT_NE(digest(first), "") << first;
  EXPECT_EQ(digest(first), digest(later)) << later;
}

TEST(PromptPrefix, ChatCompletions) {
  expect_same(
      R"({"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"hi"}]})",
      R"({"model":"n","messages":[{"role":"system","content":"s"},{"role":"user","content":"hi"},)"
      R"({"role":"assistant","content":"yes"},{"role":"user","content":"more"}],"stream":true})");
}

TEST(PromptPrefix, Anthropic) {
  expect_same(
      R"({"system":"s","messages":[{"role":"user","content":"hi"}],"max_tokens":5})",
      R"({"system":"s","messages":[{"content":"hi","role":"user"},{"role":"assistant","content":[]}]})");
}

// The mark of the newest message moves on, and its content is a list then.
TEST(PromptPrefix, MarksForCachingDoNotCount) {
  expect_same(
      R"({"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral","ttl":"1h"}}],)"
      R"("messages":[{"role":"user","content":[{"type":"text","text":"hi",)"
      R"("cache_control":{"type":"ephemeral"}}]}]})",
      R"({"system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":"hi"}, {}]})");
}

TEST(PromptPrefix, Responses) {
  expect_same(R"({"instructions":"s","input":"hi"})",
              R"({"instructions":"s","input":[{"role":"user","content":[{"type":"input_text",)"
              R"("text":"hi"}]},{"type":"reasoning","id":"x"}]})");
}

TEST(PromptPrefix, Gemini) {
  expect_same(
      R"({"systemInstruction":{"parts":[{"text":"s"}]},"contents":[{"parts":[{"text":"hi"}]}]})",
      R"({"system_instruction":{"parts":[{"text":"s"}]},"contents":[{"parts":[{"text":"hi"}],)"
      R"("role":"user"},{"role":"model","parts":[{"text":"y"}]}]})");
}

TEST(PromptPrefix, DifferentConversationsDiffer) {
  const std::set<std::string> all = {
      digest(R"({"messages":[{"role":"user","content":"hi"}]})"),
      digest(R"({"messages":[{"role":"user","content":"ho"}]})"),
      digest(R"({"system":"s","messages":[{"role":"user","content":"hi"}]})"),
      digest(R"({"system":"t","messages":[{"role":"user","content":"hi"}]})"),
      digest(R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":"ho"}]})"),
      digest(R"({"messages":[{"role":"user","content":["a","b"]}]})"),
      digest(R"({"messages":[{"role":"user","content":["ab",""]}]})"),
      digest(R"({"contents":[{"parts":[{"inlineData":{"data":"AAAA"}},{"text":"what"}]}]})"),
      digest(R"({"contents":[{"parts":[{"inlineData":{"data":"AAAB"}},{"text":"what"}]}]})"),
  };
  EXPECT_EQ(all.size(), 9U);
  EXPECT_EQ(all.count(""), 0U);
}

TEST(PromptPrefix, DecidesAsEarlyAsTheBodyShowsIt) {
  PromptPrefix prompt;
  EXPECT_EQ(prompt.feed(R"({"system":"s","messages":[{"role":"user","content":"hi")"),
            PromptPrefix::State::kNeedMore);
  EXPECT_EQ(prompt.feed("}"), PromptPrefix::State::kFound);
  PromptPrefix large;
  const std::string text(PromptPrefix::kPartBytes, 'x');
  EXPECT_EQ(large.feed(R"({"messages":[{"role":"user","content":")" + text),
            PromptPrefix::State::kFound);
}

TEST(PromptPrefix, CountsABeginningOfEachPart) {
  const std::string part(PromptPrefix::kPartBytes, 'x');
  const auto body = [&](const std::string& system, const std::string& user) {
    return R"({"system":")" + system + R"(","messages":[{"role":"user","content":")" + user +
           R"("}]})";
  };
  EXPECT_EQ(digest(body(part, "hi")), digest(body(part + "y", "hi")));
  EXPECT_NE(digest(body(part + part, "hi")), digest(body(part + part, "ho")));
  EXPECT_EQ(digest(body("s", part + "a")), digest(body("s", part + "b")));
  // The role behind a long content.
  EXPECT_NE(digest(R"({"messages":[{"content":")" + part + R"(z","role":"user"}]})"), "");
}

TEST(PromptPrefix, LooksAtTheRootOnly) {
  EXPECT_EQ(digest(R"({"metadata":{"messages":[{"role":"user","content":"hi"}]}})"), "");
  EXPECT_EQ(digest(R"({"tools":[{"input":"x"}],"messages":[{"role":"user","content":"hi"}]})"),
            digest(R"({"messages":[{"role":"user","content":"hi"}]})"));
}

TEST(PromptPrefix, SaysNothingWhereThereIsNoUser) {
  for (const char* body :
       {"", "{}", "[]", "null", "7", "\"messages\"", "{\"messages\":[]}", "{\"messages\":null}",
        "{\"messages\":[{\"role\":\"system\",\"content\":\"s\"}]}", "{\"messages\":[{}]}",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"\"}]}", "<html>", "}}}",
        "{\"system\":\"s\"}", "--boundary"}) {
    EXPECT_EQ(digest(body), "") << body;
  }
}

TEST(PromptPrefix, TakesPromptsAndEmbeddings) {
  EXPECT_NE(digest(R"({"prompt":"once"})"), "");
  EXPECT_NE(digest(R"({"input":["a","b"]})"), "");
  EXPECT_EQ(digest(R"({"prompt":["a","b"]})"), digest(R"({"prompt":"a"})"));
  EXPECT_NE(digest(R"({"prompt":{"id":"p"},"input":"x"})"), "");
}

TEST(PromptPrefix, EscapesAreNoEnds) {
  EXPECT_NE(digest(R"({"input":"a\"b"})"), digest(R"({"input":"a\"c"})"));
  EXPECT_NE(digest(R"({"input":"\\"})"), "");
}

}  // namespace
}  // namespace culvert::test
