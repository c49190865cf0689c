// Records in frames: a tear or a flip at any place loses the record that it hits and no other.
#include "relay/usage/segment.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace culvert {
namespace {

std::string framed(const std::vector<std::string>& records) {
  std::string out;
  for (const std::string& record : records) EXPECT_TRUE(frame(record, &out));
  return out;
}

std::vector<std::string> read(std::string_view bytes) {
  RecordReader reader(bytes);
  std::vector<std::string> out;
  while (const auto record = reader.next()) out.emplace_back(*record);
  return out;
}

const std::vector<std::string> kThree = {"first", std::string(300, 'b'), "third record"};

TEST(Segment, RecordsComeBack) {
  const std::string bytes = framed(kThree);
  RecordReader reader(bytes);
  for (const std::string& record : kThree) EXPECT_EQ(reader.next(), record);
  EXPECT_EQ(reader.next(), std::nullopt);
  EXPECT_EQ(reader.position(), bytes.size());
  EXPECT_EQ(reader.damaged(), 0U);
}

TEST(Segment, WhatIsTornAtAnyByteIsLeftOutAndTheRestIsThere) {
  const std::string bytes = framed(kThree);
  const size_t second = framed({kThree[0], kThree[1]}).size();
  for (size_t size = second; size < bytes.size(); ++size) {
    RecordReader reader(std::string_view(bytes).substr(0, size));
    EXPECT_EQ(reader.next(), kThree[0]);
    EXPECT_EQ(reader.next(), kThree[1]);
    EXPECT_EQ(reader.next(), std::nullopt);
    EXPECT_EQ(reader.position(), second) << size;
  }
}

TEST(Segment, ADamagedByteCostsItsOwnRecordOnly) {
  const std::string bytes = framed(kThree);
  const size_t from = framed({kThree[0]}).size();
  const size_t to = framed({kThree[0], kThree[1]}).size();
  for (size_t at = from; at < to; ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    EXPECT_EQ(read(damaged), (std::vector<std::string>{kThree[0], kThree[2]})) << at;
  }
}

TEST(Segment, TellsHowMuchWasPassedOver) {
  const std::string good = framed({"x"});
  const std::string bytes = "garbage" + good;
  RecordReader reader(bytes);
  EXPECT_EQ(reader.next(), "x");
  EXPECT_EQ(reader.damaged(), 7U);
}

TEST(Segment, RefusesWhatNoRecordIs) {
  std::string out;
  EXPECT_FALSE(frame("", &out));
  EXPECT_FALSE(frame(std::string(limits::kUsageRecordBytes + 1, 'x'), &out));
  EXPECT_TRUE(out.empty());
  EXPECT_TRUE(frame(std::string(limits::kUsageRecordBytes, 'x'), &out));
  EXPECT_EQ(out.size(), kFramedMost);
}

TEST(Segment, AHeadTellsItsRecords) {
  const auto head = segment_head(70'000);
  const std::string text(head.data(), head.size());
  EXPECT_EQ(records_of_head(text), 70'000U);
  EXPECT_EQ(records_of_head(text.substr(1) + "x"), std::nullopt);
  EXPECT_EQ(records_of_head(text.substr(0, 15)), std::nullopt);
  std::string newer = text;
  newer[8] = 2;
  EXPECT_EQ(records_of_head(newer), std::nullopt);
}

}  // namespace
}  // namespace culvert
