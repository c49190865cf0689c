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
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || jobs_.size() >= waiting_most_) return false;
    jobs_.push_back({&loop, nullptr, std::move(ticket)});
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
    try {
      run(std::move(job));
    } catch (const std::bad_alloc&) {
      log::error("out of memory in a handshake");  // its connection ends by its timer
    }
  }
}

void HandshakePool::run(Job job) {
  Result<HandshakeProgress> progress =
      Error::ours(Code::kOutOfMemory, Stage::kTls, "out of memory");
  try {
    progress = job.engine->handshake();
  } catch (const std::bad_alloc&) {
    log::error("out of memory in a handshake");
  }
  auto step =
      std::make_shared<HandshakeStep>(HandshakeStep{std::move(job.engine), std::move(progress)});
  job.loop->post([step, ticket = std::move(job.ticket)] {
    if (ticket->done) ticket->done(std::move(*step));
  });
}

}  // namespace culvert
