// An order's keys are looked up when it comes, their upstream when each one's turn comes.
#include "relay/flow/key_tests.h"

#include "relay/base/limits.h"
#include "relay/config/key_id.h"

#include <algorithm>

namespace culvert {

using Status = KeyCheckResult::Status;

void KeyTests::begin(const KeyTestOrder& order) {
  cancel(order.request);
  const bool busy = orders_.size() >= limits::kKeyTestOrders;
  orders_.try_emplace(order.request);
  take(order);
  if (!busy) return advance(order.request);
  for (const Item& item : orders_.at(order.request).waiting) {
    fail(order.request, item, "this relay tests keys for others already; try again soon");
  }
  orders_.erase(order.request);
}

void KeyTests::take(const KeyTestOrder& order) {
  for (const KeyTestOrder::OfPool& wanted : order.pools) take_pool(order.request, wanted);
  Order& taken = orders_.at(order.request);
  for (const Secret& key : order.keys) {
    taken.waiting.push_back({{}, key_id(key.reveal()), order.upstream, key, nullptr, 0});
  }
}

void KeyTests::take_pool(uint64_t request, const KeyTestOrder::OfPool& wanted) {
  Order& taken = orders_.at(request);
  const auto& pools = services_.table->pools();
  const auto found = pools.find(wanted.pool);
  std::unordered_map<std::string, size_t> indices;
  for (size_t i = 0; found != pools.end() && i < found->second->size(); ++i) {
    indices.emplace(key_id(found->second->key(i).reveal()), i);
  }
  for (const std::string& id : wanted.ids) {
    Item item{wanted.pool, id, {}, {}, nullptr, 0};
    const auto at = indices.find(id);
    if (at == indices.end()) {
      fail(request, item,
           found == pools.end() ? "this relay has no such pool" : "this relay has no such key");
      continue;
    }
    item.upstream = found->second->upstream();
    item.key = found->second->key(at->second);
    item.state = found->second;
    item.index = at->second;
    taken.waiting.push_back(std::move(item));
  }
}

// What cannot be started is answered at once, so that its place is the next one's.
void KeyTests::advance(uint64_t request) {
  const auto found = orders_.find(request);
  Order& order = found->second;
  while (order.running < limits::kKeyChecksAtOnce && !order.waiting.empty()) {
    Item item = std::move(order.waiting.front());
    order.waiting.pop_front();
    start(request, std::move(item));
  }
  if (order.running == 0 && order.waiting.empty()) orders_.erase(found);
}

void KeyTests::start(uint64_t request, Item item) {
  const Upstream* upstream = services_.table->snapshot().upstream(item.upstream);
  if (upstream == nullptr) return fail(request, item, "this relay has no such upstream");
  if (key_check_path(*upstream, upstream->targets.front().url).empty()) {
    return fail(request, item, "no cheap call is known that would test a key of this upstream");
  }
  KeyCheckOrder order{services_.table, *upstream, item.key, {}, limits::kKeyTestMost};
  KeyProbe probe;
  if (item.state != nullptr) {
    order.exit = item.state->way_out(item.index);
    probe = item.state->begin_probe(item.index);
  }
  auto check =
      std::make_unique<KeyCheck>(services_, std::move(order), static_cast<KeyCheckSink&>(*this));
  KeyCheck& started = *check;
  running_.emplace(&started, Running{std::move(check), request, std::move(item), probe});
  ++orders_.at(request).running;
  started.start();
}

void KeyTests::on_key_checked(KeyCheck& check, const KeyCheckResult& result) {
  const auto found = running_.find(&check);
  Running ended = std::move(found->second);
  running_.erase(found);
  services_.loop.retire(std::move(ended.check));
  if (ended.item.state != nullptr) {
    ended.item.state->report(ended.probe, probe_result(result), result.kind);
  }
  --orders_.at(ended.request).running;
  answer(ended.request, ended.item, result.status, result.error);
  advance(ended.request);
}

void KeyTests::cancel(uint64_t request) {
  for (auto at = running_.begin(); at != running_.end();) {
    if (at->second.request != request) {
      ++at;
      continue;
    }
    at->second.check->stop();
    services_.loop.retire(std::move(at->second.check));
    at = running_.erase(at);
  }
  orders_.erase(request);
}

void KeyTests::cancel_all() {
  while (!orders_.empty()) cancel(orders_.begin()->first);
}

void KeyTests::give_up(const std::string& why) {
  for (const auto& [check, running] : running_) fail(running.request, running.item, why);
  for (const auto& [request, order] : orders_) {
    for (const Item& item : order.waiting) fail(request, item, why);
  }
  cancel_all();
}

void KeyTests::answer(uint64_t request, const Item& item, Status status, std::string error) {
  sink_.on_key_tested({request, item.pool, item.id, status, std::move(error)});
}

void KeyTests::fail(uint64_t request, const Item& item, std::string why) {
  answer(request, item, Status::kError, std::move(why));
}

}  // namespace culvert
