// The store on real files: transactions and their conditions, what a kill -9 leaves, and what a
// damaged, a read-only and a full disk are answered with.
#include "control/store/data_directory.h"
#include "control/store/sealed_store.h"
#include "control/store/sqlite_store.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace culvert::control {
namespace {

using namespace std::chrono_literals;

class StoreTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "culvert_store_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string path(const std::string& name = "store.db") const { return directory_ + "/" + name; }
  std::unique_ptr<SqliteStore> open() {
    auto store = SqliteStore::open(path());
    EXPECT_TRUE(store) << store.error().detail;
    return std::move(*store);
  }
  static std::string value(Store& store, const std::string& key) {
    const auto entry = store.get(key);
    EXPECT_TRUE(entry);
    return *entry ? (*entry)->value : "(none)";
  }

  std::string directory_;
};

TEST_F(StoreTest, ATransactionIsAllOrNothing) {
  const auto store = open();
  const auto first = store->commit({{"a", 0}}, {{"a", "1"}, {"b", "2"}});
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->done);
  const auto refused = store->commit({{"b", first->revision}, {"a", 0}}, {{"a", "x"}, {"c", "x"}});
  ASSERT_TRUE(refused);
  EXPECT_FALSE(refused->done);
  EXPECT_EQ(refused->revision, first->revision);
  EXPECT_EQ(value(*store, "a"), "1");
  EXPECT_EQ(value(*store, "c"), "(none)");
  const auto second = store->commit({{"a", first->revision}}, {{"a", std::nullopt}, {"z", ""}});
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->done);
  EXPECT_GT(second->revision, first->revision);
  EXPECT_EQ(value(*store, "a"), "(none)");
  EXPECT_EQ(value(*store, "z"), "");
}

TEST_F(StoreTest, ListsByPrefixInTheOrderOfBytes) {
  const auto store = open();
  const std::string top = "p/\xff";
  ASSERT_TRUE(store->commit(
      {}, {{"p/b", "1"}, {"p/a", "2"}, {"p0", "3"}, {top, "4"}, {"o", "5"}, {"p/a/x", "6"}}));
  const auto keys = [&](const std::string& prefix, size_t limit, const std::string& after) {
    std::vector<std::string> found;
    const auto entries = store->list(prefix, limit, after);
    for (const Entry& entry : *entries) found.push_back(entry.key);
    return found;
  };
  EXPECT_EQ(keys("p/", 10, ""), (std::vector<std::string>{"p/a", "p/a/x", "p/b", top}));
  EXPECT_EQ(keys("p/", 2, "p/a"), (std::vector<std::string>{"p/a/x", "p/b"}));
  EXPECT_EQ(keys("", 10, "p/b"), (std::vector<std::string>{top, "p0"}));
}

TEST_F(StoreTest, WaitWakesForACommitAndForTheEnd) {
  const auto store = open();
  std::thread writer([&] { EXPECT_TRUE(store->commit({}, {{"a", "1"}})); });
  EXPECT_EQ(store->wait(0, 60s).value(), 1u);
  writer.join();
  EXPECT_EQ(store->wait(1, 1ms).value(), 1u);
  std::thread closer([&] { store->close(); });
  EXPECT_EQ(store->wait(1, 600s).value(), 1u);
  closer.join();
}

