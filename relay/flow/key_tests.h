// The tests of keys that the control service asks for: keys of pools by name and id, and keys that
// are of no pool. A few at a time; each is answered once, in the order of completion, and what a
// test tells of a pool's key the pool learns, as from the prober. The worker that has the prober
// has one; its thread.
#pragma once

#include "relay/base/secret.h"
#include "relay/flow/key_check.h"
#include "relay/flow/services.h"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace culvert {

struct KeyTestOrder {
  struct OfPool {
    std::string pool;
    std::vector<std::string> ids;  // as key_id()
  };
  uint64_t request = 0;  // names the order in its answers
  std::vector<OfPool> pools;
  std::string upstream;  // where these are tested, which are of no pool
  std::vector<Secret> keys;
};

struct KeyTestAnswer {
  uint64_t request = 0;
  std::string pool;  // empty: of no pool
  std::string id;
  KeyCheckResult::Status status = KeyCheckResult::Status::kError;
  std::string error;  // as KeyCheckResult's
};

class KeyTestSink {
 public:
  virtual ~KeyTestSink() = default;
  virtual void on_key_tested(KeyTestAnswer answer) = 0;  // on the worker's thread
};

class KeyTests final : private KeyCheckSink {
 public:
  KeyTests(WorkerServices& services, KeyTestSink& sink) : services_(services), sink_(sink) {}
  KeyTests(const KeyTests&) = delete;
  KeyTests& operator=(const KeyTests&) = delete;
  ~KeyTests() override { cancel_all(); }

  // What cannot be tested is answered from inside. More than limits::kKeyTestOrders at once are
  // refused, key by key.
  void begin(const KeyTestOrder& order);
  // No more answers; what is under way is cancelled.
  void cancel(uint64_t request);
  void cancel_all();
  // The same, with an error for each key that has no answer yet.
  void give_up(const std::string& why);

 private:
  struct Item {
    std::string pool;
    std::string id;
    std::string upstream;
    Secret key;
    std::shared_ptr<const KeyPoolState> state;  // null: of no pool
    size_t index = 0;                           // in it
  };
  struct Order {
    std::deque<Item> waiting;
    size_t running = 0;
  };
  struct Running {
    std::unique_ptr<KeyCheck> check;
    uint64_t request = 0;
    Item item;
    KeyProbe probe;
  };
  void on_key_checked(KeyCheck& check, const KeyCheckResult& result) override;
  void take(const KeyTestOrder& order);
  void take_pool(uint64_t request, const KeyTestOrder::OfPool& wanted);
  void advance(uint64_t request);
  void start(uint64_t request, Item item);
  void answer(uint64_t request, const Item& item, KeyCheckResult::Status status, std::string error);
  void fail(uint64_t request, const Item& item, std::string why);

  WorkerServices& services_;
  KeyTestSink& sink_;
  std::map<uint64_t, Order> orders_;
  std::unordered_map<KeyCheck*, Running> running_;
};

}  // namespace culvert
