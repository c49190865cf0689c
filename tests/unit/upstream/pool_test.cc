// The pool of idle connections: the newest goes first, only quiet ones go at all, and what says
// anything, closes or grows old is dropped.
#include "relay/upstream/pool.h"

#include "relay/base/limits.h"
#include "tests/fakes/cpp/memory_channel.h"
#include "tests/fakes/cpp/run_until.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>

namespace culvert {
namespace {

using test::MemoryChannel;
using test::MemoryPeer;

class Pool : public testing::Test {
 protected:
  static Connection connection(MemoryPeer& peer, const std::string& identity = "a") {
    return {std::make_unique<MemoryChannel>(peer), identity, {}};
  }

  std::array<MemoryPeer, 4> peers;
  Loop loop;
  FakeClock clock;
  ConnectionPool pool{loop, clock, 2, 3};
};

TEST_F(Pool, IsEmptyAtFirst) {
  EXPECT_FALSE(pool.take("a"));
  EXPECT_EQ(pool.size(), 0U);
}

TEST_F(Pool, GivesTheNewest) {
  pool.give_back(connection(peers[0]));
  pool.give_back(connection(peers[1]));
  auto taken = pool.take("a");
  ASSERT_TRUE(taken);
  taken->channel->write("x");
  EXPECT_EQ(peers[1].written, "x");
  EXPECT_EQ(taken->identity, "a");
  EXPECT_EQ(pool.size(), 1U);
  EXPECT_TRUE(pool.take("a"));
  EXPECT_FALSE(pool.take("a"));
}

TEST_F(Pool, DropsTheOldestOfAllWhereThereAreTooManyInAll) {
  const char* names[] = {"a", "b", "c", "d"};
  for (size_t i = 0; i < peers.size(); ++i) {
    pool.give_back(connection(peers[i], names[i]));
    clock.advance(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(pool.size(), 3U);
  EXPECT_TRUE(peers[0].muted);
  EXPECT_FALSE(pool.take("a"));
  EXPECT_TRUE(pool.take("b"));
  EXPECT_TRUE(pool.take("d"));
}

TEST_F(Pool, NeverMixesIdentities) {
  pool.give_back(connection(peers[0], "a"));
  EXPECT_FALSE(pool.take("b"));
  EXPECT_EQ(pool.size(), 1U);
  EXPECT_TRUE(pool.take("a"));
}

TEST_F(Pool, PassesOverWhatIsNotQuiet) {
  pool.give_back(connection(peers[0]));
  pool.give_back(connection(peers[1]));
  peers[1].quiet = false;
  auto taken = pool.take("a");
  ASSERT_TRUE(taken);
  taken->channel->write("x");
  EXPECT_EQ(peers[0].written, "x");
  test::settle(loop);
  EXPECT_TRUE(peers[1].destroyed);
  EXPECT_EQ(pool.size(), 0U);
}

TEST_F(Pool, HasNothingWhereNothingIsQuiet) {
  pool.give_back(connection(peers[0]));
  peers[0].quiet = false;
  EXPECT_FALSE(pool.take("a"));
  EXPECT_EQ(pool.size(), 0U);
}

TEST_F(Pool, DropsWhatSpeaksUnasked) {
  pool.give_back(connection(peers[0]));
  peers[0].say("HTTP/1.1 408 Request Timeout\r\n\r\n");
  EXPECT_EQ(pool.size(), 0U);
  EXPECT_FALSE(peers[0].destroyed);  // not inside its own call
  test::settle(loop);
  EXPECT_TRUE(peers[0].destroyed);
  EXPECT_FALSE(pool.take("a"));
}

TEST_F(Pool, DropsWhatClosesOrFails) {
  pool.give_back(connection(peers[0]));
  pool.give_back(connection(peers[1]));
  peers[0].end(true);
  peers[1].fail(Error{});
  EXPECT_EQ(pool.size(), 0U);
  test::settle(loop);
  EXPECT_TRUE(peers[0].destroyed);
  EXPECT_TRUE(peers[1].destroyed);
}

TEST_F(Pool, ReadsWhileIdleEvenIfItsLastUserHadPaused) {
  auto idle = connection(peers[0]);
  idle.channel->pause();
  pool.give_back(std::move(idle));
  EXPECT_FALSE(peers[0].paused);
}

TEST_F(Pool, DropsTheOldestAboveItsBound) {
  for (auto& peer : peers) pool.give_back(connection(peer));
  EXPECT_EQ(pool.size(), 2U);
  test::settle(loop);
  EXPECT_TRUE(peers[0].destroyed);
  EXPECT_TRUE(peers[1].destroyed);
  EXPECT_FALSE(peers[2].destroyed);
  EXPECT_FALSE(peers[3].destroyed);
}

TEST_F(Pool, AnEmptyPlaceCountsForNothing) {
  pool.give_back(connection(peers[0], "out"));
  const auto out = pool.take("out");
  EXPECT_EQ(pool.waiting("out"), 0U);
  for (size_t i = 1; i < peers.size(); ++i) {
    pool.give_back(connection(peers[i], "a" + std::to_string(i)));
    clock.advance(std::chrono::milliseconds(1));
  }
  MemoryPeer last;
  pool.give_back(connection(last, "out"));
  EXPECT_EQ(pool.size(), 3U);
  EXPECT_TRUE(peers[1].muted);
  EXPECT_FALSE(pool.take("a1"));
  EXPECT_TRUE(pool.take("a2"));
  EXPECT_TRUE(pool.take("out"));
}

TEST_F(Pool, NoLongerTellsWhoeverTookIt) {
  pool.give_back(connection(peers[0]));
  auto taken = pool.take("a");
  EXPECT_TRUE(peers[0].muted);
  pool.give_back(std::move(*taken));
  EXPECT_FALSE(peers[0].muted);
}

}  // namespace
}  // namespace culvert
