// A simulated day of 100 keys at 5 upstreams that fail in every way, against the real choosers:
// course, breakers, budgets, limits, strategies, key pools. What is faked is the wire and the time.
//
// A call is every attempt that a connection or a way to one was tried for: also each refused
// connection and each further strategy. Calls are held against requests over all, for each upstream
// and for each outage of an upstream by itself. The oracle serves a request if at its arrival any
// destination of its route has a target that may answer and a key that is taken.
#include "relay/base/limits.h"
#include "relay/base/log.h"
#include "relay/flow/course.h"
#include "relay/flow/preference.h"
#include "relay/keys/key_ring.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>
#include <queue>

namespace culvert {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr size_t kUpstreams = 5;
constexpr size_t kKeysOfEach = 20;
constexpr std::array<size_t, kUpstreams> kTargets = {3, 2, 2, 1, 2};
constexpr Duration kDay = hours(24);
constexpr Duration kEvening = minutes(45);  // without new faults, until everything is back
constexpr double kRequestsPerSecond = 10;
constexpr double kAmplificationMost = 1.1;
// An outage with fewer requests to its upstream says little of a share: what finding out costs
// (once for each of 20 keys, five times for a target, then its probes) is the same for any number.
constexpr uint64_t kTellingRequests = 400;

class Events {
 public:
  explicit Events(FakeClock& clock) : clock_(clock) {}
  void in(Duration after, std::function<void()> what) {
    queue_.push({clock_.now() + std::max(after, Duration::zero()), next_++, std::move(what)});
  }
  void run() {
    while (!queue_.empty()) {
      Event event = std::move(const_cast<Event&>(queue_.top()));
      queue_.pop();
      clock_.advance(event.at - clock_.now());
      event.what();
    }
  }

 private:
  struct Event {
    Instant at;
    uint64_t number;
    std::function<void()> what;
    bool operator<(const Event& other) const {
      return at != other.at ? at > other.at : number > other.number;
    }
  };
  FakeClock& clock_;
  std::priority_queue<Event> queue_;
  uint64_t next_ = 0;
};

// How the world is at the moment: a count for each fault, because they overlap.
struct TargetWorld {
  int refuses = 0;
  int swallows = 0;  // no connection comes about, and no refusal either
  int errs = 0;      // most answers are 5xx
  int hangs_up = 0;  // after the request, without an answer
  int slow = 0;
  int no_socket = 0;  // the socket strategy's way is broken
  bool may_answer() const { return refuses + swallows + hangs_up == 0; }
};
struct KeyWorld {
  Instant limited_until{};
  Instant refused_until{};
  std::optional<Instant> awaited;  // since when it would work again and was not used
  bool taken(Instant now) const { return limited_until <= now && refused_until <= now; }
};

// What reached one upstream, in the whole day or while one of its faults lasted.
struct Traffic {
  uint64_t requests = 0, calls = 0;
  double amplification() const {
    return static_cast<double>(calls) / static_cast<double>(std::max<uint64_t>(1, requests));
  }
};
struct Outage {
  std::string what;
  bool over = false;
  Traffic traffic;
};

struct Figures {
  uint64_t requests = 0, ended = 0, served = 0, calls = 0;
  uint64_t servable = 0, served_servable = 0;
  uint64_t lost = 0;  // of the servable: sent to who hung up without an answer
  uint64_t lone_servable = 0, lone_served = 0, lone_lost = 0;  // of these, of the lone route
  uint64_t outage_requests = 0, outage_calls = 0;
  uint64_t dark_requests = 0, dark_calls = 0;  // while an upstream of the route was down as a whole
  Duration longest_key_wait{};
  std::array<Traffic, kUpstreams> of_upstream;
  std::vector<Outage> outages;
};

class Simulation {
 public:
  explicit Simulation(uint64_t seed) : random_(seed), world_random_(seed * 7919) {
    build();
    plan_faults();
  }

  Figures run() {
    events_.in({}, [this] { arrive(); });
    events_.run();
    return figures_;
  }

