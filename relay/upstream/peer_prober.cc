// One check for each relay: connect where there is no connection, ask, measure, wait.
#include "relay/upstream/peer_prober.h"

#include "relay/base/limits.h"
#include "relay/base/log.h"
#include "relay/channel/timer.h"
#include "relay/codec/peer_request.h"

#include <new>
#include <optional>
#include <set>
#include <utility>

namespace culvert {
namespace {

bool same(const PeerWay& a, const PeerWay& b) {
  return a.peer.host == b.peer.host && a.peer.port == b.peer.port && a.tls == b.tls &&
         a.health == b.health;
}

}  // namespace

class PeerProber::Check final : public Retirable, private ConnectSink, private ChannelSink {
 public:
  Check(PeerProber& prober, PeerWay way)
      : prober_(prober),
        way_(std::move(way)),
        timer_(prober.loop_, [this] { timer_fired(); }) {
    timer_.start(Duration::zero());
  }
  ~Check() override {
    if (connecting_ != nullptr) prober_.loop_.retire(std::move(connecting_));
  }
  const PeerWay& way() const { return way_; }
  void stop() {
    timer_.stop();
    if (connection_.channel != nullptr) connection_.channel->mute();
  }

 private:
  enum class Phase : uint8_t { kWaiting, kConnecting, kAsking };

  void timer_fired() {
    ended_.reset();
    if (phase_ == Phase::kAsking) return failed("it did not answer in time");
    if (connection_.channel != nullptr) return ask();
    phase_ = Phase::kConnecting;
    try {
      connecting_ = prober_.connector_.connect(plan_to(way_), *this);
    } catch (const std::bad_alloc&) {
      wait();
    }
  }

  void on_connection(Connection connection) override {
    prober_.loop_.retire(std::move(connecting_));
    connection_ = std::move(connection);
    connection_.channel->start(*this);
    connection_.channel->resume();
    ask();
  }

  void on_no_connection(Error error, const Legs& /*legs*/) override {
    prober_.loop_.retire(std::move(connecting_));
    failed(error.detail);
  }

  void ask() {
    phase_ = Phase::kAsking;
    parser_.emplace(false);
    asked_ = prober_.clock_.now();
    timer_.start(limits::kPeerCheckTimeout);
    connection_.channel->write(encode_peer_check());
  }

  void on_bytes(std::string_view bytes) override {
    if (phase_ != Phase::kAsking) return failed("it spoke unasked");
    while (true) {
      const auto event = parser_->next(&bytes);
      if (!event) return failed(event.error().detail);
      if (event->kind == EventKind::kNeedMore) return;
      if (event->kind == EventKind::kEnd) return answered();
    }
  }

  void answered() {
    if (parser_->head().status != 204) {
      return failed("it answered " + std::to_string(parser_->head().status));
    }
    const bool was_reachable = way_.health->report().reachable;
    way_.health->answered(prober_.clock_.now() - asked_, says_draining(parser_->head()));
    if (!was_reachable) log::info("relay answers again", {{"relay", way_.peer.name}});
    wait();
  }

  void on_end(bool /*clean*/) override { failed("it closed the connection"); }
  void on_drained() override {}
  void on_failed(Error error) override { failed(error.detail); }

  // A connection that ended between two checks says nothing yet: the next check makes a new one.
  void failed(const std::string& why) {
    const bool asked = phase_ != Phase::kWaiting;
    if (connection_.channel != nullptr) {
      connection_.channel->mute();
      ended_ = std::move(connection_.channel);  // it may be the caller
    }
    if (asked && way_.health->report().reachable) {
      log::warn("relay does not answer",
                {{"relay", way_.peer.name}, {"region", way_.peer.region}, {"error", why}});
    }
    if (asked) way_.health->failed(why);
    wait();
  }

  // Plus or minus a tenth, so that relays that started together do not ask together.
  void wait() {
    phase_ = Phase::kWaiting;
    const auto tenth = std::chrono::duration_cast<Duration>(limits::kPeerCheckInterval) / 10;
    const auto spread = static_cast<int64_t>(prober_.random_.next() % 2001) - 1000;
    timer_.start(limits::kPeerCheckInterval + tenth * spread / 1000);
  }

  PeerProber& prober_;
  const PeerWay way_;
  Phase phase_ = Phase::kWaiting;
  std::unique_ptr<Connecting> connecting_;
  Connection connection_;
  std::unique_ptr<Channel> ended_;
  std::optional<ResponseParser> parser_;
  Instant asked_{};
  Timer timer_;
};

PeerProber::PeerProber(Loop& loop, Connector& connector, const Clock& clock, Random& random)
    : loop_(loop), connector_(connector), clock_(clock), random_(random) {}

PeerProber::~PeerProber() {
  for (auto& [name, check] : checks_) {
    check->stop();
    loop_.retire(std::move(check));
  }
}

void PeerProber::watch(const PeerDirectory& directory) {
  std::set<std::string> wanted;
  for (const PeerWay& way : directory.ways()) {
    const bool asked = directory.goes_through(way) && !way.peer.host.empty();
    if (!asked || wanted.size() >= limits::kPeersChecked) continue;
    wanted.insert(way.peer.name);
    auto& check = checks_[way.peer.name];
    if (check != nullptr && same(check->way(), way)) continue;
    if (check != nullptr) {
      check->stop();
      loop_.retire(std::move(check));
    }
    check = std::make_unique<Check>(*this, way);
  }
  for (auto at = checks_.begin(); at != checks_.end();) {
    if (wanted.count(at->first) != 0) {
      ++at;
      continue;
    }
    at->second->stop();
    loop_.retire(std::move(at->second));
    at = checks_.erase(at);
  }
}

}  // namespace culvert
