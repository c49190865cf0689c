// The thread that keeps the link up: connect, run the streams, wait, again.
#include "relay/config/control_link.h"

#include "relay/base/limits.h"
#include "relay/base/log.h"
#include "relay/config/control_link_channel.h"
#include "relay/config/control_link_streams.h"
#include "relay/config/remote_config.h"

#include <fmt/format.h>

#include <algorithm>

namespace culvert {

struct ControlLink::State {
  State(LinkOptions given, Parts with) : options(std::move(given)), parts(std::move(with)) {}

  void run();
  std::string connect_once(const std::string& address);
  Duration next_wait(bool healthy);
  bool wait(Duration most);  // false: it is to stop
  void with_streams(const std::function<void(LinkStreams&)>& action);

  LinkOptions options;
  Parts parts;
  int failures = 0;  // in a row
  std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false;
  bool again = false;             // a new certificate: connect at once
  std::string certificate;        // renewed; for the next connection
  LinkStreams* streams = nullptr;  // of the connection that is up
  std::thread thread;
};

ControlLink::ControlLink(LinkOptions options, Parts parts)
    : state_(std::make_unique<State>(std::move(options), std::move(parts))) {
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

ControlLink::~ControlLink() { stop(); }

void ControlLink::stop() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    if (state_->streams != nullptr) state_->streams->cancel("the relay stops");
    state_->changed.notify_all();
  }
  if (state_->thread.joinable()) state_->thread.join();
}

void ControlLink::acknowledge(v1::TypeAck ack) {
  v1::SyncUp message;
  *message.mutable_ack() = std::move(ack);
  state_->with_streams([&](LinkStreams& streams) { streams.send(std::move(message)); });
}

void ControlLink::tell(v1::RelayState state) {
  v1::SyncUp message;
  *message.mutable_state() = std::move(state);
  state_->with_streams([&](LinkStreams& streams) { streams.send(std::move(message)); });
}

void ControlLink::report(v1::KeyVerified verified) {
  v1::SyncUp message;
  *message.mutable_key_verified() = std::move(verified);
  state_->with_streams([&](LinkStreams& streams) { streams.send(std::move(message)); });
}

void ControlLink::use_certificate(std::string pem) {
  const std::lock_guard lock(state_->mutex);
  state_->certificate = std::move(pem);
  state_->again = true;
  if (state_->streams != nullptr) state_->streams->cancel("the certificate is renewed");
}

void ControlLink::State::with_streams(const std::function<void(LinkStreams&)>& action) {
  const std::lock_guard lock(mutex);
  if (streams != nullptr) action(*streams);
}

bool ControlLink::State::wait(Duration most) {
  std::unique_lock lock(mutex);
  changed.wait_for(lock, most, [this] { return stopping; });
  return !stopping;
}

void ControlLink::State::run() {
  for (size_t turn = 0;; ++turn) {
    const Instant began = parts.clock.now();
    const std::string why = connect_once(options.addresses[turn % options.addresses.size()]);
    bool at_once = false;
    {
      const std::lock_guard lock(mutex);
      if (stopping) return;
      at_once = std::exchange(again, false);
    }
    if (at_once) {
      --turn;  // the same address
      continue;
    }
    parts.events.on_lost(why);
    if (parts.usage != nullptr) parts.usage->sync();
    if (!wait(next_wait(parts.clock.now() - began > limits::kLinkHealthy))) return;
  }
}

// Full jitter: a thousand relays that lost one service come back spread out.
Duration ControlLink::State::next_wait(bool healthy) {
  failures = healthy ? 0 : std::min(failures + 1, 16);
  const Duration cap = std::min<Duration>(Duration(limits::kLinkBackoffLeast) * (1 << failures),
                                          limits::kLinkBackoffMost);
  return Duration(static_cast<int64_t>(
      parts.random.below(static_cast<uint64_t>(cap.count()) + 1)));
}

// Returns why it ended.
std::string ControlLink::State::connect_once(const std::string& address) {
  {
    const std::lock_guard lock(mutex);
    if (!certificate.empty()) options.identity.certificate = std::exchange(certificate, {});
  }
  const auto channel = control_channel(address, options.identity.authority, &options.identity);
  // In small steps, because waiting for a channel cannot be interrupted.
  const Instant until = parts.clock.now() + limits::kLinkConnectTimeout;
  while (!channel->WaitForConnected(parts.clock.wall() + std::chrono::milliseconds(100))) {
    if (!wait(Duration::zero())) return {};
    if (channel->GetState(false) == GRPC_CHANNEL_TRANSIENT_FAILURE || parts.clock.now() > until) {
      return fmt::format("{} cannot be reached, or shows another authority's certificate", address);
    }
  }
  LinkStreams running(channel, parts, options.identity);
  {
    const std::lock_guard lock(mutex);
    if (stopping) return {};
    streams = &running;
  }
  v1::Hello hello;
  hello.set_version(options.version);
  hello.set_instance(options.instance);
  for (const std::string_view type : kRemoteTypes) hello.add_types(std::string(type));
  hello.add_commands("verify_keys");
  parts.fill_hello(&hello);
  const std::string why = running.run(std::move(hello));
  const std::lock_guard lock(mutex);
  streams = nullptr;
  return fmt::format("{}: {}", address, why);
}

}  // namespace culvert
