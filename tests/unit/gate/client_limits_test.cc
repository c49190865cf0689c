// Connections counted in all and per address, given back, and bounded in memory.
#include "relay/gate/client_limits.h"

#include <gtest/gtest.h>

#include <optional>
#include <thread>
#include <vector>

namespace culvert {
namespace {

Address address(std::string_view text) { return *Address::parse(text); }

const Address kOne = Address::v4({203, 0, 113, 1});
const Address kTwo = Address::v4({203, 0, 113, 2});

TEST(ClientLimits, GivesPlacesBack) {
  ClientLimits limits(100, 1);
  {
    const auto ticket = limits.admit(kOne);
    ASSERT_TRUE(ticket);
    EXPECT_EQ(limits.count(), 1U);
    EXPECT_EQ(limits.admit(kOne).error().code, Code::kRateLimited);
    EXPECT_EQ(limits.count(), 1U);
  }
  EXPECT_EQ(limits.count(), 0U);
  EXPECT_EQ(limits.addresses(), 0U);
  EXPECT_TRUE(limits.admit(kOne));
}

TEST(ClientLimits, OneAddressDoesNotTakeAnothersShare) {
  ClientLimits limits(100, 1);
  const auto first = limits.admit(kOne);
  EXPECT_TRUE(limits.admit(kTwo));
}

TEST(ClientLimits, AnIpv6ClientIsItsNetwork) {
  ClientLimits limits(100, 1);
  const auto first = limits.admit(address("2001:db8:0:1::1"));
  EXPECT_FALSE(limits.admit(address("2001:db8:0:1:ffff::2")));
  EXPECT_TRUE(limits.admit(address("2001:db8:0:2::1")));
}

TEST(ClientLimits, BeyondTheLimitThereIsRoomForARefusal) {
  ClientLimits limits(2, 0);
  std::vector<ConnectionTicket> tickets;
  while (true) {
    auto ticket = limits.admit(kOne);
    if (!ticket) {
      EXPECT_EQ(ticket.error().code, Code::kOverloaded);
      break;
    }
    EXPECT_EQ(ticket->over_limit(), tickets.size() >= 2);
    tickets.push_back(std::move(ticket).value());
    ASSERT_LT(tickets.size(), 1000U);
  }
  EXPECT_EQ(tickets.size(), 2U + 16U);
  EXPECT_EQ(limits.count(), tickets.size());
  tickets.clear();
  EXPECT_EQ(limits.count(), 0U);
}

TEST(ClientLimits, MovedTicketsCountOnce) {
  ClientLimits limits(10, 10);
  auto first = limits.admit(kOne);
  ConnectionTicket moved = std::move(first).value();
  EXPECT_EQ(limits.count(), 1U);
  ConnectionTicket assigned;
  assigned = std::move(moved);
  EXPECT_EQ(limits.count(), 1U);
}

TEST(ClientLimits, AReloadChangesTheLimitsAndKeepsTheConnections) {
  ClientLimits limits(10, 10);
  const auto first = limits.admit(kOne);
  limits.change(10, 1);
  EXPECT_FALSE(limits.admit(kOne));
  limits.change(10, 2);
  EXPECT_TRUE(limits.admit(kOne));
}

TEST(ClientLimits, ZeroIsNoLimit) {
  ClientLimits limits(0, 0);
  std::vector<ConnectionTicket> tickets;
  for (int i = 0; i < 100; ++i) {
    auto ticket = limits.admit(kOne);
    ASSERT_TRUE(ticket);
    EXPECT_FALSE(ticket->over_limit());
    tickets.push_back(std::move(ticket).value());
  }
}

TEST(ClientLimits, MemoryFollowsTheOpenConnections) {
  ClientLimits limits(0, 0);
  for (uint8_t high = 0; high < 40; ++high) {
    for (int low = 0; low < 256; ++low) {
      EXPECT_TRUE(limits.admit(Address::v4({198, 18, high, static_cast<uint8_t>(low)})));
    }
  }
  EXPECT_EQ(limits.addresses(), 0U);
}

// For ThreadSanitizer, and for sums that must come out.
TEST(ClientLimits, ManyThreads) {
  constexpr size_t kPerAddress = 5;
  ClientLimits limits(0, kPerAddress);
  std::vector<std::thread> threads;
  for (uint8_t t = 0; t < 4; ++t) {
    threads.emplace_back([&limits, t] {
      std::vector<ConnectionTicket> held;
      for (int i = 0; i < 2000; ++i) {
        const auto last = static_cast<uint8_t>(i % 7);
        if (auto ticket = limits.admit(Address::v4({10, 0, 0, last}))) {
          held.push_back(std::move(ticket).value());
        }
        if (i % 3 == t % 3) held.clear();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(limits.count(), 0U);
  EXPECT_EQ(limits.addresses(), 0U);
}

}  // namespace
}  // namespace culvert
