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

}  // namespace
}  // namespace culvert
