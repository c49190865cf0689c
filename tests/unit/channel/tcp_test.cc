// TCP as a channel: marks of back-pressure, peers that vanish, reset connections whose last bytes
// still count, and both ways to end.
#include "relay/channel/tcp.h"

#include "relay/base/limits.h"
#include "tests/fakes/cpp/recording_sink.h"
#include "tests/fakes/cpp/run_until.h"
#include "tests/fakes/cpp/sockets.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <cerrno>
#include <memory>

namespace culvert {
namespace {

using test::RecordingSink;
using test::run_until;

class Tcp : public testing::Test {
 protected:
  void open(bool watch_vanishing) {
    auto [ours, theirs] = test::tcp_pair();
    peer = std::move(theirs);
    channel = std::make_unique<TcpChannel>(loop, std::move(ours), watch_vanishing);
  }

  // Writes until more is queued than the high-water mark; returns all that was written.
  std::string write_to_high_water() {
    std::string written;
    const std::string piece(64 * 1024, 'w');
    while (channel->queued() <= limits::kHighWater) {
      channel->write(piece);
      written += piece;
    }
    return written;
  }

  Loop loop;
  Fd peer;
  RecordingSink sink;
  std::unique_ptr<TcpChannel> channel;
};

TEST_F(Tcp, CarriesBytesBothWays) {
  open(true);
  channel->start(sink);
  test::send_all(peer, "to us");
  EXPECT_TRUE(run_until(loop, [&] { return sink.bytes == "to us"; }));
  channel->write("to ");
  channel->write("them");
  std::string got;
  EXPECT_TRUE(run_until(loop, [&] { return (got += test::take_ready(peer)) == "to them"; }));
  EXPECT_EQ(channel->queued(), 0U);
}

TEST_F(Tcp, SendsWhatOneEventWroteAtItsEnd) {
  open(true);
  sink.then = [&] {
    channel->write("head ");
    channel->write("and body");
    EXPECT_EQ(test::take_ready(peer), "");
    EXPECT_EQ(channel->queued(), 0U);  // nothing that the peer holds up
  };
  channel->start(sink);
  test::send_all(peer, "request");
  ASSERT_TRUE(run_until(loop, [&] { return sink.reads == 1; }));
  EXPECT_EQ(test::take_ready(peer), "head and body");
}

TEST_F(Tcp, SendsWhatIsLargeAtOnceBehindWhatWasGathered) {
  open(true);
  channel->write("first ");
  channel->write(std::string(17 * 1024, 'x'));
  EXPECT_EQ(test::take_ready(peer), "first " + std::string(17 * 1024, 'x'));
}

TEST_F(Tcp, SendsWhatWasGatheredBeforeItEnds) {
  open(true);
  channel->write("last words");
  channel->finish(Channel::Finish::kClean);
  EXPECT_EQ(test::take_ready(peer), "last words");
  open(true);
  channel->write("last words");
  channel.reset();
  EXPECT_EQ(test::take_ready(peer), "last words");
}

TEST_F(Tcp, TellsAFinOnceAndWritesOn) {
  open(true);
  channel->start(sink);
  test::send_all(peer, "last");
  ::shutdown(peer.get(), SHUT_WR);
  ASSERT_TRUE(run_until(loop, [&] { return sink.ends == 1; }));
  EXPECT_TRUE(sink.clean);
  EXPECT_EQ(sink.bytes, "last");
  channel->write("answer");
  std::string got;
  EXPECT_TRUE(run_until(loop, [&] { return (got += test::take_ready(peer)) == "answer"; }));
  test::settle(loop);
  EXPECT_EQ(sink.ends, 1);
}

TEST_F(Tcp, TellsWhenTheQueueFellToTheLowMark) {
  open(true);
  channel->start(sink);
  const std::string written = write_to_high_water();
  test::settle(loop);
  EXPECT_EQ(sink.drained, 0);
  EXPECT_GT(channel->queued(), limits::kLowWater);
  std::string got;
  ASSERT_TRUE(run_until(loop, [&] {
    got += test::take_ready(peer);
    return sink.drained > 0;
  }));
  EXPECT_LE(channel->queued(), limits::kLowWater);
  ASSERT_TRUE(run_until(loop, [&] {
    got += test::take_ready(peer);
    return got.size() >= written.size();
  }));
  EXPECT_EQ(got, written);
  EXPECT_EQ(sink.drained, 1);
}

TEST_F(Tcp, SaysNothingOfASmallQueue) {
  open(true);
  channel->start(sink);
  std::string written;
  const std::string piece(16 * 1024, 'w');
  while (channel->queued() == 0) {
    channel->write(piece);
    written += piece;
  }
  std::string got;
  ASSERT_TRUE(run_until(loop, [&] {
    got += test::take_ready(peer);
    return got.size() == written.size();
  }));
  test::settle(loop);
  EXPECT_EQ(sink.drained, 0);
}

TEST_F(Tcp, ReadsNothingWhilePaused) {
  open(false);
  channel->start(sink);
  channel->pause();
  test::send_all(peer, "waits");
  test::settle(loop);
  EXPECT_EQ(sink.reads, 0);
  channel->resume();
  EXPECT_TRUE(run_until(loop, [&] { return sink.bytes == "waits"; }));
}

// What the kernel is asked to watch is changed only when it proves useless.
TEST_F(Tcp, IsNotWokenAgainAndAgainWhilePaused) {
  open(false);
  channel->start(sink);
  test::settle(loop);
  channel->pause();
  test::send_all(peer, "waits");
  test::settle(loop);
  pollfd events{uv_backend_fd(loop.raw()), POLLIN, 0};
  EXPECT_EQ(::poll(&events, 1, 0), 0);
  EXPECT_EQ(sink.reads, 0);
}

TEST_F(Tcp, StopsBetweenReadsWhenItsSinkPauses) {
  open(false);
  sink.then = [&] { channel->pause(); };
  channel->start(sink);
  test::send_all(peer, std::string(limits::kReadScratch * 2, 'x'));
  ASSERT_TRUE(run_until(loop, [&] { return sink.reads == 1; }));
  test::settle(loop);
  EXPECT_EQ(sink.reads, 1);
}

TEST_F(Tcp, NoticesAClientThatVanishedWhilePaused) {
  open(true);
  channel->start(sink);
  channel->pause();
  test::send_all(peer, "unread");
  peer.reset();
  ASSERT_TRUE(run_until(loop, [&] { return sink.ends + sink.failures > 0; }));
  EXPECT_EQ(sink.reads, 0);
  EXPECT_EQ(sink.ends, 1);
  EXPECT_FALSE(sink.clean);
}

TEST_F(Tcp, NoticesAResetWhilePaused) {
  open(true);
  channel->start(sink);
  channel->pause();
  test::reset(std::move(peer));
  EXPECT_TRUE(run_until(loop, [&] { return sink.ends + sink.failures > 0; }));
}

TEST_F(Tcp, AnUpstreamThatClosesWhilePausedHasNotVanished) {
  open(false);
  channel->start(sink);
  channel->pause();
  test::send_all(peer, "all of it");
  peer.reset();
  test::settle(loop);
  EXPECT_EQ(sink.ends + sink.failures, 0);
  channel->resume();
  ASSERT_TRUE(run_until(loop, [&] { return sink.ends == 1; }));
  EXPECT_TRUE(sink.clean);
  EXPECT_EQ(sink.bytes, "all of it");
}

TEST_F(Tcp, ReadsWhatCameBeforeAReset) {
  open(false);
  channel->start(sink);
  channel->pause();
  test::send_all(peer, "answer before the reset");
  test::reset(std::move(peer));
  test::settle(loop);
  EXPECT_EQ(sink.failures, 0);
  channel->resume();
  ASSERT_TRUE(run_until(loop, [&] { return sink.failures == 1; }));
  EXPECT_EQ(sink.bytes, "answer before the reset");
  EXPECT_EQ(sink.failed->code, Code::kUpstreamClosed);
  EXPECT_EQ(sink.ends, 0);
}

TEST_F(Tcp, ReadsAfterAFailedWriteAndThenTellsTheFailure) {
  open(false);
  test::send_all(peer, "answer");
  test::reset(std::move(peer));
  // The reset has arrived once a write is refused; nothing is watched yet.
  channel->write("x");
  channel->write("y");
  EXPECT_EQ(sink.failures, 0);  // never from inside a write
  channel->start(sink);
  ASSERT_TRUE(run_until(loop, [&] { return sink.failures == 1; }));
  EXPECT_EQ(sink.bytes, "answer");
  EXPECT_EQ(channel->queued(), 0U);
}

TEST_F(Tcp, StandsStillWhilePausedAfterItsQueueFailed) {
  auto [ours, theirs] = test::tcp_pair();
  const Fd same(::dup(ours.get()));
  channel = std::make_unique<TcpChannel>(loop, std::move(ours), false);
  channel->start(sink);
  channel->pause();
  write_to_high_water();
  test::send_all(theirs, "answer");
  // From here on send(2) fails while the socket stays ready for writing: nothing but the channel
  // itself can end that.
  ::shutdown(same.get(), SHUT_WR);
  ASSERT_TRUE(run_until(loop, [&] { return channel->queued() == 0; }));
  test::settle(loop);
  pollfd events{uv_backend_fd(loop.raw()), POLLIN, 0};
  EXPECT_EQ(::poll(&events, 1, 0), 0) << "the loop is woken again and again";
  channel->resume();
  ASSERT_TRUE(run_until(loop, [&] { return sink.failures == 1; }));
  EXPECT_EQ(sink.bytes, "answer");
}

TEST_F(Tcp, FailsWhileItStillHadToSend) {
  open(true);
  channel->start(sink);
  write_to_high_water();
  test::reset(std::move(peer));
  ASSERT_TRUE(run_until(loop, [&] { return sink.failures == 1; }));
  EXPECT_EQ(channel->queued(), 0U);
  channel->write("nobody");
  EXPECT_EQ(channel->queued(), 0U);
  test::settle(loop);
  EXPECT_EQ(sink.failures, 1);
}

TEST_F(Tcp, FinishesAfterWhatIsQueued) {
  open(true);
  channel->start(sink);
  const std::string written = write_to_high_water();
  channel->finish(Channel::Finish::kClean);
  channel->write("too late");
  std::string got;
  bool ended = false;
  ASSERT_TRUE(run_until(loop, [&] {
    got += test::take_ready(peer);
    char byte = 0;
    ended = got.size() >= written.size() && ::recv(peer.get(), &byte, 1, MSG_DONTWAIT) == 0;
    return ended;
  }));
  EXPECT_EQ(got, written);
}

TEST_F(Tcp, ResetsWhenAsked) {
  open(true);
  channel->start(sink);
  channel->reset_on_close();
  channel.reset();
  test::settle(loop);
  char byte = 0;
  EXPECT_EQ(::recv(peer.get(), &byte, 1, 0), -1);
  EXPECT_EQ(errno, ECONNRESET);
}

TEST_F(Tcp, IsQuietWhileThePeerIs) {
  open(false);
  EXPECT_TRUE(channel->quiet());
  test::send_all(peer, "!");
  EXPECT_FALSE(channel->quiet());
}

TEST_F(Tcp, IsNotQuietWhenThePeerHasClosed) {
  open(false);
  peer.reset();
  EXPECT_FALSE(channel->quiet());
}

TEST_F(Tcp, CountsWhatThePeersSystemAcknowledged) {
  open(false);
  const uint64_t before = channel->acknowledged();
  channel->write("12345");
  EXPECT_TRUE(run_until(loop, [&] {
    uv_run(loop.raw(), UV_RUN_NOWAIT);  // the acknowledgement is no event of the loop
    return channel->acknowledged() == before + 5;
  }));
}

// What is known without asking the system is what it says once all has arrived.
TEST_F(Tcp, KnowsWhatWillBeAcknowledged) {
  open(false);
  EXPECT_EQ(channel->written(), channel->acknowledged());
  channel->write("12345");
  channel->write(std::string(20000, 'x'));
  std::string got;
  ASSERT_TRUE(run_until(loop, [&] {
    got += test::take_ready(peer);
    return got.size() == 20005 && channel->acknowledged() == channel->written();
  }));
}

TEST_F(Tcp, IsSilentOnceMuted) {
  open(true);
  channel->start(sink);
  channel->mute();
  test::send_all(peer, "unheard");
  peer.reset();
  test::settle(loop);
  EXPECT_EQ(sink.reads + sink.ends + sink.failures, 0);
}

// Two connections are ready in the same turn, and the first to be told ends the other.
TEST_F(Tcp, IsDestroyedWhileItsEventIsDue) {
  open(true);
  auto [ours, other_peer] = test::tcp_pair();
  auto other = std::make_unique<TcpChannel>(loop, std::move(ours), true);
  RecordingSink other_sink;
  sink.then = [&] { other.reset(); };
  other_sink.then = [&] { channel.reset(); };
  channel->start(sink);
  other->start(other_sink);
  test::send_all(peer, "a");
  test::send_all(other_peer, "b");
  ASSERT_TRUE(run_until(loop, [&] { return sink.reads + other_sink.reads > 0; }));
  test::settle(loop);
  EXPECT_EQ(sink.reads + other_sink.reads, 1);
}

}  // namespace
}  // namespace culvert
