// Where sessions live whose client has left while their stream is kept: until the stream ends.
// Owned by the worker, on its thread. Each has a client of its own that takes everything at once.
#pragma once

#include "relay/flow/services.h"
#include "relay/flow/session.h"

#include <functional>
#include <memory>
#include <unordered_map>

namespace culvert {

class DetachedSessions {
 public:
  // emptied: called when the last of them has ended.
  DetachedSessions(WorkerServices& services, std::function<void()> emptied);
  DetachedSessions(const DetachedSessions&) = delete;
  DetachedSessions& operator=(const DetachedSessions&) = delete;
  ~DetachedSessions();

  // One that outlives its client, counted as active; the count ends with it. False: there is no
  // memory for that, and the session is where it was.
  bool take(std::unique_ptr<Session>* session);
  bool empty() const { return homes_.empty(); }
  void end_all();

 private:
  class Home;
  void over(Home& home);

  WorkerServices& services_;
  const std::function<void()> emptied_;
  std::unordered_map<Home*, std::unique_ptr<Home>> homes_;
};

}  // namespace culvert
