// The ledger on a real file: counted once, never lost once acknowledged, its sums equal to its
// records however it is asked.
#include "control/ledger/sqlite_ledger.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

namespace culvert::control {
namespace {

class LedgerTest : public testing::Test {
 protected:
  LedgerTest() {
    std::string shape = std::filesystem::temp_directory_path() / "culvert-ledger-XXXXXX";
    folder_ = mkdtemp(shape.data());
    path_ = folder_ / "ledger.db";
  }
  ~LedgerTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<SqliteLedger> open() {
    auto ledger = SqliteLedger::open(path_, clock_);
    EXPECT_TRUE(ledger) << ledger.error().detail;
    return std::move(*ledger);
  }
  static v1::UsageRecord record(uint64_t id, int64_t second = 1'700'000'000) {
    v1::UsageRecord made;
    made.set_id(fmt::format("{:032x}", id));
    made.mutable_time()->set_seconds(second);
    made.set_tenant("acme");
    made.set_model("gpt-4o");
    made.set_upstream("openai");
    made.set_route("chat");
    made.set_key("sk-a…9999");
    made.set_input_tokens(100);
    made.set_output_tokens(10);
    made.set_cached_tokens(50);
    made.set_reasoning_tokens(3);
    made.set_bytes_in(1000);
    made.set_bytes_out(2000);
    made.set_total_ms(1500);
    return made;
  }
  static uint64_t requests(Ledger& ledger, const v1::UsageRequest& asked = {}) {
    const auto reply = ledger.report(asked);
    EXPECT_TRUE(reply);
    uint64_t all = 0;
    for (const auto& row : reply->rows()) all += row.requests();
    return all;
  }
  static v1::UsageRequest between(int64_t from, int64_t until) {
    v1::UsageRequest asked;
    asked.mutable_from()->set_seconds(from);
    asked.mutable_until()->set_seconds(until);
    return asked;
  }

