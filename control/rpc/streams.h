// How many calls stream at once, and when they have to end: each takes a thread of the server's.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/result.h"

#include <grpcpp/server_context.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>

namespace culvert::control {

class Streams {
 public:
  explicit Streams(size_t most) : most_(most) {}

  // One place among them, given back at its end.
  class Place {
   public:
    Place(Place&& other) noexcept : streams_(std::exchange(other.streams_, nullptr)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (streams_ != nullptr) streams_->live_.fetch_sub(1);
    }

   private:
    friend class Streams;
    explicit Place(Streams* streams) : streams_(streams) {}
    Streams* streams_;
  };
  // Errors: kOverloaded where all places are taken, kDraining once stop() was called.
  Result<Place> take();

  // From now on every stream ends at its next look.
  void stop();
  // Waits so long, or until the stream has to end.
  void pause(const grpc::ServerContext& context, Duration most);
  bool goes_on(const grpc::ServerContext& context) const {
    return !stopping_.load() && !context.IsCancelled();
  }

 private:
  const size_t most_;
  std::atomic<size_t> live_{0};
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable stopped_;
};

}  // namespace culvert::control
