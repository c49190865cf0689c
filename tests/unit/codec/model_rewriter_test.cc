// Another model in a body that passes, at every split of it.
#include "relay/codec/model_rewriter.h"

#include "tests/unit/codec/split.h"

#include <gtest/gtest.h>

#include <string>

namespace culvert::test {
namespace {

using State = ModelRewriter::State;

constexpr size_t kSearched = 4096;

// What goes up, or which state says that nothing may.
std::string rewritten(std::string_view body, std::string_view model, size_t searched = kSearched) {
  return at_every_split(body, [&](const Pieces& pieces) {
    ModelRewriter rewriter(model, searched);
    std::string out;
    for (const Piece& piece : pieces) rewriter.feed(piece.view(), &out);
    switch (rewriter.finish()) {
      case State::kReplaced:
        EXPECT_EQ(static_cast<int64_t>(out.size()) - static_cast<int64_t>(body.size()),
                  rewriter.growth());
        return out;
      case State::kAbsent:
        return std::string("absent");
      case State::kTooFar:
        return std::string("too far");
      case State::kAmbiguous:
        return std::string("ambiguous");
      case State::kSearching:
        break;
    }
    return std::string("undecided");
  });
}

TEST(ModelRewriter, ReplacesTheModelAndNothingElse) {
  EXPECT_EQ(rewritten(R"({"model":"gpt-4o","messages":[]})", "o3"),
            R"({"model":"o3","messages":[]})");
  EXPECT_EQ(rewritten(" {\r\n \"n\" : 1e3,\t\"model\" :\t\"a\" } \n", "longer-than-before"),
            " {\r\n \"n\" : 1e3,\t\"model\" :\t\"longer-than-before\" } \n");
  EXPECT_EQ(rewritten(R"({"messages":[{"content":"\"model\":\"x\""}],"model":"a"})", "b"),
            R"({"messages":[{"content":"\"model\":\"x\""}],"model":"b"})");
  EXPECT_EQ(rewritten(R"({"model":"a","metadata":{"model":"inner","l":[{"model":"x"}]}})", "b"),
            R"({"model":"b","metadata":{"model":"inner","l":[{"model":"x"}]}})");
  EXPECT_EQ(rewritten(R"({"model":""})", "b"), R"({"model":"b"})");
}

TEST(ModelRewriter, EscapesOnBothSides) {
  EXPECT_EQ(rewritten(R"({"mo\u0064el":"a\"\\\ud83d\ude00","s":"\u00e9"})", "x\"y\\z\n\xC3\xA9"),
            "{\"mo\\u0064el\":\"x\\\"y\\\\z\\n\xC3\xA9\",\"s\":\"\\u00e9\"}");
}

TEST(ModelRewriter, SaysTheGrowthAsSoonAsTheModelIsRead) {
  ModelRewriter rewriter("gpt-4o-mini", kSearched);
  std::string out;
  EXPECT_EQ(rewriter.feed(R"({"model":"gpt-4o)", &out), State::kSearching);
  EXPECT_EQ(out, R"({"model":)");
  EXPECT_EQ(rewriter.feed("\"", &out), State::kReplaced);
  EXPECT_EQ(rewriter.growth(), 5);
  EXPECT_EQ(out, R"({"model":"gpt-4o-mini")");
  ModelRewriter same("abc", kSearched);
  EXPECT_EQ(same.feed(R"({"model":"xyz")", &out), State::kReplaced);
  EXPECT_EQ(same.growth(), 0);
}

TEST(ModelRewriter, RefusesASecondModel) {
  EXPECT_EQ(rewritten(R"({"model":"a","model":"b"})", "x"), "ambiguous");
  EXPECT_EQ(rewritten(R"({"model":"a","n":{"k":[1]},"\u006dodel":"b"})", "x"), "ambiguous");
  EXPECT_EQ(rewritten(R"({"model":"a","model":null})", "x"), "ambiguous");
  EXPECT_EQ(rewritten(R"({"model":"a","Model":"b"})", "x"), "ambiguous");
}

TEST(ModelRewriter, RefusesWhatIsNoJsonBehindTheModel) {
  EXPECT_EQ(rewritten(R"({"model":"a",,"model":"b"})", "x"), "ambiguous");
  EXPECT_EQ(rewritten(R"({"model":"a" "n":1})", "x"), "ambiguous");
  EXPECT_EQ(rewritten(R"({"model":"a",'model':"b"})", "x"), "ambiguous");
  // What is cut off is no object for anybody; what stands behind one is not looked at.
  EXPECT_EQ(rewritten(R"({"model":"a","n":[1,)", "x"), R"({"model":"x","n":[1,)");
  EXPECT_EQ(rewritten(R"({"model":"a"} {"model":"b"})", "x"), R"({"model":"x"} {"model":"b"})");
}

TEST(ModelRewriter, SaysWhereThereIsNone) {
  for (const char* body : {"", "{}", "[]", "null", "{\"model\":1}", "{\"model\":null}",
                           "{\"metadata\":{\"model\":\"m\"}}", "--boundary", "{\"Model\":\"m\"}",
                           "{\"model\":\"unfinished", "\xEF\xBB\xBF{\"model\":\"m\"}"}) {
    EXPECT_EQ(rewritten(body, "x"), "absent") << body;
  }
}

TEST(ModelRewriter, SearchesNoFurtherThanItIsTold) {
  const std::string body = R"({"messages":"hi","model":"a","n":1})";
  const size_t needed = body.find(R"(,"n")");
  EXPECT_EQ(rewritten(body, "b", needed), R"({"messages":"hi","model":"b","n":1})");
  EXPECT_EQ(rewritten(body, "b", needed - 1), "too far");
  EXPECT_EQ(rewritten(body, "b", 0), "too far");
}

TEST(ModelRewriter, PassesALongBody) {
  const std::string text(100'000, 'x');
  EXPECT_EQ(rewritten(R"({"model":"a","messages":")" + text + "\"}", "b"),
            R"({"model":"b","messages":")" + text + "\"}");
}

}  // namespace
}  // namespace culvert::test
