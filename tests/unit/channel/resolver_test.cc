// The resolver against a name server of the test's own: what it asks, for how long it believes an
// answer, and what it does without one.
#include "relay/channel/resolver.h"

#include "relay/base/limits.h"
#include "tests/fakes/cpp/run_until.h"
#include "tests/unit/channel/dns_server.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace culvert {
namespace {

using namespace std::chrono_literals;
using test::DnsAnswer;
using test::run_until;

class Asker final : public ResolveSink {
 public:
  void on_resolved(Result<Addresses> addresses) override {
    ++calls;
    result = std::move(addresses);
    if (then) then();
  }
  // Addresses in order, or "!" and the error's word.
  std::string text() const {
    if (!result) return "nothing";
    if (!*result) return "!" + std::string(to_string(result->error().code));
    std::string all;
    for (const Address& address : **result) all += (all.empty() ? "" : " ") + address.text();
    return all;
  }
  int calls = 0;
  std::optional<Result<Addresses>> result;
  std::function<void()> then;
};

class Resolving : public testing::Test {
 protected:
  void SetUp() override {
    auto made = Resolver::create(loop, {server.address(), &clock});
    ASSERT_TRUE(made) << made.error().detail;
    resolver = std::move(made).value();
  }

  std::string resolve(const std::string& host) {
    Asker asker;
    const auto lookup = resolver->lookup(host, asker);
    EXPECT_EQ(asker.calls, 0) << "called from inside lookup()";
    EXPECT_TRUE(run_until(loop, [&] { return asker.calls > 0; }));
    EXPECT_EQ(asker.calls, 1);
    return asker.text();
  }

  std::string cached(const std::string& host) {
    Asker asker;
    auto known = resolver->cached(host);
    if (!known) return "unknown";
    asker.on_resolved(std::move(*known));
    return asker.text();
  }

