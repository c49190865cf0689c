// One record for each request, whatever moment a process dies at.
#include "relay/usage/accounts.h"

#include "tests/unit/usage/folder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace culvert {
namespace {

RequestRecord record(char id) {
  RequestRecord out;
  out.id = std::string(32, id);
  out.upstream = "openai";
  out.usage = UsageClass::kTruncated;
  return out;
}

class AccountsTest : public testing::Test {
 protected:
  std::unique_ptr<Accounts> open() {
    return std::make_unique<Accounts>(
        Accounts::Options{folder_.path() + "/usage", limits::kSpoolBytes, 8}, clock_);
  }
  static std::string first_letters(Accounts& accounts) {
    std::string out;
    for (const auto& one : accounts.source()->next_batch(99).records) out += one.id().front();
    return out;
  }
  // The running file as it is now, put back after the owner is gone: what a kill leaves.
  std::string running_file() const { return test::content(folder_.path() + "/usage/running"); }
  void restore(const std::string& bytes) { test::write(folder_.path() + "/usage/running", bytes); }

  test::Folder folder_;
  FakeClock clock_;
};

TEST_F(AccountsTest, ARequestThatEndedHasItsRecord) {
  auto accounts = open();
  RunningRequest running = accounts->begin(record('a'));
  accounts->append(record('a'));
  running.end();
  EXPECT_EQ(first_letters(*accounts), "a");
  EXPECT_EQ(accounts->counts().records, 1U);
}

TEST_F(AccountsTest, WhatRanWhenTheProcessDiedIsRecordedByTheNext) {
  std::string left;
  {
    auto accounts = open();
    RunningRequest one = accounts->begin(record('a'));
    RunningRequest two = accounts->begin(record('b'));
    two.end();
    left = running_file();
  }
  restore(left);
  auto accounts = open();
  const auto batch = accounts->source()->next_batch(9);
  ASSERT_EQ(batch.records.size(), 1U);
  EXPECT_EQ(batch.records[0].id(), record('a').id);
  EXPECT_EQ(batch.records[0].class_(), v1::USAGE_CLASS_TRUNCATED);
  accounts.reset();
  EXPECT_EQ(first_letters(*open()), "a");  // and not once more
}

TEST_F(AccountsTest, WhatWasWrittenBeforeItsSlotWasFreedIsNotWrittenAgain) {
  std::string left;
  {
    auto accounts = open();
    RunningRequest one = accounts->begin(record('a'));
    RunningRequest two = accounts->begin(record('b'));
    accounts->append(record('a'));
    left = running_file();
  }
  restore(left);
  EXPECT_EQ(first_letters(*open()), "ab");
}

TEST_F(AccountsTest, NeitherIsWhatTheServiceHadAcknowledgedByThen) {
  std::string left;
  {
    auto accounts = open();
    RunningRequest one = accounts->begin(record('a'));
    accounts->append(record('a'));
    accounts->source()->acknowledged(accounts->source()->next_batch(9).end);
    left = running_file();
  }
  restore(left);
  EXPECT_EQ(first_letters(*open()), "");
}

TEST_F(AccountsTest, ADeathDuringTheRecoveryDoesNotDouble) {
  std::string left;
  {
    auto accounts = open();
    RunningRequest one = accounts->begin(record('a'));
    left = running_file();
  }
  for (int deaths = 0; deaths < 3; ++deaths) {
    restore(left);  // died after the record was written and before the slots were freed
    EXPECT_EQ(first_letters(*open()), "a");
  }
}

TEST_F(AccountsTest, WithoutADiskRecordsAreCountedAsLost) {
  test::write(folder_.path() + "/usage", "a file where the folder should be");
  auto accounts = open();
  EXPECT_EQ(accounts->source(), nullptr);
  RunningRequest running = accounts->begin(record('a'));
  running.note_counts(record('a'));
  accounts->append(record('a'));
  EXPECT_EQ(accounts->counts().lost, 1U);
}

}  // namespace
}  // namespace culvert
