// Where a request goes by its destination: path, timers, pool, model, credentials, and who pays.
#include "relay/flow/heading.h"

#include "relay/base/limits.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using std::chrono::seconds;

constexpr std::string_view kToken = "relay-token-0123456789";

class HeadingTest : public testing::Test {
 protected:
  HeadingTest() {
    add("first", Dialect::kOpenAi, "Authorization");
    add("claude", Dialect::kAnthropic, "x-api-key");
    for (const char* name : {"first", "spare"}) {
      KeyPool pool;
      pool.name = name;
      pool.upstream = "first";
      pool.keys.emplace_back(std::string("sk-of-the-pool-") + name);
      snapshot_.pools.push_back(pool);
    }
    snapshot_.settings.auth_tokens.emplace_back(kToken);
    snapshot_.settings.timeouts.connect = seconds(9);
    request_.method = "POST";
    request_.headers.add("Authorization", std::string("Bearer ") + std::string(kToken));
    route_.name = "r";
    route_.path_prefix = "/team";
    route_.rewrite_prefix = "/v1";
  }
  void add(const std::string& name, Dialect dialect, const std::string& key_header) {
    Upstream upstream;
    upstream.name = name;
    upstream.dialect = dialect;
    upstream.targets.push_back({{"https", name + ".test", 443, ""}, 1});
    upstream.key_header = key_header;
    upstream.key_scheme = key_header == "Authorization" ? "Bearer" : "";
    upstream.timeouts.connect = seconds(4);
    upstream.timeouts.idle = seconds(60);
    upstream.strategies = {Strategy::kSocket};
    snapshot_.upstreams[name] = upstream;
  }
  const Asked& asked(const Route* route = nullptr) {
    if (table_ == nullptr) {
      TableParts parts{ring_, board_, nullptr, {}};
      auto built = Table::build(std::make_shared<const Snapshot>(snapshot_), parts);
      EXPECT_TRUE(built);
      table_ = *built;
    }
    asked_.emplace(Asked{*table_, request_, where_, route});
    return *asked_;
  }
  static Destination destination(const std::string& upstream,
                                 const std::string& pool = {},
                                 const std::string& model = {}) {
    Destination out;
    out.upstream = upstream;
    out.key_pool = pool;
    out.model = model;
    return out;
  }

  FakeClock clock_;
  SeededRandom random_{4};
  HealthBoard board_{clock_};
  KeyRing ring_{clock_, random_};
  Snapshot snapshot_;
  RequestHead request_;
  Where where_;
  Route route_;
  std::shared_ptr<const Table> table_;
  std::optional<Asked> asked_;
};

TEST_F(HeadingTest, AnAliasIsAnUpstreamAndTheRestItsPath) {
  where_.place = Place::kPreset;
  where_.alias = "first";
  where_.path = "/first/v1/models?a=b";
  where_.rest = "/v1/models?a=b";
  Heading heading = towards(asked(), nullptr);
  EXPECT_EQ(heading.alias, "first");
  EXPECT_EQ(heading.path, "/v1/models?a=b");
  EXPECT_EQ(heading.timeouts.connect, seconds(4));
  EXPECT_EQ(heading.dialect(), Dialect::kOpenAi);
  EXPECT_FALSE(heading.generic());
  EXPECT_FALSE(heading.rewrites_body());
  ASSERT_TRUE(admit(asked(), &heading));
  EXPECT_EQ(heading.payer, Payer::kPool);
}

TEST_F(HeadingTest, ADestinationHasItsOwnPoolModelAndTimers) {
  where_.path = "/team/chat/completions";
  route_.timeouts.idle = seconds(5);
  const Destination to = destination("first", "spare", "cheap-1");
  Heading heading = towards(asked(&route_), &to);
  EXPECT_EQ(heading.destination, &to);
  EXPECT_EQ(heading.path, "/v1/chat/completions");
  EXPECT_EQ(heading.key_pool, "spare");
  EXPECT_EQ(heading.model, "cheap-1");
  EXPECT_TRUE(heading.rewrites_body());
  EXPECT_EQ(heading.timeouts.idle, seconds(5));
  EXPECT_EQ(heading.timeouts.connect, seconds(4));
}

// Gemini's requests name their model in the path: the body stays as it is.
TEST_F(HeadingTest, AModelInThePathIsReplacedThere) {
  where_.path = "/team/models/gemini-a:generateContent";
  route_.rewrite_prefix = "/v1beta";
  const Destination to = destination("first", {}, "gemini-b");
  const Heading heading = towards(asked(&route_), &to);
  EXPECT_EQ(heading.path, "/v1beta/models/gemini-b:generateContent");
  EXPECT_FALSE(heading.rewrites_body());
}

