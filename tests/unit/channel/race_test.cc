// Happy Eyeballs over loopback addresses: dead ones, one that never answers, none at all.
#include "relay/channel/race.h"

#include "tests/fakes/cpp/run_until.h"
#include "tests/fakes/cpp/sockets.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace culvert {
namespace {

using test::run_until;

Address address(std::string_view text) { return Address::parse(text).value(); }

std::vector<Address> addresses(const std::vector<std::string_view>& texts) {
  std::vector<Address> all;
  for (const auto text : texts) all.push_back(address(text));
  return all;
}

class Runner final : public RaceSink {
 public:
  void on_connected(Fd connection, const Address& peer) override {
    ++calls;
    fd = std::move(connection);
    winner = peer.text();
  }
  void on_not_connected(Error failure) override {
    ++calls;
    error = std::move(failure);
  }
  int calls = 0;
  Fd fd;
  std::string winner;
  std::optional<Error> error;
};

class Racing : public testing::Test {
 protected:
  void SetUp() override {
    auto made = listen_on(test::loopback());
    ASSERT_TRUE(made);
    listening = std::move(made).value();
    port = test::port_of(listening.get());
  }
  void start(const std::vector<std::string_view>& texts, std::optional<Address> bind = {}) {
    race = std::make_unique<Race>(loop, addresses(texts), port, bind, runner);
  }

  Loop loop;
  Fd listening;
  uint16_t port = 0;
  Runner runner;
  std::unique_ptr<Race> race;
};

TEST(InterleaveFamilies, TakesThemInTurnFromTheFirst) {
  const auto order = interleave_families(
      addresses({"2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1", "192.0.2.2"}));
  std::vector<std::string> texts;
  for (const Address& one : order) texts.push_back(one.text());
  EXPECT_EQ(texts, (std::vector<std::string>{"2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2",
                                             "2001:db8::3"}));
  EXPECT_EQ(interleave_families(addresses({"192.0.2.1"})).size(), 1U);
  EXPECT_TRUE(interleave_families({}).empty());
}

TEST_F(Racing, ConnectsAndNeverFromItsConstructor) {
  start({"127.0.0.1"});
  EXPECT_EQ(runner.calls, 0);
  ASSERT_TRUE(run_until(loop, [&] { return runner.calls == 1; }));
  EXPECT_TRUE(runner.fd.valid());
  EXPECT_EQ(runner.winner, "127.0.0.1");
}

TEST_F(Racing, GoesOnAtOnceFromADeadAddress) {
  start({"127.0.0.2", "127.0.0.3", "127.0.0.1"});
  ASSERT_TRUE(run_until(loop, [&] { return runner.calls == 1; }));
  EXPECT_EQ(runner.winner, "127.0.0.1");
  test::settle(loop);
  EXPECT_EQ(runner.calls, 1);
}

TEST_F(Racing, OvertakesAnAddressThatDoesNotAnswer) {
  // A full backlog: the system drops what would connect.
  const Fd full(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage storage{};
  const socklen_t size = address("127.0.0.4").to_sockaddr(port, &storage);
  ASSERT_EQ(::bind(full.get(), reinterpret_cast<const sockaddr*>(&storage), size), 0);
  ASSERT_EQ(::listen(full.get(), 0), 0);
  std::vector<Fd> fillers;
  for (int i = 0; i < 4; ++i) {
    fillers.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    ::connect(fillers.back().get(), reinterpret_cast<const sockaddr*>(&storage), size);
  }
  start({"127.0.0.4", "127.0.0.1"});
  ASSERT_TRUE(run_until(loop, [&] { return runner.calls == 1; }));
  EXPECT_EQ(runner.winner, "127.0.0.1");
}

TEST_F(Racing, TellsTheLastFailureWhenAllAreDead) {
  start({"127.0.0.2", "127.0.0.3"});
  ASSERT_TRUE(run_until(loop, [&] { return runner.calls == 1; }));
  ASSERT_TRUE(runner.error);
  EXPECT_EQ(runner.error->code, Code::kConnectFailed);
  EXPECT_EQ(runner.error->stage, Stage::kConnect);
  EXPECT_EQ(runner.error->retry, Retry::kOtherUpstream);
  EXPECT_NE(runner.error->detail.find("127.0.0.3"), std::string::npos);
}

TEST_F(Racing, LeavesFromTheAddressThatIsAskedFor) {
  start({"127.0.0.1"}, address("127.0.0.9"));
  ASSERT_TRUE(run_until(loop, [&] { return runner.calls == 1; }));
  ASSERT_TRUE(runner.fd.valid());
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  ASSERT_EQ(::getsockname(runner.fd.get(), reinterpret_cast<sockaddr*>(&storage), &size), 0);
  EXPECT_EQ(Address::from(reinterpret_cast<const sockaddr*>(&storage))->text(), "127.0.0.9");
}

TEST_F(Racing, AnAddressThatIsNotOursIsOurOwnFault) {
  start({"127.0.0.1"}, address("192.0.2.1"));
  ASSERT_TRUE(run_until(loop, [&] { return runner.calls == 1; }));
  ASSERT_TRUE(runner.error);
  EXPECT_EQ(runner.error->fault, Fault::kOurs);
  EXPECT_EQ(runner.error->code, Code::kConnectFailed);
  EXPECT_EQ(runner.error->retry, Retry::kOtherKey);
  EXPECT_NE(runner.error->detail.find("192.0.2.1"), std::string::npos);
}

TEST_F(Racing, FailsWithoutAnyAddress) {
  start({});
  ASSERT_TRUE(run_until(loop, [&] { return runner.calls == 1; }));
  EXPECT_TRUE(runner.error);
}

TEST_F(Racing, IsCancelledAtAnyTime) {
  start({"127.0.0.1"});
  race.reset();
  test::settle(loop);
  const size_t before = test::open_descriptors();
  start({"127.0.0.2", "127.0.0.1"});
  uv_run(loop.raw(), UV_RUN_NOWAIT);
  race.reset();
  test::settle(loop);
  EXPECT_EQ(test::open_descriptors(), before);
  EXPECT_EQ(runner.calls, 0);
}

}  // namespace
}  // namespace culvert
