// Systematic failure: whatever allocation, accept, connect, read or write of the relay fails, it
// neither falls nor hangs nor leaks, the client gets a whole answer, a clean error or a closed
// connection, and the next request is served. Each scenario runs with its first call failing, then
// its second, and so on until it passes untouched.
#include "relay/crypto/start.h"
#include "relay/edge/server.h"
#include "tests/fakes/cpp/certificates.h"
#include "tests/integration/faults/client.h"
#include "tests/integration/faults/plain_upstream.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

namespace culvert {
namespace {

using test::Answer;
using test::Client;
using test::FaultKind;
using test::FaultPlan;

// How GoogleTest names a parameter.
struct Scenario {
  friend void PrintTo(const Scenario& scenario, std::ostream* out) { *out << scenario.name; }

  const char* name;
  bool tls;
  // One client's visit. Returns the answers that it waited for.
  std::vector<Answer> (*visit)(Client& client);
  std::vector<std::string> bodies;  // of those answers where nothing fails
};

std::string get(const char* path) {
  return std::string("GET /fake/") + path + " HTTP/1.1\r\nHost: relay\r\n\r\n";
}

std::vector<Answer> visit_get(Client& client) {
  client.send(get("hello"));
  return {client.receive()};
}

std::vector<Answer> visit_post(Client& client) {
  client.send("POST /fake/echo HTTP/1.1\r\nHost: relay\r\nContent-Length: 30000\r\n\r\n");
  client.send(std::string(30000, 'b'));
  return {client.receive()};
}

std::vector<Answer> visit_events(Client& client) {
  client.send(get("events"));
  return {client.receive()};
}

// To a client of HTTP/1.0 a stream ends with the connection: only a reset tells a cut from an end.
std::vector<Answer> visit_http10(Client& client) {
  client.send("GET /fake/events HTTP/1.0\r\nHost: relay\r\n\r\n");
  return {client.receive()};
}

std::vector<Answer> visit_twice(Client& client) {
  client.send(get("hello"));
  std::vector<Answer> answers{client.receive()};
  if (answers.back().end != Answer::End::kWhole) return answers;
  client.send(get("events"));
  answers.push_back(client.receive());
  return answers;
}

std::vector<Answer> visit_and_leave(Client& client) {
  client.send(get("stuck"));
  return {client.receive("one")};
}

const std::string kFirstEvent = test::kEvents.substr(0, 17);

const std::vector<Scenario> kScenarios{
    {"Get", false, visit_get, {"hello"}},
    {"Post", false, visit_post, {"30000"}},
    {"Events", false, visit_events, {test::kEvents}},
    {"Http10", false, visit_http10, {test::kEvents}},
    {"KeepAlive", false, visit_twice, {"hello", test::kEvents}},
    {"Abort", false, visit_and_leave, {kFirstEvent}},
    {"TlsKeepAlive", true, visit_twice, {"hello", test::kEvents}},
    {"TlsAbort", true, visit_and_leave, {kFirstEvent}},
};

// A relay on a thread of its own, in front of an upstream.
class Relay {
 public:
  Relay() {
    const auto& files = test::Certificates::all();
    variables_ = {
        {"CULVERT_LISTEN", "http://127.0.0.1:0,https://127.0.0.1:0"},
        {"CULVERT_TLS_CERT", files.path("good.pem")},
        {"CULVERT_TLS_KEY", files.path("good.key")},
        {"CULVERT_ADMIN_LISTEN", "127.0.0.1:0"},
        {"CULVERT_WORKERS", "1"},
        {"CULVERT_DRAIN_TIMEOUT", "5s"},
        {"PROXY_FAKE_TARGET", "http://127.0.0.1:" + std::to_string(upstream_.port())},
    };
    BootstrapSource source;
    source.environment = [this](const std::string& name) -> std::optional<std::string> {
      const auto found = variables_.find(name);
      if (found == variables_.end()) return std::nullopt;
      return found->second;
    };
    for (const auto& item : variables_) source.variables.push_back(item.first);
    auto made = Server::create(std::move(source));
    EXPECT_TRUE(made) << made.error().detail;
    server_ = std::move(made).value();
    thread_ = std::thread([this] { status_ = server_->run(); });
  }
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;
  ~Relay() { stop(); }

  test::PlainUpstream& upstream() { return upstream_; }
  uint16_t port(bool tls) const { return server_->addresses()[tls ? 1 : 0].port; }

  void stop() {
    if (!thread_.joinable()) return;
    server_->stop();
    thread_.join();
    EXPECT_EQ(status_, 0);
    server_.reset();
  }

