// Threads for TLS handshakes: a full one takes milliseconds of arithmetic, during which every
// running stream of a loop would stand still. The engine moves to a thread for a step and comes
// back by post.
#pragma once

#include "relay/base/result.h"
#include "relay/channel/loop.h"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace culvert {

class TlsEngine;

enum class HandshakeProgress : uint8_t { kWantsInput, kDone };

// What came back: the engine, and how far it got.
struct HandshakeStep {
  HandshakeStep(std::unique_ptr<TlsEngine> moved, Result<HandshakeProgress> reached);
  HandshakeStep(HandshakeStep&&) noexcept;
  ~HandshakeStep();

  std::unique_ptr<TlsEngine> engine;
  Result<HandshakeProgress> progress;
};

// Ties a running step to its connection, which may end meanwhile. Shared by both.
struct HandshakeTicket {
  std::function<void(HandshakeStep)> done;  // on the loop's thread; empty once cancelled there
  std::atomic<bool> cancelled{false};       // a step that waits is not computed for nobody
};

class HandshakePool {
 public:
  HandshakePool(size_t threads, size_t waiting_most);
  HandshakePool(const HandshakePool&) = delete;
  HandshakePool& operator=(const HandshakePool&) = delete;
  ~HandshakePool();  // steps that wait are dropped

  // Any thread. False, with the engine untouched, where too many wait. The loop must outlive the
  // pool's threads or be drained after them.
  bool submit(Loop& loop,
              std::unique_ptr<TlsEngine>& engine,
              std::shared_ptr<HandshakeTicket> ticket);

 private:
  struct Job;
  void work();
  static void run(Job& job);
  static bool hand_back(const Job& job);
  bool pause_for_memory();

  const size_t waiting_most_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace culvert
