// Words and statuses of errors: surface.md's table, row by row, and that no two kinds look alike.
#include "relay/base/error.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace culvert {
namespace {

constexpr int kCodes = static_cast<int>(Code::kSystem) + 1;

TEST(Error, EveryCodeHasAWordOfItsOwn) {
  std::set<std::string> words;
  for (int i = 0; i < kCodes; ++i) {
    const std::string word(to_string(static_cast<Code>(i)));
    EXPECT_FALSE(word.empty());
    EXPECT_TRUE(words.insert(word).second) << word;
  }
}

TEST(Error, EveryStatusIsAnError) {
  for (int i = 0; i < kCodes; ++i) {
    const int status = http_status(static_cast<Code>(i));
    EXPECT_GE(status, 400) << to_string(static_cast<Code>(i));
    EXPECT_LE(status, 599) << to_string(static_cast<Code>(i));
  }
}

TEST(Error, HasTheStatusesOfTheSurface) {
  EXPECT_EQ(http_status(Code::kBadRequest), 400);
  EXPECT_EQ(http_status(Code::kUnauthorized), 401);
  EXPECT_EQ(http_status(Code::kForbidden), 403);
  EXPECT_EQ(http_status(Code::kNotFound), 404);
  EXPECT_EQ(http_status(Code::kRequestTimeout), 408);
  EXPECT_EQ(http_status(Code::kBodyTooLarge), 413);
  EXPECT_EQ(http_status(Code::kTargetTooLong), 414);
  EXPECT_EQ(http_status(Code::kExpectationFailed), 417);
  EXPECT_EQ(http_status(Code::kHeadTooLarge), 431);
  EXPECT_EQ(http_status(Code::kRateLimited), 429);
  EXPECT_EQ(http_status(Code::kKeysRateLimited), 429);
  EXPECT_EQ(http_status(Code::kNotImplemented), 501);
  EXPECT_EQ(http_status(Code::kResolveFailed), 502);
  EXPECT_EQ(http_status(Code::kTlsFailed), 502);
  EXPECT_EQ(http_status(Code::kBadAnswer), 502);
  EXPECT_EQ(http_status(Code::kKeysUnavailable), 503);
  EXPECT_EQ(http_status(Code::kOverloaded), 503);
  EXPECT_EQ(http_status(Code::kDraining), 503);
  EXPECT_EQ(http_status(Code::kOutOfMemory), 503);
  EXPECT_EQ(http_status(Code::kConnectTimeout), 504);
  EXPECT_EQ(http_status(Code::kFirstByteTimeout), 504);
  EXPECT_EQ(http_status(Code::kTotalTimeout), 504);
  EXPECT_EQ(http_status(Code::kVersionNotSupported), 505);
}

TEST(Error, EveryStageButNoneHasAWordOfItsOwn) {
  EXPECT_EQ(to_string(Stage::kNone), "");
  std::set<std::string> words;
  for (int i = 1; i <= static_cast<int>(Stage::kBody); ++i) {
    const std::string word(to_string(static_cast<Stage>(i)));
    EXPECT_FALSE(word.empty());
    EXPECT_TRUE(words.insert(word).second) << word;
  }
}

TEST(Error, SaysWhoseFaultItIs) {
  EXPECT_EQ(to_string(Fault::kClient), "client");
  EXPECT_EQ(to_string(Fault::kUpstream), "upstream");
  EXPECT_EQ(to_string(Fault::kOurs), "relay");
  EXPECT_EQ(Error::client(Code::kBadRequest, Stage::kRequest, "x").fault, Fault::kClient);
  EXPECT_EQ(Error::ours(Code::kInternal, Stage::kNone, "x").fault, Fault::kOurs);
  const auto error =
      Error::upstream(Code::kConnectFailed, Stage::kConnect, Retry::kOtherUpstream, "refused");
  EXPECT_EQ(error.fault, Fault::kUpstream);
  EXPECT_EQ(error.retry, Retry::kOtherUpstream);
  EXPECT_EQ(error.detail, "refused");
  EXPECT_EQ(error.retry_after, -1);
}

}  // namespace
}  // namespace culvert