 private:
  test::PlainUpstream upstream_;
  std::map<std::string, std::string> variables_;
  std::unique_ptr<Server> server_;
  int status_ = -1;
  std::thread thread_;
};

class Faults : public testing::TestWithParam<Scenario> {
 protected:
  static void SetUpTestSuite() {
    ignore_failed_writes();
    test::exempt_this_thread();
    ASSERT_TRUE(start_crypto());
    auto trust = TrustStore::parse(test::Certificates::all().pem("ca.pem"), "");
    ASSERT_TRUE(trust);
    trust_ = std::move(trust).value();
    // libuv's pipe for signals and glibc's resolver stay open for good: not to be taken for leaks.
    Relay().stop();
  }

  std::vector<Answer> visit() {
    const Scenario& scenario = GetParam();
    // A new configuration: no session is taken up, so that every handshake is a whole one.
    auto tls =
        scenario.tls
            ? std::move(TlsClientConfig::create({.trust = trust_, .tls13_only = false})).value()
            : nullptr;
    Client client(relay_->port(scenario.tls), std::move(tls));
    return scenario.visit(client);
  }

  void expect_good(const std::vector<Answer>& answers) {
    const auto& bodies = GetParam().bodies;
    ASSERT_EQ(answers.size(), bodies.size());
    for (size_t i = 0; i < bodies.size(); ++i) {
      EXPECT_EQ(answers[i].end, Answer::End::kWhole);
      EXPECT_EQ(answers[i].status, 200) << answers[i].body;
      EXPECT_EQ(answers[i].body, bodies[i]);
    }
  }

  // A whole answer is the right one or an error of the relay's; nothing stands still.
  void expect_clean(const std::vector<Answer>& answers) {
    const auto& bodies = GetParam().bodies;
    ASSERT_LE(answers.size(), bodies.size());
    for (size_t i = 0; i < answers.size(); ++i) {
      EXPECT_NE(answers[i].end, Answer::End::kHung);
      if (answers[i].end != Answer::End::kWhole) continue;
      if (answers[i].status == 200) {
        EXPECT_EQ(answers[i].body, bodies[i]);
      } else {
        EXPECT_GE(answers[i].status, 400);
        EXPECT_FALSE(answers[i].body.empty());
      }
    }
  }

  // harmless: a fault that nobody may notice. pooled: the relay has a connection to use again.
  void run(FaultPlan plan, bool harmless = false, bool pooled = true) {
    if (HasFailure()) return;
    const size_t before = test::open_descriptors();
    relay_ = std::make_unique<Relay>();
    relay_->upstream().close_after_answers(!pooled);
    expect_good(visit());
    bool reached = true;
    for (plan.at = 1; reached && !HasFailure(); ++plan.at) {
      test::arm(plan);
      const auto answers = visit();
      reached = test::disarm();
      SCOPED_TRACE("call " + std::to_string(plan.at) + ", errno " + std::to_string(plan.error));
      if (harmless || !reached) {
        expect_good(answers);
      } else {
        expect_clean(answers);
      }
      if (HasFailure()) break;
      expect_good(visit());
    }
    EXPECT_GT(plan.at, 2) << "no such call was made";
    relay_->stop();
    relay_.reset();
    EXPECT_EQ(test::open_descriptors(), before);
  }

  static inline std::shared_ptr<const TrustStore> trust_;
  std::unique_ptr<Relay> relay_;
};

TEST_P(Faults, Allocation) { run({.kind = FaultKind::kAllocation}); }
TEST_P(Faults, AllocationOfANewConnection) { run({.kind = FaultKind::kAllocation}, false, false); }
TEST_P(Faults, SeveralAllocations) { run({.kind = FaultKind::kAllocation, .count = 25}); }

TEST_P(Faults, Accept) {
  for (const int error : {EMFILE, ENOMEM, ECONNABORTED}) {
    run({.kind = FaultKind::kAccept, .error = error}, true);
  }
}

TEST_P(Faults, Connect) {
  for (const int error : {ECONNREFUSED, ENETUNREACH, ENOBUFS}) {
    run({.kind = FaultKind::kConnect, .error = error}, false, false);
  }
}

TEST_P(Faults, Read) {
  for (const int error : {ECONNRESET, ETIMEDOUT, test::kEnd}) {
    run({.kind = FaultKind::kReceive, .error = error});
  }
}

TEST_P(Faults, Write) {
  for (const int error : {EPIPE, ECONNRESET, ENOBUFS}) {
    run({.kind = FaultKind::kSend, .error = error});
  }
}

TEST_P(Faults, HalfReadsAndWritesAreNoticedByNobody) {
  for (const int error : {EAGAIN, EINTR, test::kShort}) {
    run({.kind = FaultKind::kReceive, .error = error}, true);
    run({.kind = FaultKind::kSend, .error = error}, true);
  }
}

INSTANTIATE_TEST_SUITE_P(Scenarios,
                         Faults,
                         testing::ValuesIn(kScenarios),
                         [](const auto& scenario) { return std::string(scenario.param.name); });

}  // namespace
}  // namespace culvert