  // After the evening nothing may be left of the day.
  void expect_all_back() const {
    for (size_t u = 0; u < kUpstreams; ++u) {
      for (size_t k = 0; k < kKeysOfEach; ++k) {
        EXPECT_EQ(pools_[u]->health(k), KeyHealth::kReady) << u << " key " << k;
        EXPECT_EQ(pools_[u]->state(k).in_flight.load(), 0);
        EXPECT_FALSE(keys_[u][k].awaited) << u << " key " << k << " was not used again";
      }
      const auto report = health_[u]->report(upstreams_[u]);
      EXPECT_EQ(report.concurrency.in_flight, 0U);
      EXPECT_EQ(report.concurrency.waiting, 0U);
      for (const auto& target : report.targets) {
        EXPECT_EQ(target.state, BreakerState::kClosed) << target.url;
        EXPECT_EQ(target.strategy, Strategy::kSocket) << target.url;
        EXPECT_EQ(target.in_flight, 0);
      }
    }
  }

 private:
  struct Request final : SlotSink, std::enable_shared_from_this<Request> {
    Request(Simulation& s, Course course) : sim(s), way(std::move(course)) {}
    void on_slot(Slot granted) override {
      const auto held = std::exchange(waiting, nullptr);
      slot = std::move(granted);
      sim.call(shared_from_this());
    }
    void on_no_slot(Error error) override {
      const auto held = std::exchange(waiting, nullptr);
      sim.judged(shared_from_this(), Ending::broken(std::move(error)), {});
    }
    Simulation& sim;
    Course way;
    std::array<std::vector<size_t>, kUpstreams> tried;  // keys
    std::array<bool, kUpstreams> called{};
    std::optional<Lease> lease;
    std::optional<Slot> slot;
    std::unique_ptr<SlotWait> wait;
    std::shared_ptr<Request> waiting;  // itself, as its client's connection would hold it
    bool servable = false, outage = false, dark = false, lone = false;
  };
  using Held = std::shared_ptr<Request>;

  void build() {
    for (size_t u = 0; u < kUpstreams; ++u) {
      Upstream& upstream = upstreams_[u];
      upstream.name = std::string(1, static_cast<char>('a' + u));
      for (size_t t = 0; t < kTargets[u]; ++t) {
        const std::string host = upstream.name + std::to_string(t) + ".test";
        upstream.targets.push_back({{"https", host, 443, ""}, 1});
      }
      upstream.strategies = {Strategy::kSocket, Strategy::kFetch};
      upstream.retry = {.attempts = 4,
                        .statuses = {429, 500, 502, 503, 504, 529},
                        .backoff = milliseconds(250),
                        .backoff_most = seconds(8),
                        .within = seconds(60),
                        .budget_percent = limits::kRetryBudgetPercent,
                        .budget_least = limits::kRetryBudgetLeast};
      upstream.breaker = {.on = true,
                          .consecutive_failures = 5,
                          .error_percent = 50,
                          .requests_least = 20,
                          .window = seconds(30),
                          .open = seconds(5),
                          .ejected_percent_most = limits::kBreakerEjectedPercent};
      upstream.concurrency = {
          .most = 10000, .least = 8, .fixed = false, .queue = 1000, .queue_age = seconds(5)};
      health_[u] = board_.join(upstream);
      KeyPool pool;
      pool.upstream = upstream.name;
      pool.rest = limits::kKeyRest;
      pool.isolation = limits::kKeyIsolation;
      for (size_t k = 0; k < kKeysOfEach; ++k) {
        pool.keys.emplace_back("sk-" + upstream.name + "-" + std::to_string(100000 + k));
      }
      pools_[u] = ring_.pool(pool);
      targets_[u].resize(kTargets[u]);
      keys_[u].resize(kKeysOfEach);
    }
    routes_.push_back(route({{0, 3}, {1, 1}}, {4}));
    routes_.push_back(route({{2, 1}}, {3, 4}));
    routes_.push_back(route({{3, 1}, {4, 1}}, {0}));
    routes_.push_back(route({{0, 1}}, {}));  // with nowhere else to go
  }

