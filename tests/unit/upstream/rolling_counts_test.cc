// Counts that slide, at the edges of their buckets and from several threads.
#include "relay/upstream/rolling_counts.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace culvert {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using Kind = RollingCounts::Kind;

constexpr Duration kWidth = seconds(1);
constexpr Instant kStart{hours(1)};

TEST(RollingCounts, KindsAreApart) {
  RollingCounts counts;
  counts.add(Kind::kFirst, kStart, kWidth);
  counts.add(Kind::kFirst, kStart, kWidth);
  counts.add(Kind::kSecond, kStart, kWidth);
  EXPECT_EQ(counts.sum(Kind::kFirst, kStart, kWidth, 10), 2U);
  EXPECT_EQ(counts.sum(Kind::kSecond, kStart, kWidth, 10), 1U);
}

TEST(RollingCounts, WhatIsOldCountsNoMore) {
  RollingCounts counts;
  for (int i = 0; i < 10; ++i) counts.add(Kind::kFirst, kStart + seconds(i), kWidth);
  EXPECT_EQ(counts.sum(Kind::kFirst, kStart + seconds(9), kWidth, 10), 10U);
  EXPECT_EQ(counts.sum(Kind::kFirst, kStart + seconds(9), kWidth, 3), 3U);
  EXPECT_EQ(counts.sum(Kind::kFirst, kStart + seconds(12), kWidth, 10), 7U);
  EXPECT_EQ(counts.sum(Kind::kFirst, kStart + seconds(500), kWidth, 11), 0U);
}

TEST(RollingCounts, ABucketIsTakenOverByItsNextTime) {
  RollingCounts counts;
  counts.add(Kind::kFirst, kStart, kWidth);
  counts.add(Kind::kSecond, kStart + seconds(RollingCounts::kBuckets), kWidth);
  EXPECT_EQ(counts.sum(Kind::kFirst, kStart + seconds(11), kWidth, 11), 0U);
  EXPECT_EQ(counts.sum(Kind::kSecond, kStart + seconds(11), kWidth, 11), 1U);
}

TEST(RollingCounts, ClearForgets) {
  RollingCounts counts;
  counts.add(Kind::kFirst, kStart, kWidth);
  counts.clear();
  EXPECT_EQ(counts.sum(Kind::kFirst, kStart, kWidth, 11), 0U);
}

TEST(RollingCounts, ThreadsLoseNothing) {
  RollingCounts counts;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10000; ++i) {
        counts.add(i % 2 == 0 ? Kind::kFirst : Kind::kSecond, kStart + seconds(i % 10), kWidth);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(counts.sum(Kind::kFirst, kStart + seconds(9), kWidth, 10), 20000U);
  EXPECT_EQ(counts.sum(Kind::kSecond, kStart + seconds(9), kWidth, 10), 20000U);
}

}  // namespace
}  // namespace culvert
