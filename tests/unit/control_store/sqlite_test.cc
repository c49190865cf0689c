// What the store and the ledger rely on beside their own statements: bindings, NULL, rollback.
#include "control/store/sqlite.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace culvert::control {
namespace {

class SqliteTest : public testing::Test {
 protected:
  SqliteTest() {
    std::string shape = std::filesystem::temp_directory_path() / "culvert-sqlite-XXXXXX";
    folder_ = mkdtemp(shape.data());
    database_ = std::move(*Database::open(folder_ / "file.db", Database::Mode::kCreate));
    EXPECT_TRUE(database_->run("CREATE TABLE t (a, b, c)"));
  }
  ~SqliteTest() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
  std::unique_ptr<Database> database_;
};

TEST_F(SqliteTest, BindsEachKindInItsOrderAndAnew) {
  auto insert = database_->prepare("INSERT INTO t VALUES (?, ?, ?)");
  ASSERT_TRUE(insert->bind_text("").bind_bytes(std::string("\0x", 2)).bind(UINT64_MAX).run());
  ASSERT_TRUE(insert->bind_text("é").bind_bytes("").bind(std::nullopt).run());
  EXPECT_EQ(database_->changed(), 1U);
  auto rows = database_->prepare("SELECT typeof(a), a, typeof(b), b, typeof(c), c FROM t");
  ASSERT_TRUE(*rows->step());
  EXPECT_EQ(rows->bytes(0) + rows->bytes(1), "text");
  EXPECT_EQ(rows->bytes(2) + rows->bytes(3), std::string("blob\0x", 6));
  EXPECT_EQ(rows->number(5), uint64_t{INT64_MAX});
  ASSERT_TRUE(*rows->step());
  EXPECT_EQ(rows->bytes(1), "é");
  EXPECT_EQ(rows->bytes(2) + rows->bytes(3), "blob");
  EXPECT_EQ(rows->bytes(4) + rows->bytes(5), "null");
  EXPECT_EQ(rows->number(5), 0U);
}

TEST_F(SqliteTest, TellsOfWhatCannotBeBoundAndGoesOn) {
  auto insert = database_->prepare("INSERT INTO t (a) VALUES (?)");
  const auto many = insert->bind(uint64_t{1}).bind(uint64_t{2}).run();
  ASSERT_FALSE(many);
  EXPECT_NE(many.error().detail.find("file.db"), std::string::npos);
  EXPECT_TRUE(insert->bind(uint64_t{3}).run());
  EXPECT_EQ(*database_->number("SELECT sum(a) FROM t"), 3U);
}

TEST_F(SqliteTest, TakesBackWhatIsNotCommitted) {
  {
    auto transaction = Transaction::begin(*database_);
    ASSERT_TRUE(database_->run("INSERT INTO t (a) VALUES (1)"));
  }
  EXPECT_EQ(*database_->number("SELECT count(*) FROM t"), 0U);
  auto transaction = Transaction::begin(*database_);
  ASSERT_TRUE(database_->run("INSERT INTO t (a) VALUES (1)"));
  ASSERT_TRUE(transaction->commit());
  EXPECT_EQ(*database_->number("SELECT count(*) FROM t"), 1U);
}

}  // namespace
}  // namespace culvert::control