  static Route route(const std::vector<std::pair<size_t, uint32_t>>& to,
                     const std::vector<size_t>& fallback) {
    const auto destination = [](size_t upstream, uint32_t weight) {
      Destination out;
      out.upstream = std::string(1, static_cast<char>('a' + upstream));
      out.weight = weight;
      return out;
    };
    Route out;
    for (const auto& [upstream, weight] : to) out.to.push_back(destination(upstream, weight));
    for (const size_t upstream : fallback) out.fallback.push_back(destination(upstream, 1));
    return out;
  }

  static size_t index_of(const Upstream& upstream) {
    return static_cast<size_t>(upstream.name[0] - 'a');
  }
  bool chance(double probability) {
    return static_cast<double>(world_random_.below(1'000'000)) < probability * 1e6;
  }
  Duration between(Duration least, Duration most) {
    const auto span = static_cast<uint64_t>((most - least).count());
    return least + Duration(static_cast<int64_t>(world_random_.below(span)));
  }
  Duration exponential(Duration mean) {
    const double u = (static_cast<double>(world_random_.below(1'000'000)) + 0.5) / 1e6;
    return std::chrono::duration_cast<Duration>(mean * -std::log(u));
  }

  // --- Faults: at random times of the day, each for some minutes.
  void fault(size_t u,
             const std::string& what,
             int times,
             Duration least,
             Duration most,
             const std::function<void(Duration)>& begin) {
    for (int i = 0; i < times; ++i) {
      const Duration length = between(least, most);
      const size_t number = figures_.outages.size();
      figures_.outages.push_back({upstreams_[u].name + " " + what, false, {}});
      events_.in(between(Duration::zero(), kDay - most), [this, u, number, begin, length] {
        ++faults_;
        present_[u].push_back(number);
        begin(length);
        events_.in(length, [this, u, number] {
          --faults_;
          std::erase(present_[u], number);
          figures_.outages[number].over = true;
        });
      });
    }
  }

  void count_call(size_t u, Request& request) {
    const bool first = !std::exchange(request.called[u], true);
    const auto add = [first](Traffic& traffic) {
      traffic.requests += first;
      ++traffic.calls;
    };
    add(figures_.of_upstream[u]);
    for (const size_t number : present_[u]) add(figures_.outages[number].traffic);
    ++figures_.calls;
    figures_.outage_calls += request.outage;
    figures_.dark_calls += request.dark;
  }

  void count(int* what, Duration length) {
    ++*what;
    events_.in(length, [what] { --*what; });
  }

  void plan_faults() {
    const std::array<std::pair<const char*, int TargetWorld::*>, 6> kinds = {
        {{"refuses", &TargetWorld::refuses},
         {"swallows", &TargetWorld::swallows},
         {"errs", &TargetWorld::errs},
         {"hangs up", &TargetWorld::hangs_up},
         {"slow", &TargetWorld::slow},
         {"no socket", &TargetWorld::no_socket}}};
    for (size_t u = 0; u < kUpstreams; ++u) {
      for (TargetWorld& target : targets_[u]) {
        for (const auto& [name, kind] : kinds) {
          fault(u, name, 2, minutes(2), minutes(20),
                [this, &target, kind = kind](Duration length) { count(&(target.*kind), length); });
        }
      }
      for (const auto kind : {&TargetWorld::refuses, &TargetWorld::errs}) {
        fault(u, "down as a whole", 2, minutes(5), minutes(30), [this, u, kind](Duration length) {
          count(&dark_[u], length);
          for (TargetWorld& target : targets_[u]) count(&(target.*kind), length);
        });
      }
      for (const bool refused : {false, true}) {
        fault(u, refused ? "keys refused" : "keys limited", 6, minutes(1), minutes(15),
              [this, u, refused](Duration length) { break_keys(u, refused, length); });
      }
    }
  }

  // A third of an upstream's keys, or at times all of them.
  void break_keys(size_t upstream, bool refused, Duration length) {
    const Instant until = events_until(length);
    const double share = chance(0.2) ? 1 : 0.3;
    for (KeyWorld& key : keys_[upstream]) {
      if (!chance(share)) continue;
      Instant& end = refused ? key.refused_until : key.limited_until;
      end = std::max(end, until);
      key.awaited = std::max({key.limited_until, key.refused_until});
    }
  }
  Instant events_until(Duration length) const { return clock_.now() + length; }