TEST_F(HeadingTest, ARouteWithoutAPrefixLeavesTheAliasBehind) {
  where_.place = Place::kPreset;
  where_.alias = "first";
  where_.path = "/first/v1/messages";
  where_.rest = "/v1/messages";
  route_.path_prefix.clear();
  route_.rewrite_prefix.reset();
  const Destination to = destination("claude");
  EXPECT_EQ(towards(asked(&route_), &to).path, "/v1/messages");
  where_.place = Place::kUnknown;
  where_.path = "/v1/messages";
  EXPECT_EQ(towards(asked(&route_), &to).path, "/v1/messages");
}

// A caller's key counts where that upstream takes its own, and not at another.
TEST_F(HeadingTest, CredentialsAreReadWhereTheUpstreamTakesThem) {
  request_.headers.set("Authorization", "Bearer sk-own-key-0123456789");
  where_.path = "/team/chat/completions";
  route_.auth = false;
  const Destination openai = destination("first");
  const Destination claude = destination("claude");
  Heading at_openai = towards(asked(&route_), &openai);
  ASSERT_TRUE(admit(asked(&route_), &at_openai));
  EXPECT_EQ(at_openai.payer, Payer::kOwn);
  EXPECT_EQ(at_openai.credentials.own_keys.size(), 1U);
  EXPECT_FALSE(at_openai.credentials.authenticated);
  request_.headers.set("x-api-key", "sk-ant-own-key-0123456789");
  const Heading at_claude = towards(asked(&route_), &claude);
  ASSERT_FALSE(at_claude.credentials.own_keys.empty());
  EXPECT_EQ(at_claude.credentials.own_place.header, "x-api-key");
}

TEST_F(HeadingTest, CredentialsAreReadOnceForEachUpstream) {
  where_.path = "/team/chat/completions";
  const Destination cheap = destination("first", {}, "cheap-1");
  const Destination spare = destination("first", "spare");
  const Destination claude = destination("claude");
  const std::vector<Heading> known = {towards(asked(&route_), &cheap)};
  EXPECT_TRUE(known[0].credentials.authenticated);
  request_.headers.erase("Authorization");
  EXPECT_TRUE(towards(asked(&route_), &spare, known).credentials.authenticated);
  EXPECT_FALSE(towards(asked(&route_), &claude, known).credentials.authenticated);
}

TEST_F(HeadingTest, WithoutATokenNobodyGetsThePool) {
  request_.headers.erase("Authorization");
  where_.place = Place::kPreset;
  where_.alias = "first";
  Heading heading = towards(asked(), nullptr);
  const auto admitted = admit(asked(), &heading);
  ASSERT_FALSE(admitted);
  EXPECT_EQ(admitted.error().code, Code::kUnauthorized);
}

TEST_F(HeadingTest, NowhereIsNotFound) {
  where_.path = "/nothing/here";
  Heading heading = towards(asked(), nullptr);
  EXPECT_EQ(heading.alias, "");
  const auto admitted = admit(asked(), &heading);
  ASSERT_FALSE(admitted);
  EXPECT_EQ(admitted.error().code, Code::kNotFound);
}

TEST_F(HeadingTest, AHostOfTheClientsOwnIsAGuestThatIsTriedOnce) {
  where_.place = Place::kGeneric;
  where_.url = {"https", "elsewhere.test", 8443, ""};
  where_.rest = "/a?b";
  const Heading heading = towards(asked(), nullptr);
  EXPECT_TRUE(heading.generic());
  EXPECT_EQ(heading.path, "/a?b");
  EXPECT_EQ(heading.timeouts.connect, seconds(9));
  EXPECT_EQ(heading.dialect(), Dialect::kOpaque);
  const Upstream guest = guest_of(asked());
  ASSERT_EQ(guest.targets.size(), 1U);
  EXPECT_EQ(guest.targets[0].url.host, "elsewhere.test");
  EXPECT_EQ(guest.retry.attempts, 1U);
  EXPECT_FALSE(guest.breaker.on);
  EXPECT_FALSE(guest.health_check.on);
  // As many at once as of any upstream.
  EXPECT_EQ(guest.concurrency.most, limits::kConcurrencyMost);
  EXPECT_EQ(guest.concurrency.queue, limits::kQueueLength);
  EXPECT_EQ(guest.concurrency.queue_age, limits::kQueueAge);
  EXPECT_EQ(guest.strategies.size(), 2U);
}

}  // namespace
}  // namespace culvert
