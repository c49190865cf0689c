// The whole table of rules: every combination has one answer.
#include "relay/gate/admission.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

struct Case {
  bool authenticated = false;
  bool own_key = false;
  bool token_needed = false;
  bool has_pool = false;
};

Credentials of(const Case& asked) {
  Credentials made;
  made.authenticated = asked.authenticated;
  if (asked.own_key) made.own_keys.emplace_back("sk-own");
  return made;
}

AdmissionQuestion question(const Case& asked) {
  return {.known = true,
          .generic = false,
          .token_needed = asked.token_needed,
          .has_pool = asked.has_pool};
}

// "own", "pool", "none" or the error.
std::string answer(const AdmissionQuestion& asked, const Credentials& credentials) {
  const auto payer = admit(asked, credentials);
  if (!payer) return std::string(to_string(payer.error().code));
  return *payer == Payer::kOwn ? "own" : *payer == Payer::kPool ? "pool" : "none";
}

std::string refused(Code code) { return std::string(to_string(code)); }

TEST(Admission, PresetsInEveryCombination) {
  for (int bits = 0; bits < 16; ++bits) {
    const Case asked{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0};
    std::string expected;
    if (asked.token_needed && !asked.authenticated) {
      expected = refused(Code::kUnauthorized);
    } else if (asked.own_key) {
      expected = "own";
    } else if (!asked.has_pool) {
      expected = "none";
    } else {
      expected = asked.authenticated ? "pool" : refused(Code::kUnauthorized);
    }
    EXPECT_EQ(answer(question(asked), of(asked)), expected) << bits;
  }
}

// The rule that costs money where it fails.
TEST(Admission, NobodySpendsThePoolWithoutAToken) {
  for (int bits = 0; bits < 8; ++bits) {
    const Case asked{false, (bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0};
    EXPECT_NE(answer(question(asked), of(asked)), "pool") << bits;
  }
}

TEST(Admission, UnknownIsNotFoundForEverybody) {
  Credentials anybody;
  EXPECT_EQ(answer({}, anybody), refused(Code::kNotFound));
  anybody.wrong_token = true;
  EXPECT_EQ(answer({}, anybody), refused(Code::kNotFound));
  anybody = {};
  anybody.authenticated = true;
  EXPECT_EQ(answer({}, anybody), refused(Code::kNotFound));
}

// Fault #14: a generic proxy for everybody.
TEST(Admission, GenericNeedsATokenAndLooksUnknownWithout) {
  const AdmissionQuestion generic{.known = true, .generic = true};
  Credentials who;
  EXPECT_EQ(answer(generic, who), refused(Code::kNotFound));
  const auto unknown = admit({}, who);
  const auto without = admit(generic, who);
  EXPECT_EQ(without.error().detail, unknown.error().detail);
  who.authenticated = true;
  EXPECT_EQ(answer(generic, who), "none");
}

TEST(Admission, WrongTokensAreUnauthorizedWhereverTokensAreOptional) {
  Credentials who = of({.own_key = true});
  who.wrong_token = true;
  EXPECT_EQ(answer(question({}), who), refused(Code::kUnauthorized));
}

TEST(Admission, AmbiguousCredentialsAreRefusedWhateverElseIsRight) {
  Credentials who = of({.authenticated = true});
  who.fault = Error::client(Code::kBadRequest, Stage::kAuth, "twice");
  EXPECT_EQ(answer(question({.has_pool = true}), who), refused(Code::kBadRequest));
}

TEST(Admission, ErrorsAreTheClientsAndSayTheStage) {
  const auto refusal = admit(question({.token_needed = true}), {});
  ASSERT_FALSE(refusal);
  EXPECT_EQ(refusal.error().fault, Fault::kClient);
  EXPECT_EQ(refusal.error().stage, Stage::kAuth);
  EXPECT_EQ(http_status(refusal.error().code), 401);
}

}  // namespace
}  // namespace culvert
