// Pipes of the kernel: what goes in comes out, they are few, and nobody's bytes stay in one.
#include "relay/channel/kernel_pipe.h"

#include "tests/fakes/cpp/sockets.h"

#include <gtest/gtest.h>

#include <vector>

namespace culvert {
namespace {

TEST(KernelPipe, CarriesFromOneSocketToAnother) {
  KernelPipes pipes;
  auto [from, sender] = test::tcp_pair();
  auto [to, reader] = test::tcp_pair();
  auto pipe = pipes.lend();
  ASSERT_NE(pipe, nullptr);
  EXPECT_EQ(pipe->fill(from.get()), -1);
  EXPECT_EQ(errno, EAGAIN);
  test::send_all(sender, "through");
  ::shutdown(sender.get(), SHUT_WR);
  EXPECT_EQ(pipe->fill(from.get()), 7);
  EXPECT_EQ(pipe->size(), 7U);
  EXPECT_EQ(pipe->drain(to.get()), 7);
  EXPECT_EQ(pipe->size(), 0U);
  EXPECT_EQ(pipe->fill(from.get()), 0);
  EXPECT_EQ(test::take_ready(reader), "through");
}

TEST(KernelPipe, OneIsKeptForTheNext) {
  KernelPipes pipes;
  pipes.lend();
  const size_t before = test::open_descriptors();
  for (int i = 0; i < 100; ++i) ASSERT_NE(pipes.lend(), nullptr);
  EXPECT_EQ(test::open_descriptors(), before);
  EXPECT_EQ(pipes.kept(), 1U);
}

TEST(KernelPipe, TheyAreBounded) {
  const size_t before = test::open_descriptors();
  {
    KernelPipes pipes;
    std::vector<KernelPipes::Lent> lent;
    for (size_t i = 0; i < KernelPipes::kPipes; ++i) {
      lent.push_back(pipes.lend());
      ASSERT_NE(lent.back(), nullptr);
    }
    EXPECT_EQ(pipes.lend(), nullptr);
    lent.clear();
    EXPECT_EQ(pipes.lent(), 0U);
    EXPECT_EQ(pipes.kept(), KernelPipes::kKept);
    EXPECT_EQ(test::open_descriptors(), before + 2 * KernelPipes::kKept);
    EXPECT_NE(pipes.lend(), nullptr);
  }
  EXPECT_EQ(test::open_descriptors(), before);
}

TEST(KernelPipe, OneWithBytesInItIsNotLentAgain) {
  KernelPipes pipes;
  auto [from, sender] = test::tcp_pair();
  test::send_all(sender, "a secret");
  auto pipe = pipes.lend();
  ASSERT_NE(pipe, nullptr);
  ASSERT_EQ(pipe->fill(from.get()), 8);
  pipe.reset();
  EXPECT_EQ(pipes.lent(), 0U);
  EXPECT_EQ(pipes.kept(), 0U);
  pipe = pipes.lend();
  ASSERT_NE(pipe, nullptr);
  EXPECT_EQ(pipe->size(), 0U);
}

}  // namespace
}  // namespace culvert