  FakeClock clock_;
  std::filesystem::path folder_;
  std::string path_;
};

TEST_F(LedgerTest, CountsARecordOnce) {
  const auto ledger = open();
  ASSERT_TRUE(ledger->append("edge-1", {record(1), record(2), record(1)}, {}));
  ASSERT_TRUE(ledger->append("edge-1", {record(1), record(2)}, {}));
  ASSERT_TRUE(ledger->append("edge-2", {record(2), record(3)}, {}));
  const auto reply = ledger->report({});
  ASSERT_EQ(reply->rows_size(), 1);
  const auto& row = reply->rows(0);
  EXPECT_EQ(row.requests(), 3U);
  EXPECT_EQ(row.input_tokens(), 300U);
  EXPECT_EQ(row.output_tokens(), 30U);
  EXPECT_EQ(row.cached_tokens(), 150U);
  EXPECT_EQ(row.reasoning_tokens(), 9U);
  EXPECT_EQ(row.bytes_in(), 3000U);
  EXPECT_EQ(row.bytes_out(), 6000U);
  EXPECT_EQ(row.total_ms(), 4500U);
}

TEST_F(LedgerTest, LostAttemptsAreNoRequestsAndCountAllTheSame) {
  const auto ledger = open();
  v1::UsageRecord lost = record(2);
  lost.set_lost(true);
  lost.set_key("sk-a…0001");
  ASSERT_TRUE(ledger->append("edge-1", {record(1), lost}, {}));
  v1::UsageRequest days;  // whole ones, which the sums tell
  // Of less than a day the records themselves tell.
  for (v1::UsageRequest asked : {days, between(1'699'999'990, 1'700'000'010)}) {
    const auto all = ledger->report(asked);
    ASSERT_EQ(all->rows_size(), 1);
    EXPECT_EQ(all->rows(0).requests(), 1U);
    EXPECT_EQ(all->rows(0).input_tokens(), 200U);
    EXPECT_EQ(all->rows(0).total_ms(), 1500U) << "an attempt's time is part of its request's";
    asked.add_group_by("key");
    const auto by_key = ledger->report(asked);
    ASSERT_EQ(by_key->rows_size(), 2);
    EXPECT_EQ(by_key->rows(0).requests() + by_key->rows(1).requests(), 1U);
    EXPECT_EQ(by_key->rows(0).input_tokens(), by_key->rows(1).input_tokens());
  }
}

TEST_F(LedgerTest, IsEmptyAtFirst) {
  const auto ledger = open();
  const auto reply = ledger->report({});
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->rows_size(), 0);
  EXPECT_EQ(reply->lost(), 0U);
}

TEST_F(LedgerTest, KeepsAllOverARestart) {
  ASSERT_TRUE(open()->append("edge-1", {record(1)}, {}));
  const auto ledger = open();
  ASSERT_TRUE(ledger->append("edge-1", {record(1), record(2)}, {}));
  EXPECT_EQ(requests(*ledger), 2U);
}

// The count of a process only ascends: what comes again, alone or with other records, is known.
TEST_F(LedgerTest, CountsLossesOnceHoweverOftenTheyAreTold) {
  auto ledger = open();
  for (int sent = 0; sent < 2; ++sent) {
    ASSERT_TRUE(ledger->append("edge-1", {record(1)}, {"first", 5}));
    ASSERT_TRUE(ledger->append("edge-1", {}, {"first", 5}));
  }
  ASSERT_TRUE(ledger->append("edge-1", {record(1), record(2)}, {"first", 7}));  // merged anew
  EXPECT_EQ(ledger->report({})->lost(), 7U);
  ledger.reset();
  ledger = open();  // the service began anew before it could acknowledge
  ASSERT_TRUE(ledger->append("edge-1", {}, {"first", 7}));
  EXPECT_EQ(ledger->report({})->lost(), 7U);
  ASSERT_TRUE(ledger->append("edge-1", {}, {"second", 2}));  // the relay did
  ASSERT_TRUE(ledger->append("edge-1", {}, {"first", 6}));   // late
  ASSERT_TRUE(ledger->append("edge-2", {}, {"third", 1}));
  EXPECT_EQ(ledger->report({})->lost(), 10U);
}

TEST_F(LedgerTest, KeepsWhatAnOlderVersionCountedAsLost) {
  open();
  {
    auto database = Database::open(path_, Database::Mode::kCreate);
    ASSERT_TRUE((*database)->run(
        "ALTER TABLE records DROP COLUMN lost; DROP TABLE lost; "
        "ALTER TABLE sums DROP COLUMN total_ms; "
        "CREATE TABLE lost (relay TEXT PRIMARY KEY, records INTEGER NOT NULL) "
        "WITHOUT ROWID; INSERT INTO lost VALUES ('edge-1', 4); PRAGMA user_version = 1"));
  }
  const auto ledger = open();
  ASSERT_TRUE(ledger->append("edge-1", {}, {"first", 2}));
  EXPECT_EQ(ledger->report({})->lost(), 6U);
}

TEST_F(LedgerTest, SumsTheTimesThatAnOlderVersionLeftInRecords) {
  v1::UsageRecord lost = record(3);
  lost.set_lost(true);
  ASSERT_TRUE(open()->append("edge-1", {record(1), record(2), lost}, {}));
  ASSERT_TRUE(open()->append("edge-2", {record(4)}, {}));
  {
    auto database = Database::open(path_, Database::Mode::kCreate);
    ASSERT_TRUE((*database)->run(
        "ALTER TABLE sums DROP COLUMN total_ms; PRAGMA user_version = 3"));
  }
  const auto ledger = open();
  ASSERT_TRUE(ledger->append("edge-1", {record(5)}, {}));
  v1::UsageRequest asked;
  asked.add_group_by("relay");
  const auto reply = ledger->report(asked);
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply->rows_size(), 2);
  EXPECT_EQ(reply->rows(0).total_ms(), 4500U);
  EXPECT_EQ(reply->rows(1).total_ms(), 1500U);
}

