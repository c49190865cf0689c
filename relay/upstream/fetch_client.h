// The fetch strategy of one worker: libcurl on the worker's loop. It holds a lane for each
// identity of connections, bounds them and what lies idle in them, and lets exchanges speak to
// their sinks only where no code of libcurl is on the stack.
#pragma once

#include "relay/channel/resolver.h"
#include "relay/channel/timer.h"
#include "relay/upstream/connector.h"

#include <memory>
#include <string>
#include <unordered_map>

namespace culvert {

class FetchExchange;
class FetchLane;

class FetchClient {
 public:
  FetchClient(Loop& loop, Resolver& resolver, const Clock& clock);
  FetchClient(const FetchClient&) = delete;
  FetchClient& operator=(const FetchClient&) = delete;
  ~FetchClient();  // after all exchanges were stopped

  size_t lanes() const { return lanes_.size(); }
  size_t idle() const;  // connections that wait for another request

  // --- For FetchExchange and FetchLane.
  // Stays until it was released. kOverloaded where all lanes are busy.
  Result<FetchLane*> take_lane(const ConnectPlan& plan);
  void release(FetchLane& lane);

  // The exchange has something to tell, and its deliver() will be called soon.
  void note(FetchExchange& exchange);
  void forget(FetchExchange& exchange);
  void deliver();

  Loop& loop() { return loop_; }
  Resolver& resolver() { return resolver_; }
  const Clock& clock() const { return clock_; }

 private:
  using Lanes = std::unordered_map<std::string, std::unique_ptr<FetchLane>>;
  bool drop_oldest_idle();
  void sweep();

  Loop& loop_;
  Resolver& resolver_;
  const Clock& clock_;
  Lanes lanes_;
  FetchExchange* first_ready_ = nullptr;  // linked through them: no memory is needed
  FetchExchange* last_ready_ = nullptr;
  bool delivering_ = false;
  Timer deliver_timer_;
  Timer sweep_timer_;
};

}  // namespace culvert