  Loop loop;
  FakeClock clock;
  test::DnsServer server{loop};
  std::unique_ptr<Resolver> resolver;
};

TEST_F(Resolving, AsksForBothFamilies) {
  server.table["both.example"] = {.v4 = {"192.0.2.1"}, .v6 = {"2001:db8::1"}};
  const std::string text = resolve("both.example");
  EXPECT_NE(text.find("192.0.2.1"), std::string::npos) << text;
  EXPECT_NE(text.find("2001:db8::1"), std::string::npos) << text;
  EXPECT_EQ(server.asked["both.example"], 2);
}

TEST_F(Resolving, TakesOneFamilyAlone) {
  server.table["four.example"] = {.v4 = {"192.0.2.1", "192.0.2.2"}};
  server.table["six.example"] = {.v6 = {"2001:db8::1"}};
  EXPECT_EQ(resolve("six.example"), "2001:db8::1");
  const std::string text = resolve("four.example");
  EXPECT_NE(text.find("192.0.2.1"), std::string::npos) << text;
  EXPECT_NE(text.find("192.0.2.2"), std::string::npos) << text;
}

TEST_F(Resolving, FollowsAnotherName) {
  server.table["alias.example"] = {.v4 = {"192.0.2.7"}, .cname = "real.example"};
  EXPECT_EQ(resolve("alias.example"), "192.0.2.7");
}

TEST_F(Resolving, KnowsAddressesWithoutAsking) {
  EXPECT_EQ(cached("192.0.2.9"), "192.0.2.9");
  EXPECT_EQ(cached("2001:db8::9"), "2001:db8::9");
  EXPECT_EQ(cached("never-asked.example"), "unknown");
}

TEST_F(Resolving, KnowsLocalhostWithoutAsking) {
  for (const char* name :
       {"localhost", "LocalHost", "localhost.", "a.localhost", "a.b.Localhost."}) {
    EXPECT_EQ(cached(name), "127.0.0.1 ::1") << name;
  }
  for (const char* name : {"localhost.example", "alocalhost", "localhost..", ".", ""}) {
    EXPECT_EQ(cached(name), "unknown") << name;
  }
}

TEST_F(Resolving, BelievesAnAnswerAsLongAsItsTimeToLive) {
  server.table["ttl.example"] = {.v4 = {"192.0.2.1"}, .ttl = 30};
  EXPECT_EQ(resolve("ttl.example"), "192.0.2.1");
  clock.advance(29s);
  EXPECT_EQ(cached("TTL.example"), "192.0.2.1");
  clock.advance(1s);
  EXPECT_EQ(cached("ttl.example"), "unknown");
  server.table["ttl.example"] = {.v4 = {"192.0.2.2"}, .ttl = 30};
  EXPECT_EQ(resolve("ttl.example"), "192.0.2.2");
  EXPECT_EQ(cached("ttl.example"), "192.0.2.2");
}

TEST_F(Resolving, BoundsTheTimeToLive) {
  server.table["zero.example"] = {.v4 = {"192.0.2.1"}, .ttl = 0};
  server.table["ever.example"] = {.v4 = {"192.0.2.1"}, .ttl = 2000000};
  resolve("zero.example");
  resolve("ever.example");
  clock.advance(limits::kDnsTtlLeast - 1ms);
  EXPECT_EQ(cached("zero.example"), "192.0.2.1");
  clock.advance(1ms);
  EXPECT_EQ(cached("zero.example"), "unknown");
  clock.advance(limits::kDnsTtlMost);
  EXPECT_EQ(cached("ever.example"), "unknown");
}

TEST_F(Resolving, RemembersAFailureForAMoment) {
  EXPECT_EQ(resolve("missing.example"), "!resolve_failed");
  EXPECT_EQ(cached("missing.example"), "!resolve_failed");
  clock.advance(limits::kDnsNegativeTtl);
  EXPECT_EQ(cached("missing.example"), "unknown");
  server.table["missing.example"] = {.v4 = {"192.0.2.3"}};
  EXPECT_EQ(resolve("missing.example"), "192.0.2.3");
}

TEST_F(Resolving, NamesTheHostInItsErrorAndBlamesTheUpstream) {
  Asker asker;
  const auto lookup = resolver->lookup("missing.example", asker);
  ASSERT_TRUE(run_until(loop, [&] { return asker.calls > 0; }));
  const Error& error = asker.result->error();
  EXPECT_EQ(error.fault, Fault::kUpstream);
  EXPECT_EQ(error.stage, Stage::kResolve);
  EXPECT_NE(error.detail.find("missing.example"), std::string::npos);
}

TEST_F(Resolving, HasNoAddressWhereThereIsNone) {
  server.table["empty.example"] = {};
  EXPECT_EQ(resolve("empty.example"), "!resolve_failed");
}

TEST_F(Resolving, PrefersAnOldAnswerToAFailure) {
  server.table["stale.example"] = {.v4 = {"192.0.2.1"}, .ttl = 10};
  EXPECT_EQ(resolve("stale.example"), "192.0.2.1");
  clock.advance(11s);
  server.table["stale.example"] = {.rcode = 2};
  EXPECT_EQ(resolve("stale.example"), "192.0.2.1");
  clock.advance(limits::kDnsStale);
  EXPECT_EQ(resolve("stale.example"), "!resolve_failed");
}

TEST_F(Resolving, DoesNotAskAgainAtOnceWhereItGaveAnOldAnswer) {
  server.table["outage.example"] = {.v4 = {"192.0.2.1"}, .ttl = 10};
  EXPECT_EQ(resolve("outage.example"), "192.0.2.1");
  clock.advance(11s);
  server.table["outage.example"] = {.rcode = 2};
  EXPECT_EQ(resolve("outage.example"), "192.0.2.1");
  clock.advance(limits::kDnsStaleRecheck - 1ms);
  EXPECT_EQ(cached("outage.example"), "192.0.2.1");
  clock.advance(1ms);
  EXPECT_EQ(cached("outage.example"), "unknown");
}

TEST_F(Resolving, BelievesAServerThatANameIsGone) {
  server.table["gone.example"] = {.v4 = {"192.0.2.1"}, .ttl = 10};
  EXPECT_EQ(resolve("gone.example"), "192.0.2.1");
  clock.advance(11s);
  server.table.erase("gone.example");
  EXPECT_EQ(resolve("gone.example"), "!resolve_failed");
  EXPECT_EQ(cached("gone.example"), "!resolve_failed");
}

TEST_F(Resolving, DoesNotWaitForASilentServerWhereItHasAnOldAnswer) {
  server.table["silent.example"] = {.v4 = {"192.0.2.1"}, .ttl = 10};
  EXPECT_EQ(resolve("silent.example"), "192.0.2.1");
  clock.advance(11s);
  server.table["silent.example"] = {.silent = true};
  EXPECT_EQ(resolve("silent.example"), "192.0.2.1");
}

TEST_F(Resolving, AsksOnceForAllWhoWait) {
  server.table["shared.example"] = {.v4 = {"192.0.2.1"}};
  std::vector<std::unique_ptr<Asker>> askers;
  std::vector<std::unique_ptr<Resolver::Lookup>> lookups;
  for (const char* name : {"shared.example", "SHARED.example", "shared.example"}) {
    askers.push_back(std::make_unique<Asker>());
    lookups.push_back(resolver->lookup(name, *askers.back()));
  }
  ASSERT_TRUE(run_until(loop, [&] {
    return std::all_of(askers.begin(), askers.end(), [](const auto& a) { return a->calls == 1; });
  }));
  EXPECT_EQ(server.asked["shared.example"], 2);  // A and AAAA
  for (const auto& asker : askers) EXPECT_EQ(asker->text(), "192.0.2.1");
}

TEST_F(Resolving, IsCancelledByDestroying) {
  server.table["gone.example"] = {.v4 = {"192.0.2.1"}};
  Asker asker;
  resolver->lookup("gone.example", asker).reset();
  ASSERT_TRUE(run_until(loop, [&] { return cached("gone.example") != "unknown"; }));
  test::settle(loop);
  EXPECT_EQ(asker.calls, 0);
}

// Whoever is told first destroys the other's question.
TEST_F(Resolving, IsCancelledFromInsideAnAnswer) {
  server.table["pair.example"] = {.v4 = {"192.0.2.1"}};
  Asker a;
  Asker b;
  std::unique_ptr<Resolver::Lookup> of_a = resolver->lookup("pair.example", a);
  std::unique_ptr<Resolver::Lookup> of_b = resolver->lookup("pair.example", b);
  a.then = [&] { of_b.reset(); };
  b.then = [&] { of_a.reset(); };
  ASSERT_TRUE(run_until(loop, [&] { return a.calls + b.calls > 0; }));
  test::settle(loop);
  EXPECT_EQ(a.calls + b.calls, 1);
}

TEST_F(Resolving, IsAskedForAnotherNameFromInsideAnAnswer) {
  server.table["second.example"] = {.v4 = {"192.0.2.5"}};
  Asker again;
  std::unique_ptr<Resolver::Lookup> second;
  Asker first;
  first.then = [&] { second = resolver->lookup("second.example", again); };
  const auto lookup = resolver->lookup("first.example", first);
  ASSERT_TRUE(run_until(loop, [&] { return again.calls == 1; }));
  EXPECT_EQ(first.text(), "!resolve_failed");
  EXPECT_EQ(again.text(), "192.0.2.5");
}

TEST_F(Resolving, EndsWithQuestionsUnanswered) {
  server.table["silent.example"] = {.silent = true};
  Asker asker;
  auto lookup = resolver->lookup("silent.example", asker);
  test::settle(loop);
  lookup.reset();
  resolver.reset();
  test::settle(loop);
  EXPECT_EQ(asker.calls, 0);
}

TEST(ResolverOptions, NamesAnUnusableServer) {
  Loop loop;
  EXPECT_FALSE(Resolver::create(loop, {"not an address", &Clock::system()}));
}

}  // namespace
}  // namespace culvert
