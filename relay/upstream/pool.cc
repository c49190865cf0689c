// Each idle connection watches itself through its sink.
#include "relay/upstream/pool.h"

#include "relay/base/limits.h"

#include <algorithm>

namespace culvert {

class ConnectionPool::Idle final : public ChannelSink, public Retirable {
 public:
  Idle(ConnectionPool& pool, Connection connection, Instant since)
      : pool_(pool), connection_(std::move(connection)), since_(since) {
    connection_.channel->start(*this);
    connection_.channel->resume();
  }

  Connection take() {
    connection_.channel->mute();
    return std::move(connection_);
  }
  Connection& connection() { return connection_; }
  Instant since() const { return since_; }
  void end() { connection_.channel->mute(); }
  // By our own wish, which is said (RFC 8446 §6.1): nothing was broken off.
  void leave() {
    connection_.channel->finish(Channel::Finish::kClean);
    end();
  }

 private:
  void on_bytes(std::string_view) override { pool_.drop(*this, true); }
  void on_end(bool) override { pool_.drop(*this, true); }
  void on_drained() override {}
  void on_failed(Error) override { pool_.drop(*this, true); }

  ConnectionPool& pool_;
  Connection connection_;
  Instant since_;
};

ConnectionPool::ConnectionPool(Loop& loop, const Clock& clock, size_t most, size_t most_in_all)
    : loop_(loop),
      clock_(clock),
      most_(most),
      most_in_all_(most_in_all),
      sweep_timer_(loop, [this] { sweep(); }) {}

ConnectionPool::~ConnectionPool() {
  for (auto& [identity, list] : idle_) {
    for (auto& idle : list) idle->leave();
  }
}

std::optional<Connection> ConnectionPool::take(const std::string& identity) {
  const auto found = idle_.find(identity);
  if (found == idle_.end()) return std::nullopt;
  while (!found->second.empty()) {
    auto idle = std::move(found->second.front());
    found->second.pop_front();
    --size_;
    // The peer may have closed since the loop last looked.
    if (idle->connection().channel->quiet()) {
      Connection connection = idle->take();
      if (found->second.empty()) idle_.erase(found);
      return connection;
    }
    idle->end();
    loop_.retire(std::move(idle));
  }
  idle_.erase(found);
  return std::nullopt;
}

void ConnectionPool::give_back(Connection&& connection) {
  auto& list = idle_[connection.identity];
  std::list<std::unique_ptr<Idle>> newest(1);  // all memory first, the connection last
  newest.front() = std::make_unique<Idle>(*this, std::move(connection), clock_.now());
  list.splice(list.begin(), newest);
  ++size_;
  if (list.size() > most_) drop(*list.back(), false);
  if (size_ > most_in_all_) drop_oldest();
  if (!sweep_timer_.running()) sweep_timer_.start(limits::kPooledIdleTimeout / 4);
}

size_t ConnectionPool::waiting(const std::string& identity) const {
  const auto found = idle_.find(identity);
  return found == idle_.end() ? 0 : found->second.size();
}

void ConnectionPool::drop(Idle& idle, bool by_peer) {
  const auto found = idle_.find(idle.connection().identity);
  if (found == idle_.end()) return;
  for (auto one = found->second.begin(); one != found->second.end(); ++one) {
    if (one->get() != &idle) continue;
    if (by_peer) {
      idle.end();
    } else {
      idle.leave();
    }
    loop_.retire(std::move(*one));
    found->second.erase(one);
    --size_;
    break;
  }
  if (found->second.empty()) idle_.erase(found);
}

void ConnectionPool::drop_oldest() {
  const auto oldest =
      std::min_element(idle_.begin(), idle_.end(), [](const auto& a, const auto& b) {
        return a.second.back()->since() < b.second.back()->since();
      });
  drop(*oldest->second.back(), false);
}

void ConnectionPool::sweep() {
  const Instant oldest = clock_.now() - limits::kPooledIdleTimeout;
  for (auto entry = idle_.begin(); entry != idle_.end();) {
    auto& list = entry->second;
    while (!list.empty() && list.back()->since() <= oldest) {
      list.back()->leave();
      loop_.retire(std::move(list.back()));
      list.pop_back();
      --size_;
    }
    for (auto& idle : list) idle->connection().channel->rest();
    entry = list.empty() ? idle_.erase(entry) : std::next(entry);
  }
  if (!idle_.empty()) sweep_timer_.start(limits::kPooledIdleTimeout / 4);
}

}  // namespace culvert
