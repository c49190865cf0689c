// Which tunnel a name leads to: exact names, patterns, the rest, and whose listener it is.
#include "relay/route/tunnel_table.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using Tunnels = std::map<std::string, Tunnel, std::less<>>;

void add(Tunnels* to,
         const std::string& name,
         std::vector<std::string> names,
         const std::string& listener = "") {
  Tunnel& tunnel = (*to)[name];
  tunnel.name = name;
  tunnel.names = std::move(names);
  tunnel.listener = listener;
}

std::string found(const Tunnels& tunnels,
                  const std::string& server_name,
                  const std::string& listener = "tls://[::]:1") {
  const TunnelTable table(tunnels);
  const Tunnel* tunnel = table.find(listener, server_name);
  return tunnel == nullptr ? "none" : tunnel->name;
}

TEST(TunnelTable, ExactBeforeLongPatternBeforeShortBeforeTheRest) {
  Tunnels tunnels;
  add(&tunnels, "exact", {"a.b.example"});
  add(&tunnels, "long", {"*.b.example"});
  add(&tunnels, "short", {"*.example"});
  EXPECT_EQ(found(tunnels, "a.b.example"), "exact");
  EXPECT_EQ(found(tunnels, "x.b.example"), "long");
  EXPECT_EQ(found(tunnels, "x.y.b.example"), "long");
  EXPECT_EQ(found(tunnels, "b.example"), "short");
  EXPECT_EQ(found(tunnels, "example"), "none");
  EXPECT_EQ(found(tunnels, ""), "none");
  add(&tunnels, "rest", {"*"});
  EXPECT_EQ(found(tunnels, "example"), "rest");
  EXPECT_EQ(found(tunnels, ""), "rest");
}

TEST(TunnelTable, OfOneNameTheTunnelThatNamesTheListener) {
  Tunnels tunnels;
  add(&tunnels, "of all", {"a.example", "*"});
  add(&tunnels, "here", {"a.example"}, "tls://[::]:1");
  add(&tunnels, "there", {"a.example", "*"}, "tls://[::]:2");
  EXPECT_EQ(found(tunnels, "a.example"), "here");
  EXPECT_EQ(found(tunnels, "a.example", "tls://[::]:2"), "there");
  EXPECT_EQ(found(tunnels, "a.example", "tls://[::]:3"), "of all");
  EXPECT_EQ(found(tunnels, "b.example"), "of all");
  EXPECT_EQ(found(tunnels, "", "tls://[::]:2"), "there");
}

TEST(TunnelTable, ATunnelOfAnotherListenerTakesNothing) {
  Tunnels tunnels;
  add(&tunnels, "there", {"a.example", "*"}, "tls://[::]:2");
  EXPECT_EQ(found(tunnels, "a.example"), "none");
}

}  // namespace
}  // namespace culvert