  // --- Requests
  void arrive() {
    const Instant begin = clock_.now();
    if (begin - started_ > kDay + kEvening) return;
    events_.in(exponential(std::chrono::duration_cast<Duration>(
                   std::chrono::duration<double>(1 / kRequestsPerSecond))),
               [this] { arrive(); });
    for (size_t u = 0; u < kUpstreams; ++u) {
      if (!answers_well(u)) down_at_[u] = begin;
    }
    const Route& route = routes_[world_random_.below(routes_.size())];
    Stops stops;
    bool servable = false;
    bool dark = false;
    for (const Destination* to : in_order_of_preference(route, std::nullopt, random_)) {
      const size_t u = static_cast<size_t>(to->upstream[0] - 'a');
      stops.push_back({to, &upstreams_[u], health_[u], upstreams_[u].retry});
      servable = servable || oracle_serves(u);
      dark = dark || dark_[u] > 0;
    }
    auto request =
        std::make_shared<Request>(*this, Course(clock_, random_, true, std::move(stops)));
    request->servable = servable;
    request->outage = faults_ > 0;
    request->dark = dark;
    request->lone = route.to.size() + route.fallback.size() == 1;
    figures_.lone_servable += servable && request->lone;
    ++figures_.requests;
    figures_.servable += servable;
    figures_.outage_requests += request->outage;
    figures_.dark_requests += dark;
    request->way.begin();
    enter(request);
  }

  bool answers_well(size_t u) const {
    return std::any_of(targets_[u].begin(), targets_[u].end(), [](const TargetWorld& target) {
      return target.may_answer() && target.errs == 0;
    });
  }

  bool oracle_serves(size_t u) const {
    const auto answers = [](const TargetWorld& target) { return target.may_answer(); };
    const auto works = [this](const KeyWorld& key) { return key.taken(clock_.now()); };
    return dark_[u] == 0 && std::any_of(targets_[u].begin(), targets_[u].end(), answers) &&
           std::any_of(keys_[u].begin(), keys_[u].end(), works);
  }

  void enter(const Held& request) {
    const Stop& stop = *request->way.step().stop;
    auto entry = stop.health->concurrency().enter(
        stop.upstream->concurrency, Priority::kNormal,
        [this](std::function<void()> task) { events_.in({}, std::move(task)); }, *request);
    if (!entry) return judged(request, Ending::broken(std::move(entry).error()), {});
    if (entry->slot) return request->on_slot(std::move(*entry->slot));
    request->wait = std::move(entry->wait);
    request->waiting = request;
    events_.in(stop.upstream->concurrency.queue_age,
               [request, &stop] { stop.health->concurrency().expire(stop.upstream->concurrency); });
  }

  void call(const Held& request) {
    const size_t u = index_of(*request->way.step().stop->upstream);
    if (!request->lease) {
      auto lease = pools_[u]->choose(request->tried[u], {});
      if (!lease) return judged(request, Ending::broken(std::move(lease).error()), {});
      request->lease = std::move(*lease);
    }
    count_call(u, *request);
    const auto [delay, ending] = answer_of(request);
    events_.in(delay, [this, request, told = ending] { came(request, told); });
  }

  static Ending broken(Stage stage, Code code, Retry retry) {
    return Ending::broken(Error::upstream(code, stage, retry, {}));
  }

