// Bulk between two plain TCP connections, which goes through the kernel: the order of all bytes,
// the end behind them, marks of back-pressure, resets, and small messages that go as they went.
#include "relay/base/limits.h"
#include "relay/channel/tcp.h"
#include "tests/fakes/cpp/recording_sink.h"
#include "tests/fakes/cpp/run_until.h"
#include "tests/fakes/cpp/sockets.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <vector>

namespace culvert {
namespace {

using test::RecordingSink;
using test::run_until;

constexpr size_t kBulk = 32 * limits::kMiB;

// No byte says where it stands, but 251 of them do.
std::string pattern(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i % 251 + i / 65521);
  return bytes;
}

// A sink as who couples two channels has it: what arrives is written, and who is ahead is held.
struct Coupled final : ChannelSink {
  void on_bytes(std::string_view bytes) override {
    copied += bytes.size();
    to->write(bytes);
    if (to->queued() > limits::kHighWater) from->pause();
  }
  void on_forwarded(size_t bytes) override {
    forwarded += bytes;
    if (to->queued() > 0) from->pause();
  }
  void on_end(bool clean) override {
    ended = true;
    EXPECT_TRUE(clean);
    to->finish(Channel::Finish::kClean);
  }
  void on_drained() override {}
  void on_failed(Error) override { failed = true; }

  Channel* from = nullptr;
  Channel* to = nullptr;
  size_t copied = 0;
  size_t forwarded = 0;
  bool ended = false;
  bool failed = false;
};

class TcpForward : public testing::Test {
 protected:
  TcpForward() {
    std::signal(SIGPIPE, SIG_IGN);  // as the relay does; splice(2) has no flag for it
    auto [ours, theirs] = test::tcp_pair();
    from = std::make_unique<TcpChannel>(loop, std::move(ours), false);
    sender = std::move(theirs);
    auto [out, last] = test::tcp_pair();
    to = std::make_unique<TcpChannel>(loop, std::move(out), false);
    reader = std::move(last);
    test::set_nonblocking(sender);
    coupled.from = from.get();
    coupled.to = to.get();
    target.then = [this] {
      if (target.drained > 0) from->resume();
    };
    to->start(target);
    from->forward_to(*to);
    from->start(coupled);
  }

  // Sends on from `sent` as far as the socket takes it.
  void send_more(std::string_view all) {
    while (sent < all.size()) {
      const ssize_t gone =
          ::send(sender.get(), all.data() + sent, all.size() - sent, MSG_NOSIGNAL);
      if (gone <= 0) return;
      sent += static_cast<size_t>(gone);
    }
  }

  // Until the reader has as much as was to be said.
  bool carry(std::string_view all) {
    return run_until(loop, [&] {
      send_more(all);
      got += test::take_ready(reader);
      return got.size() >= all.size();
    });
  }

  // Until the reader's and the target's own buffers are full, and a pipe has bytes behind them.
  bool stall(std::string_view all) {
    const auto waits_in_pipe = [&] {
      send_more(all);
      if (loop.pipes().lent() > 0) return true;
      // It is not bulk yet, or no more: what is queued is a copy.
      if (coupled.forwarded == 0 || to->queued() > 0) got += test::take_ready(reader);
      return false;
    };
    while (run_until(loop, waits_in_pipe)) {
      test::settle(loop);
      send_more(all);
      test::settle(loop);
      if (loop.pipes().lent() > 0) return true;
    }
    return false;
  }

  Loop loop;
  Fd sender;
  Fd reader;
  Coupled coupled;
  RecordingSink target;
  std::unique_ptr<TcpChannel> from;
  std::unique_ptr<TcpChannel> to;
  size_t sent = 0;
  std::string got;
};

TEST_F(TcpForward, BulkGoesByTheKernelInItsOrder) {
  const std::string all = pattern(kBulk);
  ASSERT_TRUE(carry(all));
  EXPECT_TRUE(got == all);
  EXPECT_GT(coupled.forwarded, kBulk / 2);
  EXPECT_EQ(coupled.forwarded + coupled.copied, kBulk);
  EXPECT_EQ(to->queued(), 0U);
  EXPECT_EQ(loop.pipes().lent(), 0U);
}

TEST_F(TcpForward, SmallThenBulkThenSmall) {
  std::string all;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 20; ++i) {
      all += "message";
      const size_t forwarded = coupled.forwarded;
      ASSERT_TRUE(carry(all));
      // The first after a bulk may go its way still.
      EXPECT_TRUE(i == 0 || coupled.forwarded == forwarded);
    }
    all += pattern(kBulk / 4);
    const size_t forwarded = coupled.forwarded;
    ASSERT_TRUE(carry(all));
    EXPECT_GT(coupled.forwarded, forwarded);
  }
  EXPECT_TRUE(got == all);
  EXPECT_EQ(loop.pipes().lent(), 0U);
}

