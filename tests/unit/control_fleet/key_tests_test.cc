// What operators ask of relays, told to streams and answered by them: each key once, whatever
// becomes of the relay.
#include "control/fleet/key_tests.h"

#include "control/config/resources.h"
#include "relay/base/clock.h"
#include "relay/base/random.h"

#include <gtest/gtest.h>

namespace culvert::control {
namespace {

using Inquiry = KeyTests::Inquiry;

v1::Hello hello(bool knows) {
  v1::Hello message;
  if (knows) message.add_commands("verify_keys");
  return message;
}

KeyTests::Errand errand(const std::string& relay, const std::vector<std::string>& ids) {
  KeyTests::Errand made{relay, {}};
  auto* of_pool = made.what.add_pools();
  of_pool->set_pool("p");
  for (const std::string& id : ids) of_pool->add_ids(id);
  return made;
}

class KeyTestsTest : public testing::Test {
 protected:
  KeyTestsTest() { tests_.arrived(speaker_, hello(true)); }

  // The one order that the stream is told now.
  v1::VerifyKeys told() {
    const auto commands = tests_.commands(speaker_);
    EXPECT_EQ(commands.size(), 1U);
    return commands.empty() ? v1::VerifyKeys() : commands.front().verify_keys();
  }
  void say(uint64_t request,
           const std::string& id,
           v1::KeyVerified::Status status,
           const Speaker& speaker) {
    v1::KeyVerified verified;
    verified.set_request(request);
    verified.set_pool("p");
    verified.set_id(id);
    verified.set_status(status);
    tests_.heard(speaker, verified);
  }
  void say(uint64_t request, const std::string& id) {
    say(request, id, v1::KeyVerified::STATUS_GOOD, speaker_);
  }
  // "id: status", in the order of coming.
  static std::vector<std::string> all_of(Inquiry* inquiry) {
    std::vector<std::string> out;
    while (const auto answer = inquiry->next({})) {
      out.push_back(answer->verified.id() + ": " +
                    (answer->verified.error().empty() ? "well" : answer->verified.error()));
    }
    return out;
  }
  using Words = std::vector<std::string>;

  FakeClock clock_;
  SeededRandom random_{7};
  Switchboard switchboard_;
  KeyTests tests_{switchboard_, clock_, random_};
  const Speaker speaker_{"one", 1};
};

TEST_F(KeyTestsTest, AreToldOnceAndAnsweredInTheOrderOfComing) {
  Inquiry inquiry(tests_, {errand("one", {"a", "b"})});
  const uint64_t request = told().request();
  EXPECT_TRUE(tests_.commands(speaker_).empty());
  EXPECT_FALSE(inquiry.next({}).has_value());
  EXPECT_FALSE(inquiry.over());
  say(request, "b");
  say(request, "a");
  EXPECT_EQ(all_of(&inquiry), (Words{"b: well", "a: well"}));
  EXPECT_TRUE(inquiry.over());
}

TEST_F(KeyTestsTest, NothingIsHeardTwiceNorUnasked) {
  Inquiry inquiry(tests_, {errand("one", {"a", "b"})});
  const uint64_t request = told().request();
  say(request, "a");
  say(request, "a");
  say(request, "stranger");
  say(request + 1, "b");
  say(request, "b", v1::KeyVerified::STATUS_GOOD, {"two", 1});
  EXPECT_EQ(all_of(&inquiry), (Words{"a: well"}));
  EXPECT_FALSE(inquiry.over());
}

TEST_F(KeyTestsTest, ARelayThatLeavesAnswersTheRest) {
  Inquiry inquiry(tests_, {errand("one", {"a", "b"})});
  say(told().request(), "a");
  tests_.left({"one", 0});  // an older stream of it
  EXPECT_FALSE(inquiry.over() || tests_.able().empty());
  tests_.left(speaker_);
  EXPECT_EQ(all_of(&inquiry), (Words{"a: well", "b: the relay left before it was known"}));
  EXPECT_TRUE(inquiry.over());
  EXPECT_TRUE(tests_.able().empty());
}

TEST_F(KeyTestsTest, SoDoesOneThatConnectsAnew) {
  Inquiry inquiry(tests_, {errand("one", {"a"})});
  const uint64_t request = told().request();
  tests_.arrived({"one", 2}, hello(true));
  say(request, "a", v1::KeyVerified::STATUS_GOOD, {"one", 2});
  EXPECT_EQ(all_of(&inquiry), (Words{"a: the relay connected anew before it was known"}));
}

TEST_F(KeyTestsTest, WhoIsAwayOrOldIsAnsweredForAtOnce) {
  tests_.arrived({"old", 2}, hello(false));
  EXPECT_EQ(tests_.able(), std::set<std::string>{"one"});
  Inquiry inquiry(tests_, {errand("old", {"a"}), errand("nobody", {"b"})});
  EXPECT_EQ(all_of(&inquiry), (Words{"a: this relay's version does not test keys for the service",
                                     "b: the relay is not connected"}));
  EXPECT_TRUE(inquiry.over());
  EXPECT_TRUE(tests_.commands({"old", 2}).empty());
}

TEST_F(KeyTestsTest, PlainKeysAreKnownByTheirIds) {
  KeyTests::Errand made{"one", {}};
  made.what.set_upstream("u");
  made.what.add_keys("sk-plain");
  Inquiry inquiry(tests_, {made});
  v1::KeyVerified verified;
  verified.set_request(told().request());
  verified.set_id(key_id("sk-plain"));
  tests_.heard(speaker_, verified);
  EXPECT_EQ(inquiry.next({})->verified.id(), key_id("sk-plain"));
  EXPECT_TRUE(inquiry.over());
}

TEST_F(KeyTestsTest, TwoAtOnceAreApart) {
  Inquiry first(tests_, {errand("one", {"a"})});
  const uint64_t request = told().request();
  Inquiry second(tests_, {errand("one", {"a"})});
  say(told().request(), "a");
  EXPECT_EQ(all_of(&second).size(), 1U);
  EXPECT_TRUE(second.over());
  EXPECT_FALSE(first.over());
  say(request, "a");
  EXPECT_EQ(all_of(&first).size(), 1U);
}

TEST_F(KeyTestsTest, WhoGoesCancels) {
  uint64_t request = 0;
  {
    const Inquiry inquiry(tests_, {errand("one", {"a"})});
    request = told().request();
  }
  const auto commands = tests_.commands(speaker_);
  ASSERT_EQ(commands.size(), 1U);
  EXPECT_EQ(commands.front().cancel_verify(), request);
  say(request, "a");  // too late: nobody is there
  { const Inquiry untold(tests_, {errand("one", {"a"})}); }
  EXPECT_TRUE(tests_.commands(speaker_).empty()) << "what was not told needs no cancelling";
}

TEST_F(KeyTestsTest, ASilentRelayIsGivenUp) {
  Inquiry inquiry(tests_, {errand("one", {"a", "b"})});
  const uint64_t request = told().request();
  clock_.advance(std::chrono::seconds(50));
  say(request, "a");
  clock_.advance(std::chrono::seconds(50));
  EXPECT_EQ(all_of(&inquiry), (Words{"a: well"}));
  clock_.advance(std::chrono::seconds(10));
  EXPECT_EQ(all_of(&inquiry), (Words{"b: the relay did not say in time"}));
  EXPECT_TRUE(inquiry.over());
  EXPECT_EQ(tests_.commands(speaker_).front().cancel_verify(), request);
}

}  // namespace
}  // namespace culvert::control
