// Idle connections of one worker, by identity; the newest is used first, so that the others grow
// old and go. A connection that says anything or closes while idle is dropped at once. What takes
// a connection and gives it back again and again finds its place as it left it, without memory.
#pragma once

#include "relay/base/clock.h"
#include "relay/channel/timer.h"
#include "relay/upstream/connector.h"

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace culvert {

class ConnectionPool {
 public:
  // most: of one identity.
  ConnectionPool(Loop& loop, const Clock& clock, size_t most, size_t most_in_all);
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;
  ~ConnectionPool();

  std::optional<Connection> take(const std::string& identity);
  void give_back(Connection&& connection);  // as Connector's
  size_t size() const { return size_; }
  size_t waiting(const std::string& identity) const;  // of one

 private:
  class Idle;
  void drop(Idle& idle, bool by_peer);
  void drop_oldest();
  void forget_empty();
  void sweep();

  Loop& loop_;
  const Clock& clock_;
  const size_t most_;
  const size_t most_in_all_;
  size_t size_ = 0;
  // The newest last. Empty ones stay until the sweep, as long as there are not too many.
  std::unordered_map<std::string, std::vector<std::unique_ptr<Idle>>> idle_;
  Timer sweep_timer_;
};

}  // namespace culvert
