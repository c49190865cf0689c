// Choosing, judging, setting aside.
#include "relay/flow/paying_key.h"

#include "relay/base/limits.h"
#include "relay/keys/retry_hints.h"

#include <algorithm>

namespace culvert {
namespace {

// The body of a 429 is read this far for a hint when to come again.
constexpr size_t kRefusalBody = 64 * 1024;

}  // namespace

PayingKey::PayingKey(WorkerServices& services, const Table& table)
    : services_(services), table_(table) {}

Result<void> PayingKey::choose(const Asked& asked) {
  const auto& own = asked.credentials.own_keys;
  upstream_ = asked.upstream;
  configured_ = asked.payer == Payer::kPool;
  if (pool_ == nullptr && asked.payer == Payer::kPool) pool_ = table_.pool(upstream_);
  if (pool_ == nullptr && asked.payer == Payer::kOwn && own.size() > 1) {
    pool_ = table_.keys().callers_pool(upstream_, own, limits::kKeyRest, limits::kKeyIsolation);
  }
  if (pool_ != nullptr) {
    lease_ = CULVERT_TRY(pool_->choose(tried_, asked.sticky));
    masked_ = lease_->masked();
  } else if (asked.payer == Payer::kOwn) {
    masked_ = own.front().masked();
  }
  return {};
}

PayingKey::Verdict PayingKey::judge(const ResponseHead& head) {
  if (!lease_) return Verdict::kPass;
  if (head.status == 429) {
    refusal_ = head;
    return Verdict::kReadRefusal;
  }
  if (head.status == 401 || head.status == 403) {
    lease_->report(KeyVerdict::kRefused, {});
    count("refused");
    return Verdict::kRefused;
  }
  if (head.status < 500) {
    lease_->report(KeyVerdict::kGood, {});
    count("good");
  } else {
    count("upstream_error");
  }
  return Verdict::kPass;
}

bool PayingKey::keep(std::string_view bytes) {
  refusal_body_.append(
      bytes.substr(0, kRefusalBody - std::min(kRefusalBody, refusal_body_.size())));
  return refusal_body_.size() >= kRefusalBody;
}

void PayingKey::set_aside() {
  if (refusal_) {
    const auto wait = retry_wait(refusal_->headers, refusal_body_, services_.clock.wall());
    lease_->report(KeyVerdict::kRateLimited, wait);
    count("rate_limited");
    refusal_.reset();
    refusal_body_.clear();
  }
  tried_.push_back(lease_->index());
  lease_.reset();
}

void PayingKey::count(std::string_view verdict) {
  if (!configured_) return;  // callers' keys would be labels without end
  services_.metrics.count_key(upstream_, masked_, verdict);
}

}  // namespace culvert
