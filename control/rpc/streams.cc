// A counter; the looks are in the loops of the streaming calls, several times a second.
#include "control/rpc/streams.h"

#include <fmt/format.h>

#include <algorithm>

namespace culvert::control {

Result<Streams::Place> Streams::take() {
  if (stopping_.load()) {
    return Error::ours(Code::kDraining, Stage::kLimit, "the service is ending");
  }
  Place place(this);
  if (live_.fetch_add(1) < most_) return place;
  return Error::ours(Code::kOverloaded, Stage::kLimit,
                     fmt::format("{} calls stream already; end some of them", most_));
}

void Streams::stop() {
  const std::lock_guard lock(mutex_);
  stopping_.store(true);
  stopped_.notify_all();
}

void Streams::pause(const grpc::ServerContext& context, Duration most) {
  using namespace std::chrono_literals;
  constexpr Duration kLook = 200ms;  // a caller that left is told by no one else
  std::unique_lock lock(mutex_);
  for (Duration left = most; left > Duration::zero() && goes_on(context); left -= kLook) {
    stopped_.wait_for(lock, std::min(left, kLook), [&] { return stopping_.load(); });
  }
}

}  // namespace culvert::control