  std::pair<Duration, Ending> answer_of(const Held& request) {
    const Course::Step& step = request->way.step();
    const size_t u = index_of(*step.stop->upstream);
    const TargetWorld& target = targets_[u][step.target];
    const KeyWorld& key = keys_[u][request->lease->index()];
    const Instant now = clock_.now();
    if (target.refuses > 0) {
      return {milliseconds(1),
              broken(Stage::kConnect, Code::kConnectFailed, Retry::kOtherUpstream)};
    }
    if (target.swallows > 0) {
      return {limits::kConnectTimeout,
              broken(Stage::kConnect, Code::kConnectTimeout, Retry::kOtherUpstream)};
    }
    if (target.no_socket > 0 && step.strategy == Strategy::kSocket) {
      return {milliseconds(5), broken(Stage::kTls, Code::kTlsFailed, Retry::kOtherUpstream)};
    }
    if (target.hangs_up > 0) {
      return {milliseconds(50), broken(Stage::kFirstByte, Code::kUpstreamClosed, Retry::kNever)};
    }
    if (target.errs > 0 && (dark_[u] > 0 || chance(0.8))) {
      return {milliseconds(80), Ending::answer(chance(0.5) ? 503 : 500)};
    }
    if (key.refused_until > now) return {milliseconds(60), Ending::answer(401, {}, true)};
    if (key.limited_until > now) {
      return {milliseconds(60), Ending::answer(429, key.limited_until - now, true)};
    }
    return {exponential(seconds(target.slow > 0 ? 15 : 1)), Ending::answer(200)};
  }

  void came(const Held& request, const Ending& ending) {
    const size_t u = index_of(*request->way.step().stop->upstream);
    Progress progress{.exposed = !ending.error || ending.error->stage == Stage::kFirstByte};
    request->slot->report(ending.error ? load_of_error(*ending.error)
                                       : load_of_status(ending.status));
    if (ending.key_refused) {
      const bool limited = ending.status == 429;
      request->lease->report(limited ? KeyVerdict::kRateLimited : KeyVerdict::kRefused,
                             ending.retry_after);
      request->tried[u].push_back(request->lease->index());
      request->lease.reset();
      progress.other_key = request->tried[u].size() < std::min(pools_[u]->size(),
                                                               limits::kKeyTries);
    } else if (ending.status == 200) {
      request->lease->report(KeyVerdict::kGood);
      note_key(u, keys_[u][request->lease->index()]);
    }
    judged(request, ending, progress);
  }

  void note_key(size_t u, KeyWorld& key) {
    if (!key.awaited || clock_.now() < *key.awaited) return;
    key.awaited = std::max(*key.awaited, down_at_[u]);  // nobody can use a key of one that is down
    figures_.longest_key_wait =
        std::max<Duration>(figures_.longest_key_wait, clock_.now() - *key.awaited);
    key.awaited.reset();
  }

  void judged(const Held& request, const Ending& ending, const Progress& progress) {
    const Upstream* before = request->way.step().stop->upstream;
    const Decision decision = request->way.judge(ending, progress);
    request->slot.reset();
    if (request->way.step().stop->upstream != before) request->lease.reset();
    if (decision.next == Next::kDone) {
      request->lease.reset();
      ++figures_.ended;
      const bool well = ending.status == 200;
      figures_.served += well;
      figures_.served_servable += well && request->servable;
      figures_.lone_served += well && request->servable && request->lone;
      // Sent, and never answered: nobody may repeat it.
      const bool lost = request->servable && ending.error && progress.exposed;
      figures_.lost += lost;
      figures_.lone_lost += lost && request->lone;
      return;
    }
    events_.in(decision.pause, [this, request] { enter(request); });
  }

