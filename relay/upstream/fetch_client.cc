// Lanes come with their first exchange and go when they were idle for long or others need the room.
#include "relay/upstream/fetch_client.h"

#include "relay/base/limits.h"
#include "relay/base/log.h"
#include "relay/upstream/fetch_exchange.h"
#include "relay/upstream/fetch_lane.h"

#include <utility>

namespace culvert {
namespace {

// Once for the process, and never undone: threads of other libraries use OpenSSL too.
void start_curl() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (started != CURLE_OK) log::error("libcurl does not start");
}

}  // namespace

FetchClient::FetchClient(Loop& loop, Resolver& resolver, const Clock& clock)
    : loop_(loop),
      resolver_(resolver),
      clock_(clock),
      deliver_timer_(loop, [this] { deliver(); }),
      sweep_timer_(loop, [this] { sweep(); }) {
  start_curl();
}

FetchClient::~FetchClient() = default;

size_t FetchClient::idle() const {
  size_t all = 0;
  for (const auto& lane : lanes_) all += lane.second->idle_sockets();
  return all;
}

Result<FetchLane*> FetchClient::take_lane(const ConnectPlan& plan) {
  const std::string identity = plan.identity();
  auto found = lanes_.find(identity);
  if (found == lanes_.end()) {
    if (lanes_.size() >= limits::kFetchLanes && !drop_oldest_idle()) {
      return Error::ours(Code::kOverloaded, Stage::kConnect, "too many kinds of connections");
    }
    auto lane = std::make_unique<FetchLane>(*this, loop_, plan.trust);
    found = lanes_.emplace(identity, std::move(lane)).first;
  }
  FetchLane& lane = *found->second;
  if (lane.users >= limits::kFetchesPerLane) {
    return Error::ours(Code::kOverloaded, Stage::kConnect, "too many requests to one upstream");
  }
  ++lane.users;
  return &lane;
}

void FetchClient::release(FetchLane& lane) {
  --lane.users;
  lane.last_used = clock_.now();
  while (idle() > limits::kPooledInAll && drop_oldest_idle()) {
  }
  if (!sweep_timer_.running()) sweep_timer_.start(limits::kPooledIdleTimeout / 4);
}

bool FetchClient::drop_oldest_idle() {
  auto oldest = lanes_.end();
  for (auto one = lanes_.begin(); one != lanes_.end(); ++one) {
    if (!one->second->unused()) continue;
    if (oldest == lanes_.end() || one->second->last_used < oldest->second->last_used) oldest = one;
  }
  if (oldest == lanes_.end()) return false;
  loop_.retire(std::move(oldest->second));
  lanes_.erase(oldest);
  return true;
}

void FetchClient::sweep() {
  const Instant oldest = clock_.now() - limits::kPooledIdleTimeout;
  for (auto one = lanes_.begin(); one != lanes_.end();) {
    const bool old = one->second->unused() && one->second->last_used <= oldest;
    if (old) loop_.retire(std::move(one->second));
    one = old ? lanes_.erase(one) : std::next(one);
  }
  if (!lanes_.empty()) sweep_timer_.start(limits::kPooledIdleTimeout / 4);
}

void FetchClient::note(FetchExchange& exchange) {
  if (std::exchange(exchange.noted_, true)) return;
  (last_ready_ == nullptr ? first_ready_ : last_ready_->next_ready_) = &exchange;
  last_ready_ = &exchange;
  if (!delivering_) deliver_timer_.start(Duration::zero());
}

void FetchClient::forget(FetchExchange& exchange) {
  if (!std::exchange(exchange.noted_, false)) return;
  FetchExchange* before = nullptr;
  FetchExchange** link = &first_ready_;
  while (*link != &exchange) {
    before = *link;
    link = &before->next_ready_;
  }
  *link = std::exchange(exchange.next_ready_, nullptr);
  if (last_ready_ == &exchange) last_ready_ = before;
}

void FetchClient::deliver() {
  if (delivering_) return;
  struct Mark {
    explicit Mark(bool& flag) : flag_(flag) { flag_ = true; }
    ~Mark() { flag_ = false; }
    bool& flag_;
  } const delivering(delivering_);
  while (first_ready_ != nullptr) {
    FetchExchange& exchange = *first_ready_;
    forget(exchange);
    exchange.deliver();
  }
}

}  // namespace culvert
