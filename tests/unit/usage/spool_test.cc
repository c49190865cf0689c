// The spool on a real disk: what was appended is given in order until it is acknowledged, over
// restarts, torn and damaged files, threads, its bound, and a disk that takes no more.
#include "relay/usage/spool.h"

#include "relay/usage/segment.h"
#include "tests/unit/usage/folder.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace culvert {
namespace {

constexpr uint64_t kLimit = 16 * 1024 * 1024;

std::string framed(const std::string& id, size_t padding = 0) {
  v1::UsageRecord record;
  record.set_id(id);
  record.set_model(std::string(padding, 'm'));
  std::string out;
  EXPECT_TRUE(frame(record.SerializeAsString(), &out));
  return out;
}

std::vector<std::string> ids(const UsageBatch& batch) {
  std::vector<std::string> out;
  for (const auto& record : batch.records) out.push_back(record.id());
  return out;
}

std::vector<std::string> numbered(int from, int to) {
  std::vector<std::string> out;
  for (int i = from; i < to; ++i) out.push_back(std::to_string(i));
  return out;
}

class SpoolTest : public testing::Test {
 protected:
  std::unique_ptr<Spool> open(uint64_t limit = kLimit) {
    auto spool = Spool::open(folder_.path(), limit, clock_);
    EXPECT_TRUE(spool.has_value());
    return std::move(spool).value();
  }
  void append(Spool& spool, int from, int to, size_t padding = 0) {
    for (const std::string& id : numbered(from, to)) {
      EXPECT_TRUE(spool.append(framed(id, padding)));
    }
  }
  std::vector<std::filesystem::path> files() const {
    std::vector<std::filesystem::path> out;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      if (entry.path().extension() == ".usage") out.push_back(entry.path());
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  test::Folder folder_;
  FakeClock clock_;
};

TEST_F(SpoolTest, GivesInOrderAndOnlyOnce) {
  auto spool = open();
  append(*spool, 0, 5);
  EXPECT_EQ(ids(spool->next_batch(3)), numbered(0, 3));
  EXPECT_EQ(ids(spool->next_batch(3)), numbered(3, 5));
  EXPECT_TRUE(spool->next_batch(3).empty());
  append(*spool, 5, 6);
  EXPECT_EQ(ids(spool->next_batch(3)), numbered(5, 6));
}

TEST_F(SpoolTest, GivesAgainWhatWasNotAcknowledged) {
  auto spool = open();
  append(*spool, 0, 6);
  const UsageBatch first = spool->next_batch(2);
  spool->next_batch(2);
  spool->acknowledged(first.end);
  EXPECT_EQ(spool->counts().records, 4U);
  spool->rewind();
  EXPECT_EQ(ids(spool->next_batch(10)), numbered(2, 6));
}

TEST_F(SpoolTest, ARestartGoesOnWhereTheServiceWas) {
  {
    auto spool = open();
    append(*spool, 0, 6);
    spool->acknowledged(spool->next_batch(4).end);
  }
  auto spool = open();
  EXPECT_EQ(spool->counts().records, 2U);
  append(*spool, 6, 8);
  EXPECT_EQ(ids(spool->next_batch(10)), numbered(4, 8));
}

TEST_F(SpoolTest, WholeSegmentsGoWhenTheyAreAcknowledged) {
  auto spool = open(limits::kSpoolBytesLeast);  // segments of 128 KiB
  append(*spool, 0, 600, 1000);
  const size_t before = files().size();
  EXPECT_GE(before, 4U);
  const UsageBatch half = spool->next_batch(300);
  EXPECT_EQ(ids(half), numbered(0, 300));
  spool->acknowledged(half.end);
  EXPECT_LT(files().size(), before);
  EXPECT_EQ(ids(spool->next_batch(1000)), numbered(300, 600));
  spool->acknowledged({UINT64_MAX, 0});
  EXPECT_EQ(files().size(), 1U);  // what is written to
  EXPECT_EQ(spool->counts().records, 0U);
  append(*spool, 600, 601);
  spool->rewind();
}

TEST_F(SpoolTest, NumbersAreNeverUsedAgain) {
  SpoolPosition end;
  {
    auto spool = open();
    append(*spool, 0, 3);
    end = spool->next_batch(9).end;
    spool->acknowledged(end);
  }
  auto spool = open();
  EXPECT_EQ(spool->counts().records, 0U);
  append(*spool, 3, 4);
  EXPECT_EQ(files().size(), 1U);  // the older one was acknowledged
  const UsageBatch batch = spool->next_batch(9);
  EXPECT_EQ(ids(batch), numbered(3, 4));
  EXPECT_GT(batch.end, end);
}

// As a process that was killed leaves it: the head tells no number of records.
std::string unfinished(std::string bytes) {
  const auto head = segment_head(0);
  return bytes.replace(0, head.size(), head.data(), head.size());
}

TEST_F(SpoolTest, ATearAtAnyByteCostsTheLastRecordOnly) {
  {
    auto spool = open();
    append(*spool, 0, 3);
  }
  const auto file = files().front();
  const std::string whole = unfinished(test::content(file));
  const size_t last = framed("2").size();
  for (size_t torn = 1; torn <= last; ++torn) {
    test::write(file, whole.substr(0, whole.size() - torn));
    auto spool = open();
    EXPECT_EQ(std::filesystem::file_size(file), whole.size() - last) << torn;
    EXPECT_EQ(spool->counts().records, 2U) << torn;
    EXPECT_TRUE(spool->append(framed("new")));
    EXPECT_EQ(ids(spool->next_batch(9)), (std::vector<std::string>{"0", "1", "new"})) << torn;
    spool.reset();
    std::filesystem::remove(files().back());
  }
}

TEST_F(SpoolTest, AHeadThatWasTornIsNoSegment) {
  for (size_t size = 0; size < kSegmentHead; ++size) {
    const auto head = segment_head(0);
    test::write(folder_.path() + "/000000000009.usage", std::string(head.data(), size));
    auto spool = open();
    append(*spool, 0, 1);
    EXPECT_EQ(ids(spool->next_batch(9)), numbered(0, 1)) << size;
    spool->acknowledged(spool->next_batch(9).end);
    spool.reset();
    for (const auto& file : files()) std::filesystem::remove(file);
    std::filesystem::remove(folder_.path() + "/acknowledged");
  }
}

TEST_F(SpoolTest, ADamagedRecordInTheMiddleIsPassedOver) {
  {
    auto spool = open();
    append(*spool, 0, 5);
  }
  const auto file = files().front();
  const std::string whole = test::content(file);
  const size_t from = kSegmentHead + 2 * framed("0").size();
  for (size_t at = from; at < from + framed("0").size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
    test::write(file, damaged);
    auto spool = open();
    EXPECT_EQ(ids(spool->next_batch(9)), (std::vector<std::string>{"0", "1", "3", "4"})) << at;
  }
}

TEST_F(SpoolTest, DamageLargerThanAReadIsPassedOver) {
  {
    auto spool = open();
    append(*spool, 0, 3);
  }
  const auto file = files().front();
  std::string bytes = test::content(file);
  bytes.insert(kSegmentHead + framed("0").size(), std::string(700 * 1024, '\xC1'));
  test::write(file, bytes);
  EXPECT_EQ(ids(open()->next_batch(9)), numbered(0, 3));
  test::write(file, bytes.substr(0, bytes.size() / 2));  // damage up to the end
  auto spool = open();
  append(*spool, 7, 8);
  EXPECT_EQ(ids(spool->next_batch(9)), (std::vector<std::string>{"0", "7"}));
}

TEST_F(SpoolTest, ADamagedPositionOnlySendsAgain) {
  {
    auto spool = open();
    append(*spool, 0, 3);
    spool->acknowledged(spool->next_batch(2).end);
  }
  test::write(folder_.path() + "/acknowledged", "nonsense nonsense nonsense nonsense");
  EXPECT_EQ(ids(open()->next_batch(9)), numbered(0, 3));
}

TEST_F(SpoolTest, BeyondItsBoundRecordsAreLostCountedAndTold) {
  auto spool = open(limits::kSpoolBytesLeast);
  int taken = 0;
  while (spool->append(framed(std::to_string(taken), 1000))) ++taken;
  EXPECT_GT(taken, 900);
  EXPECT_LE(spool->counts().bytes, limits::kSpoolBytesLeast);
  EXPECT_FALSE(spool->append(framed("late", 1000)));
  EXPECT_EQ(spool->counts().lost, 2U);
  const UsageBatch batch = spool->next_batch(500);
  EXPECT_EQ(batch.lost, 2U);
  EXPECT_TRUE(batch.tells_loss);
  EXPECT_FALSE(spool->next_batch(1).tells_loss);
  spool->rewind();  // the stream ended before the service answered
  EXPECT_FALSE(spool->append(framed("later", 1000)));
  const UsageBatch again = spool->next_batch(500);
  EXPECT_EQ(again.lost, 3U);
  EXPECT_TRUE(again.tells_loss);
  spool->acknowledged(batch.end);
  EXPECT_TRUE(spool->append(framed("again", 1000)));  // room was made
  spool->rewind();
  EXPECT_FALSE(spool->next_batch(1).tells_loss);
}

TEST_F(SpoolTest, OnlyLossIsToldWhereThereIsNothingElse) {
  auto spool = open();
  EXPECT_TRUE(spool->next_batch(9).empty());
  std::string framed_junk;
  EXPECT_TRUE(frame("\xFF\xFF", &framed_junk));
  EXPECT_TRUE(spool->append(framed_junk));  // no message of ours: nobody can count it
  EXPECT_TRUE(spool->next_batch(9).records.empty());
}

TEST_F(SpoolTest, AFullDiskLosesRecordsAndNothingElse) {
  auto spool = open();
  append(*spool, 0, 10);
  // No file may grow beyond what this one has: what a full disk does to a write, in part.
  const auto size = std::filesystem::file_size(files().front());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{size + 10, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  EXPECT_FALSE(spool->append(framed("lost")));
  EXPECT_FALSE(spool->append(framed("lost too")));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(std::filesystem::file_size(files().front()), size);  // no half of it stays
  append(*spool, 10, 12);
  const UsageBatch batch = spool->next_batch(99);
  EXPECT_EQ(ids(batch), numbered(0, 12));
  EXPECT_EQ(batch.lost, 2U);
}

TEST_F(SpoolTest, AFolderThatCannotBeWrittenIsAnErrorAtTheStart) {
  test::write(folder_.path() + "/file", "");
  const auto spool = Spool::open(folder_.path() + "/file/usage", kLimit, clock_);
  ASSERT_FALSE(spool.has_value());
  EXPECT_NE(spool.error().detail.find("file"), std::string::npos);
}

TEST_F(SpoolTest, AFolderThatGoesAwayLosesRecordsUntilItIsBack) {
  auto spool = open(limits::kSpoolBytesLeast);
  append(*spool, 0, 1);
  std::filesystem::rename(folder_.path(), folder_.path() + ".away");
  int taken = 0;
  while (spool->append(framed("x", 1000))) ++taken;  // the open segment still takes them
  EXPECT_GT(taken, 10);
  std::filesystem::rename(folder_.path() + ".away", folder_.path());
  EXPECT_TRUE(spool->append(framed("back")));
  EXPECT_EQ(spool->counts().lost, 1U);
}

TEST_F(SpoolTest, AFolderHasOneOwner) {
  auto spool = open();
  const auto second = Spool::open(folder_.path(), kLimit, clock_);
  ASSERT_FALSE(second.has_value());
  EXPECT_NE(second.error().detail.find("another relay"), std::string::npos);
  spool.reset();
  EXPECT_TRUE(Spool::open(folder_.path(), kLimit, clock_).has_value());
}

TEST_F(SpoolTest, ThreadsAppendWhileTheLinkReads) {
  constexpr int kThreads = 4;
  constexpr int kEach = 2000;
  auto spool = open(limits::kSpoolBytes);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        spool->append(framed(std::to_string(t * kEach + i), 600));
      }
    });
  }
  std::set<std::string> seen;
  size_t given = 0;
  while (given < kThreads * kEach) {
    const UsageBatch batch = spool->next_batch(100);
    for (const std::string& id : ids(batch)) seen.insert(id);
    given += batch.records.size();
    if (!batch.empty()) spool->acknowledged(batch.end);
    spool->sync();
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(given, static_cast<size_t>(kThreads * kEach));
  EXPECT_EQ(seen.size(), given);
  EXPECT_EQ(spool->counts().records, 0U);
  EXPECT_EQ(spool->counts().lost, 0U);
  EXPECT_EQ(files().size(), 1U);
}

}  // namespace
}  // namespace culvert
