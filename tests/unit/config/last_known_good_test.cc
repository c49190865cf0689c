// Two slots through everything that may happen to them on a disk.
#include "relay/config/last_known_good.h"

#include "relay/crypto/seal.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace culvert {
namespace {

namespace fs = std::filesystem;

class LastKnownGoodTest : public testing::Test {
 protected:
  LastKnownGoodTest()
      : folder_(testing::TempDir() + "kept-" +
                testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::remove_all(folder_);
  }
  ~LastKnownGoodTest() override { fs::remove_all(folder_); }

  std::optional<std::string> loaded() const { return LastKnownGood(folder_, key_).load(); }
  std::string read(const std::string& name) const {
    std::ifstream in(folder_ + name, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }
  void write(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ + name, std::ios::binary | std::ios::trunc) << bytes;
  }
  // "one" in the older slot, "two" in the newer one.
  void save_twice() const {
    LastKnownGood kept(folder_, key_);
    ASSERT_TRUE(kept.save("one"));
    ASSERT_TRUE(kept.save("two"));
  }

  const std::string folder_;
  const Secret key_ = make_seal_key();
};

TEST_F(LastKnownGoodTest, NothingIsThereAtFirst) { EXPECT_EQ(loaded(), std::nullopt); }

TEST_F(LastKnownGoodTest, TheNewestIsLoadedAlsoAfterARestart) {
  save_twice();
  EXPECT_EQ(loaded(), "two");
  LastKnownGood again(folder_, key_);
  ASSERT_EQ(again.load(), "two");
  ASSERT_TRUE(again.save("three"));
  EXPECT_EQ(loaded(), "three");
}

TEST_F(LastKnownGoodTest, OnlyTheOwnerMayReadThemAndTheyHoldNoPlainText) {
  LastKnownGood kept(folder_, key_);
  ASSERT_TRUE(kept.save("sk-very-secret"));
  struct stat info {};
  ASSERT_EQ(::stat((folder_ + "/config.b").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  ASSERT_EQ(::stat(folder_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
  EXPECT_EQ(read("/config.b").find("sk-very"), std::string::npos);
}

TEST_F(LastKnownGoodTest, AChangedByteAnywhereLeavesTheOtherSlot) {
  save_twice();  // sequences 1 (b) and 2 (a)
  const std::string whole = read("/config.a");
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string bytes = whole;
    bytes[i] = static_cast<char>(bytes[i] ^ 1);
    write("/config.a", bytes);
    ASSERT_EQ(loaded(), "one") << i;
  }
}

TEST_F(LastKnownGoodTest, ACutAnywhereLeavesTheOtherSlot) {
  save_twice();
  const std::string whole = read("/config.a");
  for (size_t size = 0; size < whole.size(); ++size) {
    write("/config.a", whole.substr(0, size));
    ASSERT_EQ(loaded(), "one") << size;
  }
  write("/config.a", whole + "x");
  EXPECT_EQ(loaded(), "one");
}

TEST_F(LastKnownGoodTest, BothDamagedIsNothingAndIsWrittenOver) {
  save_twice();
  write("/config.a", "");
  write("/config.b", std::string(200, 'x'));
  EXPECT_EQ(loaded(), std::nullopt);
  LastKnownGood kept(folder_, key_);
  ASSERT_EQ(kept.load(), std::nullopt);
  ASSERT_TRUE(kept.save("new"));
  EXPECT_EQ(loaded(), "new");
}

TEST_F(LastKnownGoodTest, AnotherRelaysKeyOpensNothing) {
  save_twice();
  EXPECT_EQ(LastKnownGood(folder_, make_seal_key()).load(), std::nullopt);
}

TEST_F(LastKnownGoodTest, ASlotInTheOthersPlaceIsNone) {
  save_twice();
  fs::copy_file(folder_ + "/config.a", folder_ + "/config.b", fs::copy_options::overwrite_existing);
  fs::remove(folder_ + "/config.a");
  EXPECT_EQ(loaded(), std::nullopt);
}

TEST_F(LastKnownGoodTest, AHalfWrittenFileIsNotLookedAt) {
  save_twice();
  write("/config.b.new", "half");
  EXPECT_EQ(loaded(), "two");
}

TEST_F(LastKnownGoodTest, WhatCannotBeWrittenIsAnErrorAndTheOldStays) {
  save_twice();
  fs::create_directory(folder_ + "/config.b.new");  // as a disk that takes no file
  LastKnownGood kept(folder_, key_);
  ASSERT_EQ(kept.load(), "two");
  const auto saved = kept.save("three");
  ASSERT_FALSE(saved);
  EXPECT_NE(saved.error().detail.find("config.b"), std::string::npos) << saved.error().detail;
  EXPECT_EQ(loaded(), "two");
  fs::remove(folder_ + "/config.b.new");
  ASSERT_TRUE(kept.save("three"));
  EXPECT_EQ(loaded(), "three");
}

TEST_F(LastKnownGoodTest, AFullDiskDamagesNeitherSlot) {
  save_twice();
  const std::string older = read("/config.b");
  const std::string newer = read("/config.a");
  LastKnownGood kept(folder_, key_);
  ASSERT_EQ(kept.load(), "two");
  // A file that may not grow further is written in part and then fails, as on a full disk.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  for (const rlim_t room : {rlim_t{0}, rlim_t{1}, rlim_t{older.size()}, rlim_t{4096}}) {
    const rlimit tight{room, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
    const auto saved = kept.save(std::string(10'000, '3'));
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    ASSERT_FALSE(saved) << room;
    EXPECT_NE(saved.error().detail.find("config.b"), std::string::npos) << saved.error().detail;
    EXPECT_EQ(read("/config.b"), older) << room;
    EXPECT_EQ(read("/config.a"), newer) << room;
    EXPECT_FALSE(fs::exists(folder_ + "/config.b.new")) << room;
  }
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(loaded(), "two");
  ASSERT_TRUE(kept.save("three"));
  EXPECT_EQ(loaded(), "three");
}

TEST_F(LastKnownGoodTest, AFolderThatTakesNothingIsAnErrorUntilItDoes) {
  save_twice();
  LastKnownGood kept(folder_, key_);
  ASSERT_EQ(kept.load(), "two");
  fs::rename(folder_, folder_ + ".away");
  std::ofstream(folder_) << "no folder";  // a mode or a mount would not keep root out, or need root
  const auto saved = kept.save("three");
  ASSERT_FALSE(saved);
  EXPECT_NE(saved.error().detail.find(folder_), std::string::npos) << saved.error().detail;
  fs::remove(folder_);
  fs::rename(folder_ + ".away", folder_);
  EXPECT_EQ(loaded(), "two");
  ASSERT_TRUE(kept.save("three"));
  EXPECT_EQ(loaded(), "three");
}

}  // namespace
}  // namespace culvert