  FakeClock clock_;
  const Instant started_ = clock_.now();
  SeededRandom random_;        // of what is tested
  SeededRandom world_random_;  // of what it meets
  Events events_{clock_};
  HealthBoard board_{clock_};
  KeyRing ring_{clock_, random_};
  std::array<Upstream, kUpstreams> upstreams_;
  std::array<std::shared_ptr<const UpstreamHealth>, kUpstreams> health_;
  std::array<std::shared_ptr<const KeyPoolState>, kUpstreams> pools_;
  std::array<std::vector<TargetWorld>, kUpstreams> targets_;
  std::array<std::vector<KeyWorld>, kUpstreams> keys_;
  std::array<int, kUpstreams> dark_{};
  std::array<Instant, kUpstreams> down_at_{};
  std::vector<Route> routes_;
  int faults_ = 0;
  std::array<std::vector<size_t>, kUpstreams> present_;  // outages, by number
  Figures figures_;
};

double share(uint64_t part, uint64_t whole) {
  return static_cast<double>(part) / static_cast<double>(std::max<uint64_t>(1, whole));
}

class SimulationTest : public testing::TestWithParam<uint64_t> {
 protected:
  void SetUp() override { log::set_level(log::Level::kError); }
  void TearDown() override { log::set_level(log::Level::kInfo); }
};

void expect_no_storm(const std::vector<Outage>& outages) {
  const Outage* worst = nullptr;
  size_t telling = 0;
  for (const Outage& outage : outages) {
    EXPECT_TRUE(outage.over) << outage.what;
    if (outage.traffic.requests < kTellingRequests) continue;
    ++telling;
    EXPECT_LE(outage.traffic.amplification(), kAmplificationMost)
        << outage.what << ": " << outage.traffic.requests << " requests";
    const bool worse = worst == nullptr || outage.traffic.amplification() >
                                               worst->traffic.amplification();
    if (worse) worst = &outage;
  }
  ASSERT_NE(worst, nullptr);
  EXPECT_GT(telling, outages.size() / 2);
  testing::Test::RecordProperty("outages", std::to_string(outages.size()));
  testing::Test::RecordProperty("telling_outages", std::to_string(telling));
  testing::Test::RecordProperty("worst_outage", worst->what);
  testing::Test::RecordProperty("worst_outage_requests", std::to_string(worst->traffic.requests));
  testing::Test::RecordProperty("amplification_in_the_worst_outage",
                                std::to_string(worst->traffic.amplification()));
}

TEST_P(SimulationTest, ADay) {
  Simulation simulation(GetParam());
  const Figures day = simulation.run();
  const double success = share(day.served_servable, day.servable);
  const double lone = share(day.lone_served, day.lone_servable - day.lone_lost);
  const double success_of_repeatable =
      share(day.served_servable - day.lone_served,
            day.servable - day.lost - (day.lone_servable - day.lone_lost));
  const double amplification = share(day.outage_calls, day.outage_requests);
  const double dark = share(day.dark_calls, day.dark_requests);
  RecordProperty("requests", std::to_string(day.requests));
  RecordProperty("success_of_servable", std::to_string(success));
  RecordProperty("lost_without_an_answer", std::to_string(day.lost));
  RecordProperty("success_of_repeatable", std::to_string(success_of_repeatable));
  RecordProperty("success_of_repeatable_without_fallback", std::to_string(lone));
  RecordProperty("servable", std::to_string(share(day.servable, day.requests)));
  RecordProperty("served", std::to_string(share(day.served, day.requests)));
  RecordProperty("requests_in_outages", std::to_string(day.outage_requests));
  RecordProperty("amplification_in_outages", std::to_string(amplification));
  RecordProperty("requests_in_whole_outages", std::to_string(day.dark_requests));
  RecordProperty("amplification_in_whole_outages", std::to_string(dark));
  RecordProperty("longest_key_wait_s", std::to_string(culvert::seconds(day.longest_key_wait)));
  EXPECT_EQ(day.ended, day.requests);
  EXPECT_GT(day.outage_requests, day.requests / 3);
  EXPECT_GT(day.dark_requests, 1000U);
  EXPECT_GE(success, 0.99);
  EXPECT_GE(lone, 0.98);  // the budget lets some fail that had nowhere else to go
  EXPECT_GE(success_of_repeatable, 0.998);  // the lowest of 24 seeds
  EXPECT_LE(amplification, kAmplificationMost);
  EXPECT_LE(dark, kAmplificationMost);
  for (size_t u = 0; u < kUpstreams; ++u) {
    const Traffic& traffic = day.of_upstream[u];
    const std::string name = std::string("calls_for_a_request_to_") + static_cast<char>('a' + u);
    RecordProperty(name, std::to_string(traffic.amplification()));
    EXPECT_GT(traffic.requests, 10'000U) << name;
    EXPECT_LE(traffic.amplification(), kAmplificationMost) << name;
  }
  expect_no_storm(day.outages);
  // An isolated key is tested when its time is up, by the next request that it is the turn of.
  EXPECT_LE(day.longest_key_wait, limits::kKeyIsolation + minutes(2));
  simulation.expect_all_back();
}

INSTANTIATE_TEST_SUITE_P(Seeds, SimulationTest, testing::Values(1, 2, 3));

}  // namespace
}  // namespace culvert
