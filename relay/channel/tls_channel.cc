// The life of a TLS connection: waiting for a hello, handshake in steps on the pool, open, closed.
#include "relay/channel/tls_channel.h"

#include "relay/base/limits.h"
#include "relay/base/log.h"
#include "relay/channel/tls_engine.h"

#include <algorithm>
#include <new>
#include <utility>

namespace culvert {
namespace {

constexpr char kHandshakeRecord = 0x16;  // RFC 8446 §5.1
constexpr size_t kRecord = 16 * 1024;    // of plaintext at most: §5.1
constexpr size_t kGathered = 4 * 1024;   // what is larger costs more to copy than to encrypt apart

}  // namespace

TlsChannel::TlsChannel(Loop& loop,
                       HandshakePool& pool,
                       std::unique_ptr<Channel> carrier,
                       std::shared_ptr<const TlsServerConfig> config,
                       TlsReadySink* ready)
    : loop_(loop),
      pool_(pool),
      carrier_(std::move(carrier)),
      server_config_(std::move(config)),
      ticket_(std::make_shared<HandshakeTicket>()),
      ready_sink_(ready) {}

Result<std::unique_ptr<TlsChannel>> TlsChannel::connect(Loop& loop,
                                                        HandshakePool& pool,
                                                        std::unique_ptr<Channel> carrier,
                                                        std::shared_ptr<TlsClientConfig> config,
                                                        const std::string& server_name,
                                                        TlsReadySink* ready,
                                                        bool offer_session) {
  auto engine = CULVERT_TRY(TlsEngine::client(std::move(config), server_name, offer_session));
  auto channel = std::make_unique<TlsChannel>(loop, pool, std::move(carrier), nullptr, ready);
  channel->engine_ = std::move(engine);
  return channel;
}

TlsChannel::~TlsChannel() {
  try {
    flush();
  } catch (const std::bad_alloc&) {
    log::error("out of memory at the end of a TLS connection");  // which ends without these bytes
    carrier_->reset_on_close();
  }
  ticket_->cancelled.store(true, std::memory_order_release);
  ticket_->done = nullptr;
}

void TlsChannel::start(ChannelSink& sink) {
  sink_ = &sink;
  if (state_ != State::kWaiting) return;  // taken over by another owner
  ticket_->done = [this](HandshakeStep step) { or_fail([&] { go_on(std::move(step)); }); };
  carrier_->start(*this);
  if (!paused_) carrier_->resume();
  if (engine_ != nullptr) {
    state_ = State::kHandshake;
    step();
  }
}

void TlsChannel::mute() {
  sink_ = nullptr;
  ready_sink_ = nullptr;
}

void TlsChannel::write(std::string_view bytes) {
  if (state_ == State::kClosed || finish_wanted_) return;
  if (state_ != State::kOpen) {
    waiting_.append(bytes);
    if (waiting_.size() > limits::kHighWater) was_high_ = true;
    return;
  }
  loop_.flush_soon(*this);
  if (gathered_.size() + bytes.size() > kGathered && !gathered_.empty()) {
    const size_t fits = std::min(bytes.size(), kRecord - gathered_.size());
    gathered_.append(bytes.substr(0, fits));
    bytes.remove_prefix(fits);
    encrypt_gathered();
  }
  if (bytes.size() <= kGathered) {
    gathered_.append(bytes);
  } else {
    encrypt(bytes);
  }
  if (engine_->out().size() >= limits::kReadScratch) send_records();
}

void TlsChannel::flush() {
  if (state_ != State::kOpen) return;
  encrypt_gathered();
  send_records();
}

void TlsChannel::on_flush_out_of_memory() {
  fail(Error::ours(Code::kOutOfMemory, Stage::kTls, "out of memory"));
}

void TlsChannel::encrypt_gathered() {
  if (gathered_.empty()) return;
  encrypt(gathered_.view());
  gathered_.clear();
}

void TlsChannel::encrypt(std::string_view bytes) {
  const auto written = engine_->write(bytes);
  // Bytes are lost, and whoever wrote them must not go on as if they were not. Any other failure
  // means that the context is dead; the next read says so to the sink.
  if (!written && written.error().code == Code::kOutOfMemory) throw std::bad_alloc();
}

// Records that wait for decryption came from the peer as well as those in the kernel.
bool TlsChannel::quiet() const {
  return state_ == State::kOpen && !told_end_ && !carrier_ended_ && engine_->unread() == 0 &&
         carrier_->quiet();
}

bool TlsChannel::resumed() const { return engine_ != nullptr && engine_->resumed(); }

int64_t TlsChannel::peer_expires_at() const {
  return engine_ == nullptr ? 0 : engine_->peer_expires_at();
}

std::string TlsChannel::peer_name() const {
  return engine_ == nullptr ? std::string() : engine_->peer_name();
}

void TlsChannel::pause() {
  paused_ = true;
  carrier_->pause();
}

void TlsChannel::resume() {
  if (!paused_) return;
  paused_ = false;
  carrier_->resume();
  const bool end_untold = carrier_ended_ && !told_end_;
  if (state_ != State::kOpen || (engine_->unread() == 0 && !end_untold)) return;
  // Records that were read but not decrypted, or an end that came with the handshake's last bytes:
  // no socket event will come for them.
  if (again_ == nullptr) {
    again_ = std::make_unique<Timer>(loop_, [this] { or_fail([this] { decrypt(); }); });
  }
  again_->start(Duration::zero());
}

void TlsChannel::rest() {
  gathered_.release();
  if (state_ == State::kOpen) engine_->rest();
  carrier_->rest();
}

void TlsChannel::finish(Finish how) {
  finish_wanted_ = true;
  finish_how_ = how;
  if (state_ == State::kOpen) {
    encrypt_gathered();
    if (how == Finish::kClean) engine_->close_notify();
    send_records();
  }
  if (state_ == State::kOpen || state_ == State::kWaiting) carrier_->finish(how);
}

void TlsChannel::on_bytes(std::string_view bytes) {
  switch (state_) {
    case State::kWaiting:
      return accept_hello(bytes);
    case State::kHandshake:
      if (engine_ == nullptr) {
        arrived_.append(bytes);
        if (arrived_.size() > limits::kReadScratch) carrier_->pause();
        return;
      }
      engine_->feed(bytes);
      return step();
    case State::kOpen:
      engine_->lend(bytes);
      decrypt();
      return engine_->keep_lent();
    case State::kClosed:
      return;
  }
}

void TlsChannel::accept_hello(std::string_view bytes) {
  if (bytes.front() != kHandshakeRecord) {
    return fail(Error::client(Code::kBadRequest, Stage::kTls, "not a TLS handshake"));
  }
  auto engine = TlsEngine::server(std::move(server_config_));
  if (!engine) return fail(std::move(engine).error());
  engine_ = std::move(engine).value();
  engine_->feed(bytes);
  state_ = State::kHandshake;
  step();
}

void TlsChannel::step() {
  if (pool_.submit(loop_, engine_, ticket_)) return;
  fail(Error::ours(Code::kOverloaded, Stage::kTls, "too many TLS handshakes wait"));
}

// Outside of the socket's own events nobody ends a connection whose handling ran out of memory.
template <class Step>
void TlsChannel::or_fail(Step step) {
  try {
    step();
  } catch (const std::bad_alloc&) {
    fail(Error::ours(Code::kOutOfMemory, Stage::kTls, "out of memory"));
  }
}

void TlsChannel::go_on(HandshakeStep step) {
  engine_ = std::move(step.engine);
  if (state_ != State::kHandshake) return;
  send_records();
  if (!step.progress) return fail(std::move(step.progress).error());
  const bool more = !arrived_.empty();
  engine_->feed(arrived_.view());
  arrived_.clear();
  if (carrier_ended_) engine_->feed_end();
  if (!paused_) carrier_->resume();
  if (*step.progress == HandshakeProgress::kDone) return ready();
  if (more || carrier_ended_) this->step();
}

void TlsChannel::ready() {
  state_ = State::kOpen;
  if (!waiting_.empty()) {
    if (auto written = engine_->write(waiting_.view()); !written) {
      return fail(std::move(written).error());
    }
    waiting_.clear();
    send_records();
  }
  if (finish_wanted_) {
    finish(finish_how_);
  } else if (ready_sink_ != nullptr) {
    ready_sink_->on_tls_ready();
  }
  // What the carrier took at once never makes it say so.
  const bool drained = std::exchange(was_high_, false) && carrier_->queued() <= limits::kHighWater;
  if (drained && sink_ != nullptr) sink_->on_drained();
  if (engine_->unread() > 0 || carrier_ended_) decrypt();
}

void TlsChannel::decrypt() {
  while (sink_ != nullptr && !paused_ && !told_end_ && state_ == State::kOpen) {
    std::string_view got;
    auto state = engine_->read(&got);
    if (!state) {
      send_records();  // the alert
      return fail(std::move(state).error());
    }
    if (*state == TlsEngine::ReadState::kWantsInput) break;
    if (*state == TlsEngine::ReadState::kBytes) {
      sink_->on_bytes(got);
      engine_->taken();
      continue;
    }
    told_end_ = true;
    return sink_->on_end(*state == TlsEngine::ReadState::kCloseNotify);
  }
  send_records();
}

void TlsChannel::send_records() {
  Buffer& out = engine_->out();
  if (out.empty()) return;
  carrier_->write(out.view());
  out.clear();
}

void TlsChannel::on_end(bool clean) {
  if (paused_ && state_ == State::kOpen) {  // the peer vanished while nobody read
    if (told_end_) return;
    told_end_ = true;
    if (sink_ != nullptr) sink_->on_end(false);
    return;
  }
  carrier_ended_ = true;
  if (state_ == State::kWaiting) {
    told_end_ = true;
    if (sink_ != nullptr) sink_->on_end(clean);
    return;
  }
  if (state_ == State::kClosed || engine_ == nullptr) return;
  engine_->feed_end();
  if (state_ == State::kHandshake) return step();
  decrypt();
}

void TlsChannel::on_drained() {
  if (sink_ != nullptr) sink_->on_drained();
}

void TlsChannel::on_failed(Error error) {
  if (state_ != State::kOpen) {
    error.stage = Stage::kTls;
    error.retry = Retry::kOtherUpstream;
    if (error.code == Code::kUpstreamClosed) error.code = Code::kTlsFailed;
  }
  fail(std::move(error));
}

void TlsChannel::fail(Error error) {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  waiting_.clear();
  gathered_.clear();
  if (sink_ != nullptr) sink_->on_failed(std::move(error));
}

}  // namespace culvert
