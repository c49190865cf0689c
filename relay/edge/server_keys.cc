// The tests of keys that the control service asks for: its message to the worker that looks after
// keys, and each answer back. The link speaks to the main loop, the tests run on the worker's.
#include "relay/config/key_id.h"
#include "relay/edge/server.h"

namespace culvert {
namespace {

v1::KeyVerified::Status status_of(KeyCheckResult::Status status) {
  switch (status) {
    case KeyCheckResult::Status::kGood:
      return v1::KeyVerified::STATUS_GOOD;
    case KeyCheckResult::Status::kBad:
      return v1::KeyVerified::STATUS_BAD;
    case KeyCheckResult::Status::kError:
      break;
  }
  return v1::KeyVerified::STATUS_ERROR;
}

KeyTestOrder order_of(const v1::VerifyKeys& asked) {
  KeyTestOrder order;
  order.request = asked.request();
  for (const v1::VerifyKeys::OfPool& of_pool : asked.pools()) {
    order.pools.push_back({of_pool.pool(), {of_pool.ids().begin(), of_pool.ids().end()}});
  }
  order.upstream = asked.upstream();
  for (const std::string& key : asked.keys()) order.keys.emplace_back(key);
  return order;
}

}  // namespace

void Server::on_verify_keys(const v1::VerifyKeys& asked) {
  KeyTestOrder order = order_of(asked);
  if (!process_.draining.load()) return workers_.front()->test_keys(std::move(order));
  // The worker may have ended already.
  const std::string why = "the relay is stopping";
  const auto refuse = [&](const std::string& pool, const std::string& id) {
    on_key_tested({order.request, pool, id, KeyCheckResult::Status::kError, why});
  };
  for (const KeyTestOrder::OfPool& of_pool : order.pools) {
    for (const std::string& id : of_pool.ids) refuse(of_pool.pool, id);
  }
  for (const Secret& key : order.keys) refuse({}, key_id(key.reveal()));
}

void Server::on_cancel_verify(uint64_t request) { workers_.front()->cancel_key_tests(request); }

void Server::on_verify_forgotten() { workers_.front()->cancel_key_tests(std::nullopt); }

void Server::on_key_tested(KeyTestAnswer answer) {
  v1::KeyVerified verified;
  verified.set_request(answer.request);
  verified.set_pool(answer.pool);
  verified.set_id(answer.id);
  verified.set_status(status_of(answer.status));
  verified.set_error(answer.error);
  attachment_->report(std::move(verified));
}

}  // namespace culvert
