// The model's name in the paths of Gemini, Vertex and the OpenAI-compatible end points.
#include "relay/route/model.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

TEST(Model, OfAMethod) {
  EXPECT_EQ(model_in_path("/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse"),
            "gemini-2.5-pro");
  EXPECT_EQ(model_in_path("/v1/models/gemini-2.5-flash:countTokens"), "gemini-2.5-flash");
  EXPECT_EQ(model_in_path("/v1/projects/p/locations/l/publishers/google/models/gemini-x:predict"),
            "gemini-x");
}

TEST(Model, OfAResource) {
  EXPECT_EQ(model_in_path("/v1beta/models/gemini-2.5-pro"), "gemini-2.5-pro");
  EXPECT_EQ(model_in_path("/v1beta/models/gemini-2.5-pro/operations/1"), "gemini-2.5-pro");
}

TEST(Model, EncodedColonAndSlash) {
  EXPECT_EQ(model_in_path("/v1beta/models/gemini-pro%3AgenerateContent"), "gemini-pro");
  EXPECT_EQ(model_in_path("/v1beta/models/models%2Fgemini-pro:generateContent"), "gemini-pro");
}

TEST(Model, DoubledCollection) {
  EXPECT_EQ(model_in_path("/v1beta/models/models/gemini-pro:generateContent"), "gemini-pro");
}

TEST(Model, TunedKeepsItsCollection) {
  EXPECT_EQ(model_in_path("/v1beta/tunedModels/mine:generateContent"), "tunedModels/mine");
}

TEST(Model, NoneWhereNoneIsNamed) {
  EXPECT_EQ(model_in_path("/v1beta/models"), "");
  EXPECT_EQ(model_in_path("/v1beta/models/"), "");
  EXPECT_EQ(model_in_path("/v1beta/files?name=/models/x:y"), "");
  EXPECT_EQ(model_in_path("/v1beta/tunedModels/"), "");
}

TEST(Model, PlainName) {
  EXPECT_EQ(plain_model("models/gemini-pro"), "gemini-pro");
  EXPECT_EQ(plain_model("gemini-pro"), "gemini-pro");
  EXPECT_EQ(plain_model("mymodels/x"), "mymodels/x");
}

TEST(Model, AnotherOneInThePath) {
  EXPECT_EQ(with_model("/v1beta/models/a:streamGenerateContent?alt=sse", "gemini-2.5-pro"),
            "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse");
  EXPECT_EQ(with_model("/v1beta/models/a%3AcountTokens", "b"), "/v1beta/models/b%3AcountTokens");
  EXPECT_EQ(with_model("/v1beta/models/models%2fa:x", "b"), "/v1beta/models/b:x");
  EXPECT_EQ(with_model("/v1beta/models/models/a:x", "models/b"), "/v1beta/models/b:x");
  EXPECT_EQ(with_model("/v1/publishers/google/models/a/operations/1", "b"),
            "/v1/publishers/google/models/b/operations/1");
  EXPECT_EQ(with_model("/v1beta/models/a", "b"), "/v1beta/models/b");
  EXPECT_EQ(with_model("/v1beta/models/a:x", "b c/d:e\u00e9@1"),
            "/v1beta/models/b%20c%2Fd%3Ae%C3%A9@1:x");
}

TEST(Model, AnotherOneAcrossCollections) {
  EXPECT_EQ(with_model("/v1beta/models/a:x", "tunedModels/b"), "/v1beta/tunedModels/b:x");
  EXPECT_EQ(with_model("/v1beta/tunedModels/a:x?k", "b"), "/v1beta/models/b:x?k");
}

TEST(Model, NoOtherOneWhereNoneIsNamed) {
  for (const char* path : {"/v1beta/models", "/v1beta/models/", "/v1beta/models/:x",
                           "/v1beta/files?name=/models/x:y", "/v1/chat/completions"}) {
    EXPECT_EQ(with_model(path, "b"), std::nullopt) << path;
  }
}

// What the relay replaces is what it matched routes by.
TEST(Model, TheNewOneIsTheOneThatIsFound) {
  for (const char* path : {"/v1beta/models/a:x", "/v1beta/models/models/a:x", "/tunedModels/a:x",
                           "/v1beta/models/a%3ax"}) {
    for (const char* model : {"b", "tunedModels/b", "b c", "b/c"}) {
      const auto changed = with_model(path, model);
      ASSERT_TRUE(changed.has_value());
      EXPECT_EQ(model_in_path(*changed), model) << *changed;
    }
  }
}

}  // namespace
}  // namespace culvert
