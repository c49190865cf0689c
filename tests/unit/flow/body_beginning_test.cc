// What a body's beginning tells, and when nothing more will come of it.
#include "relay/flow/body_beginning.h"

#include <gtest/gtest.h>

#include <string>

namespace culvert {
namespace {

const std::string kBody =
    R"({"model":"m-1","messages":[{"role":"user","content":"hello there"}],"stream":true})";

TEST(BodyBeginning, KnowsTheModelAsSoonAsItHasPassed) {
  const size_t named = kBody.find("m-1\"") + 4;
  for (size_t split = 0; split <= kBody.size(); ++split) {
    BodyBeginning beginning;
    beginning.see(kBody.substr(0, split));
    EXPECT_EQ(beginning.model(), split >= named ? "m-1" : "") << split;
    beginning.see(kBody.substr(split));
    EXPECT_TRUE(beginning.model_known()) << split;
    EXPECT_EQ(beginning.model(), "m-1") << split;
  }
}

TEST(BodyBeginning, TheEndSettlesWhatWasNotFound) {
  BodyBeginning beginning;
  beginning.see(R"({"stream":true)");
  EXPECT_FALSE(beginning.model_known());
  beginning.end();
  EXPECT_TRUE(beginning.model_known());
  EXPECT_EQ(beginning.model(), "");
}

TEST(BodyBeginning, WaitsForNoPromptThatNobodyWants) {
  BodyBeginning beginning;
  EXPECT_TRUE(beginning.prompt_known());
  beginning.see(kBody);
  EXPECT_EQ(beginning.prompt(), "");
}

// Wanted from the first byte, in the middle or after the end: always the same conversation.
TEST(BodyBeginning, ThePromptIsTheSameWheneverItWasAskedFor) {
  BodyBeginning whole;
  whole.want_prompt(kBody, true);
  ASSERT_TRUE(whole.prompt_known());
  ASSERT_NE(whole.prompt(), "");
  for (size_t asked = 0; asked <= kBody.size(); ++asked) {
    BodyBeginning beginning;
    beginning.see(kBody.substr(0, asked));
    beginning.want_prompt(kBody.substr(0, asked), false);
    beginning.see(kBody.substr(asked));
    EXPECT_TRUE(beginning.prompt_known()) << asked;
    EXPECT_EQ(beginning.prompt(), whole.prompt()) << asked;
  }
}

TEST(BodyBeginning, ASecondWishChangesNothing) {
  BodyBeginning beginning;
  beginning.want_prompt(kBody.substr(0, 20), false);
  beginning.want_prompt(kBody.substr(0, 20), false);  // would be read twice
  beginning.see(kBody.substr(20));
  BodyBeginning once;
  once.want_prompt(kBody, true);
  EXPECT_EQ(beginning.prompt(), once.prompt());
}

TEST(BodyBeginning, AWholeBodyWithoutAPromptKeepsNobodyWaiting) {
  BodyBeginning beginning;
  beginning.want_prompt(R"({"model":"m"})", true);
  EXPECT_TRUE(beginning.prompt_known());
  EXPECT_EQ(beginning.prompt(), "");
  BodyBeginning later;
  later.want_prompt(R"({"model":"m")", false);
  EXPECT_FALSE(later.prompt_known());
  later.end();
  EXPECT_TRUE(later.prompt_known());
}

}  // namespace
}  // namespace culvert