TEST_F(StoreTest, FilesAreTheOwnersAlone) {
  const auto store = open();
  ASSERT_TRUE(store->commit({}, {{"a", "1"}}));
  for (const char* name : {"store.db", "store.db-wal", "store.db-shm"}) {
    struct stat status {};
    ASSERT_EQ(::stat(path(name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 0777, 0600u) << name;
  }
}

// The child commits pairs and tells each number after its commit was answered; it is killed in the
// middle of that.
TEST_F(StoreTest, KillMinusNineLosesNothingThatWasAnswered) {
  for (int round = 0; round < 3; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      auto store = SqliteStore::open(path());
      for (uint64_t number = 1; store; ++number) {
        const std::string text = std::to_string(round) + "." + std::to_string(number);
        if (!(*store)->commit({}, {{"a", text}, {"b", text + std::string(20'000, 'x')}})) break;
        if (::write(ends[1], &number, sizeof number) != sizeof number) break;
      }
      ::_exit(1);
    }
    ::close(ends[1]);
    uint64_t answered = 0;
    while (answered < 20) {
      ASSERT_EQ(::read(ends[0], &answered, sizeof answered), ssize_t{sizeof answered});
    }
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status));
    while (::read(ends[0], &answered, sizeof answered) == ssize_t{sizeof answered}) {
    }
    ::close(ends[0]);
    const auto store = open();
    const std::string a = value(*store, "a");
    EXPECT_EQ(value(*store, "b"), a + std::string(20'000, 'x'));
    const uint64_t found = std::stoull(a.substr(a.find('.') + 1));
    EXPECT_EQ(a.substr(0, a.find('.')), std::to_string(round));
    EXPECT_GE(found, answered);
    EXPECT_LE(found, answered + 1);  // the one that was written and not told
  }
}

TEST_F(StoreTest, ADamagedFileIsSaidToBeOne) {
  {
    const auto store = open();
    for (int i = 0; i < 200; ++i) {
      ASSERT_TRUE(store->commit({}, {{"k" + std::to_string(i), std::string(500, 'v')}}));
    }
  }
  std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(8192);
  file << std::string(20'000, '\x5a');
  file.close();
  const auto store = SqliteStore::open(path());
  ASSERT_FALSE(store);
  EXPECT_NE(store.error().detail.find("damaged"), std::string::npos) << store.error().detail;
}

TEST_F(StoreTest, AnotherProgramsAndANewerFileAreRefused) {
  std::ofstream(path()) << std::string(4096, 'n');
  EXPECT_FALSE(SqliteStore::open(path()));
  ::unlink(path().c_str());
  open();
  {
    auto raw = Database::open(path(), Database::Mode::kCreate);
    ASSERT_TRUE(raw);
    ASSERT_TRUE((*raw)->run("PRAGMA user_version = 99"));
  }
  const auto newer = SqliteStore::open(path());
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().code, Code::kInvalidConfig);
  EXPECT_NE(newer.error().detail.find("newer version"), std::string::npos);
}

TEST_F(StoreTest, AFullDiskChangesNothingAndGoesOnLater) {
  const auto store = open();
  ASSERT_TRUE(store->commit({}, {{"a", "before"}}));
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  const rlimit tight{64 * 1024, old.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &tight);
  const auto refused = store->commit({}, {{"a", std::string(1'000'000, 'x')}});
  ::setrlimit(RLIMIT_FSIZE, &old);
  ::signal(SIGXFSZ, handler);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kSystem);
  EXPECT_NE(refused.error().detail.find("store.db"), std::string::npos) << refused.error().detail;
  EXPECT_EQ(value(*store, "a"), "before");
  EXPECT_TRUE(store->commit({}, {{"a", "after"}}));
  EXPECT_EQ(value(*store, "a"), "after");
}

// In a child without root's rights, which no mode holds back.
TEST_F(StoreTest, AReadOnlyDirectoryIsSaidToBeOne) {
  ::chmod(directory_.c_str(), 0555);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(3);
    const auto opened = DataDirectory::open(directory_);
    ::_exit(!opened && opened.error().detail.find("denied") != std::string::npos ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ::chmod(directory_.c_str(), 0700);
  EXPECT_EQ(status, 0);
}

TEST_F(StoreTest, ABackupComesBackAndTheRevisionAscends) {
  const auto store = open();
  ASSERT_TRUE(store->commit({}, {{"a", "1"}}));
  ASSERT_TRUE(store->backup(path("copy")));
  EXPECT_FALSE(store->backup(path("copy")));  // is there already
  struct stat status {};
  ASSERT_EQ(::stat(path("copy").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  const uint64_t before = store->commit({}, {{"a", "2"}, {"b", "3"}})->revision;
  ASSERT_TRUE(store->restore(path("copy")));
  EXPECT_EQ(value(*store, "a"), "1");
  EXPECT_EQ(value(*store, "b"), "(none)");
  EXPECT_GT(store->revision().value(), before);
  EXPECT_FALSE(store->commit({{"a", 1}}, {{"a", "old condition"}})->done);
  EXPECT_EQ(store->restore(path("nothing")).error().code, Code::kInvalidConfig);
}

TEST_F(StoreTest, ASecondServiceIsKeptOut) {
  const auto first = DataDirectory::open(directory_);
  ASSERT_TRUE(first);
  const auto second = DataDirectory::open(directory_);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().detail.find("in use"), std::string::npos);
  EXPECT_NE(second.error().detail.find(std::to_string(::getpid())), std::string::npos);
}

class Sealed : public StoreTest {
 protected:
  std::unique_ptr<SealedStore> sealed(const MasterKeys& keys) {
    return std::make_unique<SealedStore>(open(), keys);
  }
};

TEST_F(Sealed, NothingOfAValueIsOnTheDisk) {
  const MasterKeys keys = MasterKeys::make();
  {
    const auto store = sealed(keys);
    ASSERT_TRUE(store->commit({}, {{"k", "very-secret-value"}}));
    EXPECT_EQ(value(*store, "k"), "very-secret-value");
  }
  for (const auto& file : std::filesystem::directory_iterator(directory_)) {
    std::ifstream in(file.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(in), {});
    EXPECT_EQ(bytes.find("very-secret"), std::string::npos) << file.path();
  }
}

TEST_F(Sealed, AnotherMasterKeyAndAMovedValueAreNoticed) {
  const MasterKeys keys = MasterKeys::make();
  ASSERT_TRUE(sealed(keys)->commit({}, {{"a", "1"}, {"b", "2"}}));
  EXPECT_TRUE(sealed(keys)->check());
  const auto wrong = sealed(MasterKeys::make())->check();
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().detail.find(keys.ids()), std::string::npos) << wrong.error().detail;
  const auto below = open();
  const auto a = below->get("a");
  ASSERT_TRUE(below->commit({}, {{"b", (*a)->value}}));
  EXPECT_FALSE(sealed(keys)->get("b"));
}

TEST_F(Sealed, ARotationGoesOnWhereItWasCut) {
  MasterKeys keys = MasterKeys::make();
  std::vector<Write> writes;
  for (int i = 0; i < 600; ++i) writes.push_back({"k" + std::to_string(1000 + i), "v"});
  ASSERT_TRUE(sealed(keys)->commit({}, writes));
  keys.rotate();
  // Half way: some are sealed with the new key already.
  ASSERT_TRUE(sealed(keys)->commit({}, {writes.begin(), writes.begin() + 250}));
  EXPECT_TRUE(sealed(keys)->has_old_seals().value());
  EXPECT_EQ(sealed(keys)->reseal().value(), 350u);
  EXPECT_FALSE(sealed(keys)->has_old_seals().value());
  EXPECT_EQ(sealed(keys)->reseal().value(), 0u);
  keys.forget_old();
  EXPECT_TRUE(sealed(keys)->check());
}

TEST_F(Sealed, MasterKeysComeBackFromTheirFile) {
  MasterKeys keys = MasterKeys::make();
  keys.rotate();
  ASSERT_TRUE(keys.save(path("master.key")));
  const auto loaded = MasterKeys::load(path("master.key"));
  ASSERT_TRUE(loaded) << loaded.error().detail;
  EXPECT_EQ(loaded->ids(), keys.ids());
  EXPECT_EQ(loaded->current().key, keys.current().key);
  ::chmod(path("master.key").c_str(), 0640);
  const auto open_to_all = MasterKeys::load(path("master.key"));
  ASSERT_FALSE(open_to_all);
  EXPECT_NE(open_to_all.error().detail.find("0600"), std::string::npos);
}

TEST_F(Sealed, ABackupOfAnotherKeyIsRefusedAndChangesNothing) {
  const MasterKeys keys = MasterKeys::make();
  const auto store = sealed(keys);
  ASSERT_TRUE(store->commit({}, {{"a", "1"}}));
  auto other = SqliteStore::open(path("other.db"));
  ASSERT_TRUE(other);
  SealedStore foreign(std::move(*other), MasterKeys::make());
  ASSERT_TRUE(foreign.commit({}, {{"a", "theirs"}}));
  ASSERT_TRUE(foreign.backup(path("foreign")));
  EXPECT_EQ(store->restore(path("foreign")).error().code, Code::kInvalidConfig);
  EXPECT_EQ(value(*store, "a"), "1");
}

}  // namespace
}  // namespace culvert::control
