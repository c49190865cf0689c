// Choosing, judging, setting aside.
#include "relay/flow/paying_key.h"

#include "relay/base/limits.h"

#include <algorithm>

namespace culvert {
namespace {

// What of a refusal is read to find out what it is about. Vendors' have 2 KiB.
constexpr size_t kRefusalBody = 64 * 1024;

}  // namespace

PayingKey::PayingKey(WorkerServices& services, const Table& table)
    : services_(services), table_(table) {}

// Another destination has other keys, of which none was tried.
void PayingKey::find_pool(const Asked& asked) {
  if (upstream_ != asked.upstream || destinations_pool_ != asked.pool) {
    pool_ = nullptr;
    tried_.clear();
    masked_.clear();
  }
  upstream_ = asked.upstream;
  destinations_pool_ = asked.pool;
  configured_ = asked.payer == Payer::kPool;
  if (pool_ != nullptr) return;
  const auto& own = asked.credentials.own_keys;
  if (configured_) pool_ = table_.pool(upstream_, asked.pool);
  if (asked.payer == Payer::kOwn && own.size() > 1) {
    pool_ = table_.keys().callers_pool(upstream_, own, limits::kKeyRest, limits::kKeyIsolation);
  }
}

bool PayingKey::sticky(const Asked& asked) {
  find_pool(asked);
  return pool_ != nullptr && pool_->sticky();
}

Result<void> PayingKey::choose(const Asked& asked) {
  find_pool(asked);
  if (pool_ != nullptr) {
    lease_ = CULVERT_TRY(pool_->choose({tried_, asked.conversation, asked.model}));
    masked_ = lease_->masked();
  } else if (asked.payer == Payer::kOwn) {
    masked_ = asked.credentials.own_keys.front().masked();
  }
  return {};
}

bool PayingKey::another() const {
  const size_t most = configured_ ? limits::kKeyTries : limits::kCallersKeyTries;
  return pool_ != nullptr && tried_.size() + 1 < std::min(pool_->size(), most);
}

PayingKey::Verdict PayingKey::judge(const ResponseHead& head) {
  if (!lease_) return Verdict::kPass;
  if (may_refuse_key(head.status, head.headers)) {
    refusal_ = Kept{head, {}};
    return Verdict::kReadRefusal;
  }
  if (head.status < 500) {
    lease_->report(KeyVerdict::kGood);
    count("good");
  } else {
    count("upstream_error");
  }
  return Verdict::kPass;
}

bool PayingKey::keep(std::string_view bytes) {
  refusal_->body.append(bytes);
  return refusal_->body.size() >= kRefusalBody;
}

PayingKey::Verdict PayingKey::conclude() {
  kept_ = std::exchange(refusal_, std::nullopt);
  const std::string_view body = std::string_view(kept_->body).substr(0, kRefusalBody);
  last_ = classify_refusal(kept_->head.status, kept_->head.headers, body, services_.clock.wall());
  lease_->report(last_);
  count(last_.kind == RefusalKind::kNone ? "good" : to_string(last_.kind));
  return last_.kind == RefusalKind::kNone ? Verdict::kPass : Verdict::kRefused;
}

void PayingKey::set_aside() {
  tried_.push_back(lease_->index());
  lease_.reset();
}

void PayingKey::count_tokens(uint64_t tokens) {
  if (lease_) lease_->count_tokens(tokens);
}

void PayingKey::count(std::string_view verdict) {
  if (!configured_) return;  // callers' keys would be labels without end
  services_.metrics.count_key(upstream_, masked_, verdict);
}

}  // namespace culvert
