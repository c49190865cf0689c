// A queue and its threads.
#include "relay/channel/handshake_pool.h"

#include "relay/base/log.h"
#include "relay/channel/tls_engine.h"

#include <new>

namespace culvert {

HandshakeStep::HandshakeStep(std::unique_ptr<TlsEngine> moved, Result<HandshakeProgress> reached)
    : engine(std::move(moved)), progress(std::move(reached)) {}
HandshakeStep::HandshakeStep(HandshakeStep&&) noexcept = default;
HandshakeStep::~HandshakeStep() = default;

struct HandshakePool::Job {
  Loop* loop = nullptr;
  std::unique_ptr<TlsEngine> engine;
  std::shared_ptr<HandshakeTicket> ticket;
  std::shared_ptr<HandshakeStep> step;  // made at the start, so that its end needs no memory
};

HandshakePool::HandshakePool(size_t threads, size_t waiting_most) : waiting_most_(waiting_most) {
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

HandshakePool::~HandshakePool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

bool HandshakePool::submit(Loop& loop,
                           std::unique_ptr<TlsEngine>& engine,
                           std::shared_ptr<HandshakeTicket> ticket) {
  auto step = std::make_shared<HandshakeStep>(
      nullptr, Error::ours(Code::kOutOfMemory, Stage::kTls, "out of memory"));
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || jobs_.size() >= waiting_most_) return false;
    jobs_.push_back({&loop, nullptr, std::move(ticket), std::move(step)});
    jobs_.back().engine = std::move(engine);
  }
  wake_.notify_one();
  return true;
}

void HandshakePool::work() {
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (stopping_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    if (job.ticket->cancelled.load(std::memory_order_acquire)) continue;
    run(job);
    while (!hand_back(job) && pause_for_memory()) {
    }
  }
}

void HandshakePool::run(Job& job) {
  try {
    job.step->progress = job.engine->handshake();
  } catch (const std::bad_alloc&) {
    log::error("out of memory in a handshake");  // which the step says already
  }
  job.step->engine = std::move(job.engine);
}

// False where memory ran out: nothing has happened then, and the connection still waits.
bool HandshakePool::hand_back(const Job& job) {
  try {
    job.loop->post([step = job.step, ticket = job.ticket] {
      if (ticket->done) ticket->done(std::move(*step));
    });
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

// A moment in which others may give memory back. False where the pool ends.
bool HandshakePool::pause_for_memory() {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, std::chrono::milliseconds(10), [this] { return stopping_; });
}

}  // namespace culvert
