// Each idle connection watches itself through its sink.
#include "relay/upstream/pool.h"

#include "relay/base/limits.h"
#include "relay/base/recycled.h"

#include <algorithm>
#include <bit>
#include <cstddef>

namespace culvert {

class ConnectionPool::Idle final : public ChannelSink, public Retirable, public Recycled<Idle> {
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
  for (auto& [identity, waiting] : idle_) {
    for (auto& idle : waiting) idle->leave();
  }
}

std::optional<Connection> ConnectionPool::take(const std::string& identity) {
  const auto found = idle_.find(identity);
  if (found == idle_.end()) return std::nullopt;
  auto& waiting = found->second;
  while (!waiting.empty()) {
    auto idle = std::move(waiting.back());
    waiting.pop_back();
    --size_;
    // The peer may have closed since the loop last looked.
    if (idle->connection().channel->quiet()) return idle->take();
    idle->end();
    loop_.retire(std::move(idle));
  }
  return std::nullopt;
}

void ConnectionPool::give_back(Connection&& connection) {
  if (idle_.size() > most_in_all_) forget_empty();
  auto& waiting = idle_[connection.identity];
  waiting.reserve(std::bit_ceil(waiting.size() + 1));  // all memory first, the connection last
  waiting.push_back(std::make_unique<Idle>(*this, std::move(connection), clock_.now()));
  ++size_;
  if (waiting.size() > most_) drop(*waiting.front(), false);
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
    return;
  }
}

void ConnectionPool::drop_oldest() {
  forget_empty();
  const auto oldest =
      std::min_element(idle_.begin(), idle_.end(), [](const auto& a, const auto& b) {
        return a.second.front()->since() < b.second.front()->since();
      });
  drop(*oldest->second.front(), false);
}

void ConnectionPool::forget_empty() {
  std::erase_if(idle_, [](const auto& entry) { return entry.second.empty(); });
}

void ConnectionPool::sweep() {
  const Instant oldest = clock_.now() - limits::kPooledIdleTimeout;
  for (auto& [identity, waiting] : idle_) {
    size_t old = 0;
    while (old < waiting.size() && waiting[old]->since() <= oldest) {
      waiting[old]->leave();
      loop_.retire(std::move(waiting[old++]));
      --size_;
    }
    waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(old));
    for (auto& idle : waiting) idle->connection().channel->rest();
  }
  forget_empty();
  if (!idle_.empty()) sweep_timer_.start(limits::kPooledIdleTimeout / 4);
}

}  // namespace culvert