TEST_F(TcpForward, TheEndComesBehindTheBytes) {
  const std::string all = pattern(kBulk);
  ASSERT_TRUE(run_until(loop, [&] {
    send_more(all);
    if (sent < all.size()) got += test::take_ready(reader);
    return sent == all.size();
  }));
  ::shutdown(sender.get(), SHUT_WR);
  // What has left us may still be on its way through the kernel.
  ASSERT_TRUE(run_until(loop, [&] {
    got += test::take_ready(reader);
    return coupled.ended && got.size() >= all.size();
  }));
  EXPECT_TRUE(got == all);
  ssize_t more = -1;
  ASSERT_TRUE(run_until(loop, [&] {
    char byte = 0;
    more = ::recv(reader.get(), &byte, 1, MSG_DONTWAIT);
    return more >= 0 || errno != EAGAIN;
  }));
  EXPECT_EQ(more, 0);  // a FIN, and no reset
}

TEST_F(TcpForward, AReaderThatDoesNotReadIsWaitedFor) {
  const std::string all = pattern(kBulk);
  ASSERT_TRUE(stall(all));
  const int drained = target.drained;
  const size_t waits = to->queued();
  EXPECT_GT(waits, 0U);
  EXPECT_LE(waits, KernelPipe::kBytes);
  test::settle(loop);
  EXPECT_EQ(to->queued(), waits);
  EXPECT_EQ(target.drained, drained);
  // What is written now comes after what waits.
  const size_t before = coupled.copied + coupled.forwarded;
  to->write("in between");
  EXPECT_EQ(to->queued(), waits + 10);
  std::string expected = all;
  expected.insert(before, "in between");
  ASSERT_TRUE(run_until(loop, [&] {
    send_more(all);
    got += test::take_ready(reader);
    return got.size() == expected.size();
  }));
  EXPECT_TRUE(got == expected);
  EXPECT_GT(target.drained, drained);
  EXPECT_EQ(loop.pipes().lent(), 0U);
}

TEST_F(TcpForward, FinishingWaitsForThePipe) {
  const std::string all = pattern(kBulk);
  ASSERT_TRUE(stall(all));
  to->finish(Channel::Finish::kClean);
  const size_t before = coupled.copied + coupled.forwarded;
  ASSERT_TRUE(run_until(loop, [&] {
    got += test::take_ready(reader);
    return got.size() == before && to->queued() == 0;
  }));
  EXPECT_TRUE(got == all.substr(0, before));
  char more = 0;
  EXPECT_EQ(::recv(reader.get(), &more, 1, 0), 0);
}

TEST_F(TcpForward, ATargetThatBreaksLosesItsPipe) {
  const std::string all = pattern(kBulk);
  ASSERT_TRUE(stall(all));
  test::reset(std::move(reader));
  ASSERT_TRUE(run_until(loop, [&] { return target.failures == 1; }));
  EXPECT_EQ(to->queued(), 0U);
  EXPECT_EQ(loop.pipes().lent(), 0U);
  EXPECT_EQ(loop.pipes().kept(), 0U);  // nobody else gets what was in it
  EXPECT_FALSE(coupled.failed);
}

TEST_F(TcpForward, ASourceThatBreaksHasItsBytesDelivered) {
  const std::string all = pattern(kBulk);
  ASSERT_TRUE(stall(all));
  const size_t before = coupled.copied + coupled.forwarded;
  test::reset(std::move(sender));
  ASSERT_TRUE(run_until(loop, [&] {
    got += test::take_ready(reader);
    return coupled.failed;
  }));
  ASSERT_TRUE(run_until(loop, [&] {
    got += test::take_ready(reader);
    return got.size() >= before && to->queued() == 0;
  }));
  EXPECT_TRUE(got == all.substr(0, got.size()));
}

TEST_F(TcpForward, DestroyedWithAFullPipeItLeavesNothing) {
  const std::string all = pattern(kBulk);
  ASSERT_TRUE(stall(all));
  from->mute();
  to->mute();
  to->reset_on_close();
  to.reset();
  from.reset();
  EXPECT_EQ(loop.pipes().lent(), 0U);
  EXPECT_EQ(loop.pipes().kept(), 0U);
}

TEST_F(TcpForward, WithoutAPipeItCopies) {
  std::vector<KernelPipes::Lent> taken;
  while (auto pipe = loop.pipes().lend()) taken.push_back(std::move(pipe));
  const std::string all = pattern(kBulk);
  ASSERT_TRUE(carry(all));
  EXPECT_TRUE(got == all);
  EXPECT_EQ(coupled.forwarded, 0U);
}

TEST_F(TcpForward, MutedItForwardsNoMore) {
  const std::string all = pattern(kBulk);
  ASSERT_TRUE(carry(std::string_view(all).substr(0, kBulk / 2)));
  ASSERT_GT(coupled.forwarded, 0U);
  from->mute();
  RecordingSink alone;
  from->start(alone);
  from->resume();
  to.reset();  // nothing of it is touched
  ASSERT_TRUE(run_until(loop, [&] {
    send_more(all);
    return alone.bytes.size() == kBulk / 2;
  }));
  EXPECT_TRUE(alone.bytes == all.substr(kBulk / 2));
  EXPECT_EQ(alone.forwarded, 0U);
}

}  // namespace
}  // namespace culvert
