// One way after the other, each with a connection of its own; the first that reaches the target
// decides.
#include "relay/flow/target_check.h"

#include "relay/base/limits.h"
#include "relay/codec/error_body.h"
#include "relay/flow/key_check.h"
#include "relay/flow/plan.h"

#include <algorithm>
#include <utility>

namespace culvert {
namespace {

// What is well is read so far, so that its connection can be used again.
constexpr size_t kAnswerBytes = 256 * 1024;
constexpr size_t kErrorBytes = 200;  // of words that go into pages and reports

RequestHead request_of(const Upstream& upstream) {
  RequestHead head;
  head.method = "GET";
  head.headers.add("Accept", "application/json");
  if (upstream.dialect == Dialect::kAnthropic) {
    head.headers.add("anthropic-version", "2023-06-01");
  }
  return head;
}

bool goes_through_relays(const Upstream& upstream) {
  return std::any_of(upstream.strategies.begin(), upstream.strategies.end(),
                     [](const Strategy& one) { return one.is_via(); });
}

bool refuses_who_asks(int status) {
  return status == 401 || status == 402 || status == 403 || status == 407 || status == 429;
}

// An upstream may have put any byte into it.
std::string plain(std::string text) {
  text.resize(std::min(text.size(), kErrorBytes));
  std::replace_if(text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

// A look-up and a connection are the same whichever strategy makes them, but for a proxy's and
// another relay's.
bool way_failed(const Error& error, const Upstream& upstream) {
  if (!upstream.egress_proxy.empty()) return false;  // then there is one way only
  if (goes_through_relays(upstream)) return true;
  return error.stage == Stage::kTls || error.stage == Stage::kSend ||
         error.stage == Stage::kFirstByte;
}

StrategyMemory::Trial trial_of(const TargetCheckOrder& order) {
  const auto health = order.table->health(order.upstream.name);
  StrategyMemory& strategies = health->target(order.target).strategies;
  return order.of_way ? strategies.begin_early(order.upstream.strategies)
                      : strategies.begin(order.upstream.strategies);
}

}  // namespace

CheckCall check_call(const Upstream& upstream,
                     const Url& target,
                     const KeyPoolState* pool,
                     size_t turn) {
  const HealthCheckSettings& settings = upstream.health_check;
  CheckCall call;
  const size_t keys = pool == nullptr ? 0 : pool->size();
  const bool keys_are_tested = settings.keys && keys > 0;
  std::optional<size_t> ready;
  for (size_t step = 0; step < keys && !ready; ++step) {
    const size_t index = (turn + step) % keys;
    if (pool->health(index) == KeyHealth::kReady) ready = index;
  }
  if (ready) call.exit = pool->way_out(*ready);
  if (!keys_are_tested) {
    call.path = key_check_path(upstream, target);
    return call;
  }
  // By an egress proxy nothing can be seen of a target without asking it.
  const bool asks = !settings.path.empty() || !upstream.egress_proxy.empty();
  if (!asks || !ready) return call;
  call.path = key_check_path(upstream, target);
  if (!call.path.empty()) call.key = pool->key(*ready);
  return call;
}

bool answers_well(int status, const HealthCheckSettings& settings, bool keyed) {
  const auto& statuses = settings.statuses;
  if (!statuses.empty() && std::find(statuses.begin(), statuses.end(), status) != statuses.end()) {
    return true;
  }
  if (refuses_who_asks(status)) return keyed || statuses.empty();
  if (!statuses.empty()) return false;
  return settings.path.empty() ? status < 500 : status >= 200 && status < 300;
}

bool TargetCheck::possible(const Upstream& upstream, const CheckCall& call) {
  return upstream.egress_proxy.empty() || !call.path.empty();
}

bool TargetCheck::possible_of_way(const Upstream& upstream, const CheckCall& call) {
  return possible(upstream, call) &&
         (upstream.strategies.front() != Strategy::kFetch || !call.path.empty());
}

TargetCheck::TargetCheck(WorkerServices& services, TargetCheckOrder order, TargetCheckSink& sink)
    : services_(services),
      order_(std::move(order)),
      sink_(&sink),
      trial_(trial_of(order_)),
      timer_(services.loop, [this] { timer_fired(); }) {}

TargetCheck::~TargetCheck() { stop(); }

void TargetCheck::start() {
  const Duration most = order_.upstream.health_check.timeout;
  timer_.start(most > Duration::zero() ? most : Duration(limits::kHealthTimeout));
  attempt();
}

void TargetCheck::attempt() {
  finding_ = {};
  finding_.strategy = trial_.current();
  AttemptPlan made = plan();
  if (order_.call.path.empty()) {
    connecting_ = services_.connector.connect(made.exchange.connect, *this);
    return;
  }
  attempt_ =
      std::make_unique<Attempt>(services_, std::move(made), static_cast<AttemptSink&>(*this));
  attempt_->start();
}

AttemptPlan TargetCheck::plan() const {
  const RequestHead request = request_of(order_.upstream);
  const Where nowhere;
  const Asked asked{*order_.table, request, nowhere};
  const bool keyed = !order_.call.key.empty();
  Heading heading;
  heading.alias = order_.upstream.name;
  heading.upstream = &order_.upstream;
  heading.path = order_.call.path.empty() ? "/" : order_.call.path;
  heading.timeouts = order_.upstream.timeouts;
  heading.payer = keyed ? Payer::kPool : Payer::kNone;
  const Url& target = order_.upstream.targets[order_.target].url;
  AttemptPlan made = plan_of({asked, heading, target, keyed ? &order_.call.key : nullptr});
  set_way(trial_.current(), order_.call.exit, &made);
  made.exchange.connect.full_handshake = true;
  made.exchange.fresh = true;
  return made;
}

void TargetCheck::stop() {
  timer_.stop();
  end_attempt();
}

void TargetCheck::end_attempt() {
  if (connecting_ != nullptr) services_.loop.retire(std::move(connecting_));
  if (attempt_ == nullptr) return;
  attempt_->stop();
  services_.loop.retire(std::move(attempt_));
}

// Its channel is the caller: it closes with this object.
void TargetCheck::on_connection(Connection connection) {
  if (over_) return;
  finding_.legs = connection.legs;
  connection_ = std::move(connection);
  finding_.well = true;
  trial_.worked();
  conclude();
}

void TargetCheck::on_no_connection(Error error, const Legs& legs) {
  if (over_) return;
  finding_.legs = legs;
  failed(std::move(error));
}

void TargetCheck::on_connected() {
  asked_ = services_.clock.now();
  // From inside of attempt_->start(), the pointer is set already.
  attempt_->end_body();
}

void TargetCheck::on_head(const ResponseHead& head) {
  finding_.legs = attempt_->legs();
  finding_.first_byte = services_.clock.now() - asked_;
  finding_.status = head.status;
  const HealthCheckSettings& settings = order_.upstream.health_check;
  finding_.well = answers_well(head.status, settings, !order_.call.key.empty());
  trial_.worked();
  if (finding_.well) return;
  finding_.stage = Stage::kFirstByte;
  finding_.error = "the target answered " + std::to_string(head.status);
}

void TargetCheck::on_body(std::string_view bytes) {
  read_ += bytes.size();
  if (read_ > kAnswerBytes) conclude();
}

void TargetCheck::on_end() { conclude(); }

void TargetCheck::on_attempt_failed(Error error) {
  if (over_) return;
  if (finding_.status != 0) return conclude();  // it had answered
  finding_.legs = attempt_->legs();
  failed(std::move(error));
}

// What fetch can do is seen by a call alone.
bool TargetCheck::another_way() const {
  if (order_.of_way || !trial_.another()) return false;
  return !order_.call.path.empty() || goes_through_relays(order_.upstream);
}

void TargetCheck::failed(Error error) {
  if (order_.of_way) trial_.failed();
  if (way_failed(error, order_.upstream) && another_way()) {
    trial_.next();
    end_attempt();
    return attempt();
  }
  finding_.stage = error.stage == Stage::kNone ? Stage::kConnect : error.stage;
  finding_.error = plain(error_message(error));
  conclude();
}

void TargetCheck::conclude() {
  if (std::exchange(over_, true)) return;
  end_attempt();
  timer_.start(Duration::zero());
}

void TargetCheck::timer_fired() {
  if (!over_) {
    if (attempt_ != nullptr) finding_.legs = attempt_->legs();
    const bool asked = attempt_ != nullptr && attempt_->connected();
    over_ = true;
    end_attempt();
    if (order_.of_way) trial_.failed();
    if (finding_.status == 0) {
      finding_.stage = asked ? Stage::kFirstByte : Stage::kConnect;
      finding_.error = "the check took longer than its timeout";
    }
  }
  finding_.at = services_.clock.wall();
  sink_->on_target_checked(*this, finding_);
}

}  // namespace culvert
