// What a request to /verify brings, from every place.
#include "relay/gate/verify_request.h"

#include "tests/unit/gate/asked.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;
using Keys = std::vector<std::string>;

const std::string kToken(gate_test::kToken);

class VerifyRequestTest : public testing::Test {
 protected:
  Result<VerifyRequest> read(const Fields& fields,
                             std::string_view target = "/verify",
                             std::string_view path_token = {}) const {
    return read_verify_request(gate_test::headers(fields), target, path_token, upstream_, tokens_);
  }
  Keys body(std::string_view text) const {
    VerifyRequest request;
    if (auto added = add_keys_of_body(text, tokens_, &request); !added) {
      return {std::string(to_string(added.error().code))};
    }
    return keys(request);
  }
  static Keys keys(const VerifyRequest& request) {
    Keys out;
    for (const Secret& key : request.keys) out.emplace_back(key.reveal());
    return out;
  }

  Upstream upstream_ = gate_test::upstream_of(Dialect::kGemini);
  const Tokens tokens_ = gate_test::two_tokens();
};

TEST_F(VerifyRequestTest, TakesKeysFromAllPlacesAtOnce) {
  const auto request =
      read({{"Authorization", "Bearer k1,k2"}, {"x-api-key", "k3"}, {"X-Goog-Api-Key", "k4, k1"}},
           "/verify?upstream=openai&key=k5%2Ck6&key=k7");
  ASSERT_TRUE(request);
  EXPECT_EQ(keys(*request), (Keys{"k1", "k2", "k3", "k4", "k5", "k6", "k7"}));
  EXPECT_FALSE(request->authenticated);
}

TEST_F(VerifyRequestTest, ATokenIsNoKeyWhereverItStands) {
  for (const Fields& fields : {Fields{{"X-Culvert-Token", kToken}, {"x-api-key", "k1"}},
                               Fields{{"Authorization", "Bearer " + kToken}, {"x-api-key", "k1"}},
                               Fields{{"x-goog-api-key", "k1," + kToken}}}) {
    const auto request = read(fields);
    ASSERT_TRUE(request);
    EXPECT_TRUE(request->authenticated);
    EXPECT_EQ(keys(*request), Keys{"k1"});
  }
  EXPECT_TRUE(read({}, "/verify?key=" + kToken)->authenticated);
  EXPECT_TRUE(read({}, "/verify", kToken)->authenticated);
}

TEST_F(VerifyRequestTest, RefusesWhatIsWrong) {
  EXPECT_EQ(read({{"X-Culvert-Token", "no such token here"}}).error().code, Code::kUnauthorized);
  EXPECT_EQ(read({{"x-api-key", "two words"}}).error().code, Code::kBadRequest);
  std::string many = "k0";
  for (int i = 1; i < 101; ++i) many += ",k" + std::to_string(i);
  EXPECT_EQ(read({{"x-api-key", many}}).error().code, Code::kBadRequest);
  many.resize(many.rfind(','));
  EXPECT_EQ(read({{"x-api-key", many}})->keys.size(), 100U);
  EXPECT_EQ(read({{"x-api-key", many}, {"x-goog-api-key", "one-more"}}).error().code,
            Code::kBadRequest);
}

TEST_F(VerifyRequestTest, OtherSchemesHoldNoKeys) {
  EXPECT_TRUE(read({{"Authorization", "Basic dXNlcjpwYXNz"}})->keys.empty());
}

TEST_F(VerifyRequestTest, Bodies) {
  EXPECT_EQ(body("k1\nk2\r\n\r\nk3,k1\n"), (Keys{"k1", "k2", "k3"}));
  EXPECT_EQ(body(R"({"keys":["k1","k2"]})"), (Keys{"k1", "k2"}));
  EXPECT_EQ(body(R"( ["k1"])"), Keys{"k1"});
  EXPECT_EQ(body(""), Keys{});
  EXPECT_EQ(body(" \n"), Keys{});
  EXPECT_EQ(body(kToken + "\nk1"), Keys{"k1"});
  const Keys refused{std::string(to_string(Code::kBadRequest))};
  EXPECT_EQ(body(R"({"key":1})"), refused);
  EXPECT_EQ(body("two words"), refused);
}

}  // namespace
}  // namespace culvert
