// Classes and tokens of every end: told, estimated, refused, unknown.
#include "relay/usage/meter.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

RequestRecord measured(Passed passed, Outcome outcome, int status = 200, bool estimate = true) {
  RequestRecord record;
  record.outcome = outcome;
  record.status = status;
  record.path = "/v1/chat/completions";
  measure(passed, estimate, &record);
  return record;
}

TEST(Meter, WhatTheVendorToldStands) {
  const Passed passed{{10, 20, 3, 4}, 0, 400, true};
  const RequestRecord record = measured(passed, Outcome::kOk);
  EXPECT_EQ(record.usage, UsageClass::kDelivered);
  EXPECT_EQ(record.tokens_in, 10U);
  EXPECT_EQ(record.tokens_out, 20U);
  EXPECT_EQ(record.tokens_cached, 3U);
  EXPECT_EQ(record.tokens_reasoning, 4U);
  EXPECT_EQ(measured(passed, Outcome::kAborted).usage, UsageClass::kAborted);
  EXPECT_EQ(measured(passed, Outcome::kTruncated).usage, UsageClass::kTruncated);
}

TEST(Meter, WhatItDidNotTellIsEstimated) {
  for (const Outcome outcome : {Outcome::kOk, Outcome::kAborted, Outcome::kTruncated}) {
    const RequestRecord record = measured({{}, 10, 41, true}, outcome);
    EXPECT_EQ(record.usage, UsageClass::kEstimated);
    EXPECT_EQ(record.tokens_in, 11U);
    EXPECT_EQ(record.tokens_out, 3U);
  }
}

TEST(Meter, TextBehindTheVendorsLastWordIsAddedToIt) {
  const RequestRecord record = measured({{25, 1, {}, {}}, 40, 100, true}, Outcome::kAborted);
  EXPECT_EQ(record.usage, UsageClass::kEstimated);
  EXPECT_EQ(record.tokens_in, 25U);
  EXPECT_EQ(record.tokens_out, 11U);
}

TEST(Meter, InputIsEstimatedOnlyWhereItWasSurelyRead) {
  const Passed silent{{}, 0, 100, true};
  EXPECT_EQ(measured(silent, Outcome::kOk).tokens_in, std::nullopt);
  EXPECT_EQ(measured(silent, Outcome::kOk).usage, UsageClass::kDelivered);
  RequestRecord embedding;
  embedding.status = 200;
  embedding.path = "/v1beta/models/gemini-embedding-001:batchEmbedContents";
  measure(silent, true, &embedding);
  EXPECT_EQ(embedding.tokens_in, 25U);
  EXPECT_EQ(embedding.usage, UsageClass::kEstimated);
  EXPECT_EQ(embedding.tokens_out, std::nullopt);
}

TEST(Meter, ErrorsAreRefusedAndCostNothing) {
  const Passed passed{{}, 0, 100, true};
  for (const Outcome outcome :
       {Outcome::kClientError, Outcome::kUpstreamError, Outcome::kRelayError}) {
    EXPECT_EQ(measured(passed, outcome, 502).usage, UsageClass::kRefused);
  }
  const RequestRecord record = measured(passed, Outcome::kOk, 429);
  EXPECT_EQ(record.usage, UsageClass::kRefused);
  EXPECT_EQ(record.tokens_in, std::nullopt);
}

TEST(Meter, OfWhatCannotBeReadNothingIsKnown) {
  const RequestRecord record = measured({{}, 0, 100, false}, Outcome::kOk);
  EXPECT_EQ(record.usage, UsageClass::kDelivered);
  EXPECT_EQ(record.tokens_in, std::nullopt);
  EXPECT_EQ(record.tokens_out, std::nullopt);
}

TEST(Meter, AClientThatLeftBeforeTheAnswerIsAborted) {
  const RequestRecord record = measured({{}, 0, 100, false}, Outcome::kAborted, 0);
  EXPECT_EQ(record.usage, UsageClass::kAborted);
  EXPECT_EQ(record.tokens_in, std::nullopt);
}

TEST(Meter, WithoutASpoolOnlyTheVendorsWordIsKept) {
  const RequestRecord record = measured({{5, {}, {}, {}}, 40, 100, true}, Outcome::kOk, 200, false);
  EXPECT_EQ(record.usage, std::nullopt);
  EXPECT_EQ(record.tokens_in, 5U);
  EXPECT_EQ(record.tokens_out, std::nullopt);
}

}  // namespace
}  // namespace culvert
