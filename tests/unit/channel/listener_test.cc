// Listening: addresses, accepting until told otherwise, and what happens when descriptors run out.
#include "relay/channel/listener.h"

#include "relay/base/log.h"
#include "tests/fakes/cpp/run_until.h"
#include "tests/fakes/cpp/sockets.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <vector>

namespace culvert {
namespace {

using test::connect_to;
using test::run_until;

class Accepting final : public AcceptSink {
 public:
  bool on_accept(Fd connection, const Address& peer) override {
    accepted.push_back(std::move(connection));
    last_peer = peer;
    return accepted.size() < most;
  }
  std::vector<Fd> accepted;
  Address last_peer;
  size_t most = 1000;
};

TEST(ListenOn, DrawsAPortAndSharesIt) {
  auto first = listen_on(test::loopback());
  ASSERT_TRUE(first);
  const auto address = bound_address(first->get());
  ASSERT_TRUE(address);
  EXPECT_GT(address->port, 0);
  EXPECT_EQ(address->address.text(), "127.0.0.1");
  EXPECT_TRUE(listen_on(*address));  // another worker's
}

TEST(ListenOn, KeepsAnExclusiveAddressToItself) {
  const auto first = listen_on(test::loopback(), Sharing::kExclusive);
  ASSERT_TRUE(first);
  const auto address = bound_address(first->get());
  ASSERT_TRUE(address);
  for (const Sharing sharing : {Sharing::kExclusive, Sharing::kShared}) {
    const auto second = listen_on(*address, sharing);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().detail.find(address->text()), std::string::npos);
  }
}

TEST(ListenOn, NamesTheAddressThatItCannotHave) {
  const auto failed = listen_on(test::loopback(0, "192.0.2.1"));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::kSystem);
  EXPECT_NE(failed.error().detail.find("192.0.2.1"), std::string::npos);
}

TEST(BoundAddress, IsOfSocketsAlone) {
  EXPECT_FALSE(bound_address(-1));
  const Fd unix_socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_FALSE(bound_address(unix_socket.get()));
}

class Listening : public testing::Test {
 protected:
  void SetUp() override {
    auto fd = listen_on(test::loopback());
    ASSERT_TRUE(fd);
    port = test::port_of(fd->get());
    listener = std::make_unique<Listener>(loop, std::move(fd).value(), sink);
  }

  Loop loop;
  Accepting sink;
  uint16_t port = 0;
  std::unique_ptr<Listener> listener;
};

TEST_F(Listening, AcceptsNonBlockingConnections) {
  const Fd a = connect_to(port);
  const Fd b = connect_to(port);
  ASSERT_TRUE(run_until(loop, [&] { return sink.accepted.size() == 2; }));
  EXPECT_EQ(sink.last_peer.text(), "127.0.0.1");
  for (const Fd& fd : sink.accepted) {
    EXPECT_NE(::fcntl(fd.get(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, 0);
  }
}

TEST_F(Listening, StopsWhereItsSinkHasEnough) {
  sink.most = 1;
  const Fd a = connect_to(port);
  const Fd b = connect_to(port);
  ASSERT_TRUE(run_until(loop, [&] { return sink.accepted.size() == 1; }));
  test::settle(loop);
  EXPECT_EQ(sink.accepted.size(), 1U);
  sink.most = 1000;
  listener->resume();
  EXPECT_TRUE(run_until(loop, [&] { return sink.accepted.size() == 2; }));
}

TEST_F(Listening, AcceptsNothingWhilePaused) {
  listener->pause();
  const Fd a = connect_to(port);
  test::settle(loop);
  EXPECT_TRUE(sink.accepted.empty());
  listener->resume();
  EXPECT_TRUE(run_until(loop, [&] { return sink.accepted.size() == 1; }));
}

TEST_F(Listening, ServesTheBacklogWhenDescriptorsAreFreeAgain) {
  // UBSan looks at an object's type through a pipe, once: all that is used below was used before.
  const Fd first = connect_to(port);
  ASSERT_TRUE(run_until(loop, [&] { return sink.accepted.size() == 1; }));
  log::info("descriptors run out on purpose");
  const Fd a = connect_to(port);
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = static_cast<rlim_t>(a.get());  // every number below is taken
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  test::settle(loop);
  EXPECT_EQ(sink.accepted.size(), 1U);
  limit.rlim_cur = before;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_TRUE(run_until(loop, [&] { return sink.accepted.size() == 2; }));
}

}  // namespace
}  // namespace culvert