TEST_F(LedgerTest, GroupsByEachWord) {
  const auto ledger = open();
  v1::UsageRecord other = record(2, 1'700'000'000 + 86'400);
  other.set_model("claude");
  other.set_tenant("");
  other.set_class_(v1::USAGE_CLASS_ABORTED);
  other.set_output_tokens(99);
  ASSERT_TRUE(ledger->append("edge-1", {record(1)}, {}));
  ASSERT_TRUE(ledger->append("edge-2", {other}, {}));
  const auto groups = [&](const std::string& word) {
    v1::UsageRequest asked;
    asked.add_group_by(word);
    std::vector<std::string> values;
    const auto reply = ledger->report(asked);
    for (const auto& row : reply->rows()) values.push_back(row.group().at(word));
    return values;
  };
  using Words = std::vector<std::string>;
  EXPECT_EQ(groups("model"), (Words{"claude", "gpt-4o"}));
  EXPECT_EQ(groups("tenant"), (Words{"", "acme"}));
  EXPECT_EQ(groups("relay"), (Words{"edge-2", "edge-1"}));
  EXPECT_EQ(groups("class"), (Words{"aborted", "delivered"}));
  EXPECT_EQ(groups("day"), (Words{"2023-11-15", "2023-11-14"}));
  EXPECT_EQ(groups("upstream"), Words{"openai"});
  EXPECT_EQ(groups("route"), Words{"chat"});
  EXPECT_EQ(groups("key"), Words{"sk-a…9999"});
  v1::UsageRequest two;
  two.add_group_by("model");
  two.add_group_by("relay");
  two.add_group_by("model");
  const auto reply = ledger->report(two);
  ASSERT_EQ(reply->rows_size(), 2);
  EXPECT_EQ(reply->rows(0).group_size(), 2);
  EXPECT_EQ(reply->rows(0).output_tokens(), 99U);
}

TEST_F(LedgerTest, RefusesAWordThatItDoesNotKnow) {
  const auto ledger = open();
  v1::UsageRequest asked;
  asked.add_group_by("model; DROP TABLE records");
  const auto reply = ledger->report(asked);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kInvalidConfig);
  EXPECT_NE(reply.error().detail.find("tenant, model, key"), std::string::npos);
}

TEST_F(LedgerTest, FiltersWithoutReadingTheValueAsSql) {
  const auto ledger = open();
  v1::UsageRecord odd = record(2);
  odd.set_model("x' OR '1'='1");
  ASSERT_TRUE(ledger->append("edge-1", {record(1), odd}, {}));
  v1::UsageRequest asked;
  asked.set_model("x' OR '1'='1");
  EXPECT_EQ(requests(*ledger, asked), 1U);
  asked.set_tenant("nobody");
  EXPECT_EQ(requests(*ledger, asked), 0U);
  v1::UsageRequest upstream;
  upstream.set_upstream("openai");
  upstream.set_relay("edge-1");
  EXPECT_EQ(requests(*ledger, upstream), 2U);
}

// Any two times, with whole days between them or not: what is asked of sums and records together
// is what the records alone would say.
TEST_F(LedgerTest, SumsAndRecordsSayTheSameOfAnyTime) {
  const auto ledger = open();
  constexpr int64_t kMidnight = 1'700'006'400;  // 2023-11-15T00:00:00Z
  constexpr int64_t kStep = 86'400 / 4;
  std::vector<int64_t> times;
  std::vector<v1::UsageRecord> records;
  for (int i = 0; i < 20; ++i) {
    times.push_back(kMidnight + i * kStep);
    times.push_back(kMidnight + i * kStep - 1);
  }
  for (const int64_t time : times) records.push_back(record(records.size() + 1, time));
  ASSERT_TRUE(ledger->append("edge-1", records, {}));
  for (int64_t from = kMidnight - kStep; from < kMidnight + 21 * kStep; from += kStep) {
    for (int64_t until = from; until < kMidnight + 21 * kStep; until += kStep) {
      const auto within = std::count_if(times.begin(), times.end(),
                                        [&](int64_t time) { return time >= from && time < until; });
      ASSERT_EQ(requests(*ledger, between(from, until)), static_cast<uint64_t>(within))
          << from << " to " << until;
    }
  }
  EXPECT_EQ(requests(*ledger, between(kMidnight + kStep, kMidnight)), 0U);
  v1::UsageRequest since;
  since.mutable_from()->set_seconds(kMidnight);
  EXPECT_EQ(requests(*ledger, since), 39U);
}

