// A strategy gets two tries at the most: a pooled connection may have died.
#include "relay/flow/key_check.h"

#include "relay/base/limits.h"
#include "relay/codec/error_body.h"
#include "relay/flow/plan.h"
#include "relay/route/route_table.h"

#include <algorithm>

namespace culvert {
namespace {

using Status = KeyCheckResult::Status;

// A refusal is read so far; what is well is read on so that its connection can be used again.
constexpr size_t kRefusalBytes = 64 * 1024;
constexpr size_t kListBytes = 1024 * 1024;
constexpr std::string_view kAnthropicVersion = "2023-06-01";

// What a client that has only the key would send.
RequestHead request_of(const Upstream& upstream) {
  RequestHead head;
  head.method = "GET";
  head.headers.add("Accept", "application/json");
  if (upstream.dialect == Dialect::kAnthropic) {
    head.headers.add("anthropic-version", kAnthropicVersion);
  }
  return head;
}

const char* words_of(RefusalKind kind) {
  switch (kind) {
    case RefusalKind::kNone:
    case RefusalKind::kOtherKey:
      return "the upstream does not let this key list its models from here";
    case RefusalKind::kRate:
      return "rate limited";
    case RefusalKind::kQuota:
      return "its quota is used up";
    case RefusalKind::kBilling:
      return "no credit, or billing is not active";
    case RefusalKind::kSuspended:
      return "suspended by the upstream";
    case RefusalKind::kInvalid:
      return "not a valid key";
    case RefusalKind::kUnknown:
      return "refused by the upstream";
  }
  return "";
}

bool connecting(Stage stage) {
  return stage == Stage::kResolve || stage == Stage::kConnect || stage == Stage::kTls;
}

Status status_of(RefusalKind kind) {
  const bool bad = kind == RefusalKind::kBilling || kind == RefusalKind::kSuspended ||
                   kind == RefusalKind::kInvalid || kind == RefusalKind::kUnknown;
  return bad ? Status::kBad : Status::kError;
}

}  // namespace

std::string_view to_string(KeyCheckResult::Status status) {
  switch (status) {
    case Status::kGood:
      return "GOOD";
    case Status::kBad:
      return "BAD";
    case Status::kError:
      return "ERROR";
  }
  return "ERROR";
}

ProbeResult probe_result(const KeyCheckResult& result) {
  switch (result.status) {
    case Status::kGood:
      return ProbeResult::kGood;
    case Status::kBad:
      return ProbeResult::kBad;
    case Status::kError:
      break;
  }
  // Whose rate is limited is known.
  const bool known = result.kind == RefusalKind::kRate || result.kind == RefusalKind::kQuota;
  return known ? ProbeResult::kGood : ProbeResult::kUnknown;
}

std::string key_check_path(const Upstream& upstream, const Url& target) {
  if (!upstream.health_check.path.empty()) return upstream.health_check.path;
  switch (upstream.dialect) {
    case Dialect::kGemini:
      return "/v1beta/models?pageSize=1";
    case Dialect::kAnthropic:
      return "/v1/models?limit=1";
    case Dialect::kOpenAi:
      // OpenRouter lists its models for everybody; only this asks for the key.
      if (target.host == "openrouter.ai") return "/v1/key";
      return target.path.ends_with("/v1") ? "/models" : "/v1/models";
    case Dialect::kOpaque:
      break;
  }
  return {};
}

KeyCheck::KeyCheck(WorkerServices& services, KeyCheckOrder order, KeyCheckSink& sink)
    : services_(services),
      order_(std::move(order)),
      sink_(&sink),
      masked_(order_.key.masked()),
      timer_(services.loop, [this] { timer_fired(); }) {}

KeyCheck::~KeyCheck() { stop(); }

void KeyCheck::start() {
  std::vector<uint32_t> weights;
  for (const Target& target : order_.upstream.targets) weights.push_back(target.weight);
  const size_t chosen = pick_weighted(weights, services_.random);
  target_ = order_.upstream.targets[chosen].url;
  health_ = order_.table->health(order_.upstream.name);
  trial_ = health_->target(chosen).strategies.begin(order_.upstream.strategies);
  Duration most = order_.upstream.health_check.timeout;
  if (most <= Duration::zero()) most = limits::kKeyCheckTimeout;
  if (order_.most > Duration::zero()) most = std::min(most, order_.most);
  timer_.start(most);
  attempt(false);
}

void KeyCheck::attempt(bool fresh) {
  fresh_ = fresh;
  const RequestHead request = request_of(order_.upstream);
  const Where nowhere;
  const Asked asked{*order_.table, request, nowhere};
  Heading heading;
  heading.alias = order_.upstream.name;
  heading.upstream = &order_.upstream;
  heading.path = key_check_path(order_.upstream, target_);
  heading.timeouts = order_.upstream.timeouts;
  heading.payer = Payer::kPool;  // the key goes where one of a pool goes
  AttemptPlan plan = plan_of({asked, heading, target_, &order_.key});
  plan.exchange.fresh = fresh;
  set_way(trial_->current(), order_.exit, &plan);
  attempt_ =
      std::make_unique<Attempt>(services_, std::move(plan), static_cast<AttemptSink&>(*this));
  attempt_->start();
}

void KeyCheck::stop() {
  timer_.stop();
  end_attempt();
}

void KeyCheck::end_attempt() {
  if (attempt_ == nullptr) return;
  attempt_->stop();
  services_.loop.retire(std::move(attempt_));
}

void KeyCheck::on_connected() {
  // From inside of attempt_->start(), the pointer is set already.
  attempt_->end_body();
}

void KeyCheck::on_head(const ResponseHead& head) {
  head_ = head;
  trial_->worked();
}

void KeyCheck::on_body(std::string_view bytes) {
  read_ += bytes.size();
  if (!is_well(head_->status)) {
    body_.append(bytes.substr(0, kRefusalBytes - std::min(kRefusalBytes, body_.size())));
  }
  if (read_ > kListBytes) conclude(judged());
}

void KeyCheck::on_end() { conclude(judged()); }

void KeyCheck::on_attempt_failed(Error error) {
  if (head_) return conclude(judged());  // its status is known
  if (error.retry == Retry::kFreshConnection && !fresh_) {
    end_attempt();
    return attempt(true);
  }
  if (connecting(error.stage) && trial_->another()) {
    end_attempt();
    trial_->next();
    return attempt(false);
  }
  conclude({Status::kError, error_message(error), RefusalKind::kNone, 0});
}

bool KeyCheck::is_well(int status) const {
  const auto& statuses = order_.upstream.health_check.statuses;
  if (statuses.empty()) return status >= 200 && status < 300;
  return std::find(statuses.begin(), statuses.end(), status) != statuses.end();
}

KeyCheckResult KeyCheck::judged() const {
  const int status = head_->status;
  if (is_well(status)) return {Status::kGood, {}, RefusalKind::kNone, status};
  if (!may_refuse_key(status, head_->headers)) {
    return {Status::kError, "the upstream answered " + std::to_string(status), RefusalKind::kNone,
            status};
  }
  const KeyRefusal refusal =
      classify_refusal(status, head_->headers, body_, services_.clock.wall());
  std::string words = words_of(refusal.kind);
  if (refusal.kind == RefusalKind::kNone && status == 400) {
    words = "the upstream answered " + std::to_string(status);
  }
  return {status_of(refusal.kind), std::move(words), refusal.kind, status};
}

void KeyCheck::conclude(KeyCheckResult result) {
  if (result_) return;
  result_ = std::move(result);
  end_attempt();
  timer_.start(Duration::zero());
}

void KeyCheck::timer_fired() {
  if (!result_) {
    end_attempt();
    result_ = KeyCheckResult{Status::kError, "the upstream did not answer in time",
                             RefusalKind::kNone, 0};
  }
  sink_->on_key_checked(*this, *result_);
}

}  // namespace culvert