TEST_F(LedgerTest, CutsAnAnswerThatIsTooLong) {
  const auto ledger = open();
  std::vector<v1::UsageRecord> records;
  for (uint64_t i = 0; i < 10'001; ++i) {
    records.push_back(record(i + 1));
    records.back().set_model("model-" + std::to_string(i));
  }
  ASSERT_TRUE(ledger->append("edge-1", records, {}));
  v1::UsageRequest asked;
  asked.add_group_by("model");
  const auto reply = ledger->report(asked);
  EXPECT_EQ(reply->rows_size(), 10'000);
  EXPECT_TRUE(reply->cut());
  asked.set_model("model-7");
  EXPECT_FALSE(ledger->report(asked)->cut());
}

TEST_F(LedgerTest, SurvivesCountsThatNoRequestHas) {
  const auto ledger = open();
  for (uint64_t i = 1; i <= 40; ++i) {
    v1::UsageRecord huge = record(i);
    huge.set_output_tokens(UINT64_MAX);
    huge.mutable_time()->set_seconds(INT64_MAX);
    huge.set_class_(static_cast<v1::UsageClass>(99));
    ASSERT_TRUE(ledger->append("edge-1", {huge}, {}));
  }
  EXPECT_EQ(requests(*ledger), 40U);
}

TEST_F(LedgerTest, SaysSoWhereTheFileIsNoLedger) {
  std::ofstream(path_) << "this is a text of more than sixteen bytes, and no database at all";
  const auto ledger = SqliteLedger::open(path_, clock_);
  ASSERT_FALSE(ledger);
  EXPECT_EQ(ledger.error().code, Code::kSystem);
  EXPECT_NE(ledger.error().detail.find(path_), std::string::npos);
  EXPECT_FALSE(SqliteLedger::open(folder_ / "missing" / "ledger.db", clock_));
}

// Bytes of its pages are overwritten while it is closed: whatever is asked then is an error or an
// answer, never the end of the process, and what is damaged is not written over.
TEST_F(LedgerTest, TellsOfDamagedPages) {
  {
    const auto ledger = open();
    std::vector<v1::UsageRecord> records;
    for (uint64_t i = 1; i <= 500; ++i) records.push_back(record(i));
    ASSERT_TRUE(ledger->append("edge-1", records, {}));
  }
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    file << std::string(std::filesystem::file_size(path_) - 4096, '\xa5');
  }
  const auto ledger = SqliteLedger::open(path_, clock_);
  if (!ledger) return;
  const auto report = (*ledger)->report({});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Code::kSystem);
  EXPECT_FALSE((*ledger)->append("edge-1", {record(1000)}, {}));
}

TEST_F(LedgerTest, LeavesAFileOfANewerVersionAlone) {
  open();
  {
    auto database = Database::open(path_, Database::Mode::kCreate);
    ASSERT_TRUE((*database)->run("PRAGMA user_version = 999"));
  }
  const auto ledger = SqliteLedger::open(path_, clock_);
  ASSERT_FALSE(ledger);
  EXPECT_NE(ledger.error().detail.find("newer version"), std::string::npos);
}

TEST_F(LedgerTest, IsReadableByItsOwnerOnly) {
  open();
  EXPECT_EQ(std::filesystem::status(path_).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

// A process that appends is killed with kill -9 at any point, some thirty times in a row: what it
// was told to be there is there, and the sums are those of the records.
TEST_F(LedgerTest, LosesNothingToKillNine) {
  open();
  uint64_t next = 1;
  uint64_t acknowledged = 0;
  for (int round = 0; round < 30; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(ends[0]);
      const auto ledger = SqliteLedger::open(path_, Clock::system());
      for (uint64_t id = next; ledger; id += 2) {
        if (!(*ledger)->append("edge-1", {record(id), record(id + 1)}, {})) break;
        const uint64_t done = id + 1;
        if (::write(ends[1], &done, sizeof done) != sizeof done) break;
      }
      ::_exit(1);
    }
    ::close(ends[1]);
    for (int i = 0; i <= round % 5; ++i) {
      ASSERT_EQ(::read(ends[0], &acknowledged, sizeof acknowledged),
                static_cast<ssize_t>(sizeof acknowledged));
    }
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    while (::read(ends[0], &acknowledged, sizeof acknowledged) > 0) {
    }
    ::close(ends[0]);
    next = acknowledged + 1;
  }
  const auto ledger = open();
  auto database = Database::open(path_, Database::Mode::kCreate);
  EXPECT_GE(*(*database)->number("SELECT count(*) FROM records"), acknowledged);
  EXPECT_EQ(*(*database)->number("SELECT count(*) FROM records"), requests(*ledger));
  EXPECT_EQ(*(*database)->number("SELECT sum(output) FROM records"),
            ledger->report({})->rows(0).output_tokens());
  // Sent again, as a relay does that was not acknowledged.
  for (uint64_t id = 1; id <= acknowledged; ++id) {
    ASSERT_TRUE(ledger->append("edge-1", {record(id)}, {}));
    if (id > 20) break;
  }
  EXPECT_EQ(*(*database)->number("SELECT count(*) FROM records"), requests(*ledger));
}

}  // namespace
}  // namespace culvert::control
