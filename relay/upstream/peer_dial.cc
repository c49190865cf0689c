// One relay after the other, each asked once; a connection that had waited gets a second chance.
#include "relay/upstream/peer_dial.h"

#include "relay/base/limits.h"

#include <algorithm>
#include <new>
#include <utility>

namespace culvert {
namespace {

constexpr size_t kRefusalBytes = 4096;

}  // namespace

PeerDial::PeerDial(Loop& loop,
                   Connector& connections,
                   const Clock& clock,
                   const ConnectPlan& plan,
                   PeerDialSink& sink)
    : loop_(loop),
      connections_(connections),
      clock_(clock),
      plan_(plan),
      sink_(sink),
      started_(clock.now()),
      timer_(loop, [this] { timer_fired(); }) {
  timer_.start(Duration::zero());  // the sink is not called from here
}

PeerDial::~PeerDial() {
  if (connecting_ != nullptr) loop_.retire(std::move(connecting_));
}

void PeerDial::timer_fired() {
  if (way_ == nullptr) return step();
  relay_failed(Error::upstream(Code::kConnectTimeout, Stage::kConnect, Retry::kOtherUpstream,
                               "it did not answer in time"));
}

// Whoever calls could not tell the sink.
void PeerDial::step() {
  try {
    next_relay();
  } catch (const std::bad_alloc&) {
    fail(Error::ours(Code::kOutOfMemory, Stage::kConnect, "out of memory"));
  }
}

void PeerDial::next_relay() {
  way_ = tried_.size() < limits::kPeerTries ? plan_.peers->choose(plan_.via, tried_) : nullptr;
  if (way_ != nullptr) {
    tried_.push_back(way_);
    return open(false);
  }
  if (error_) return fail(*std::move(error_));
  fail(Error::upstream(Code::kConnectFailed, Stage::kConnect, Retry::kOtherUpstream,
                       "the region " + plan_.via + " has no relay that others can go through"));
}

void PeerDial::open(bool fresh) {
  const ConnectPlan to_relay = plan_to(*way_);
  if (!fresh) {
    if (auto spare = connections_.reuse(to_relay)) {
      reused_ = true;
      return ask(std::move(*spare));
    }
  }
  reused_ = false;
  connecting_ = connections_.connect(to_relay, *this);
}

void PeerDial::on_connection(Connection connection) {
  loop_.retire(std::move(connecting_));
  try {
    ask(std::move(connection));
  } catch (const std::bad_alloc&) {
    fail(Error::ours(Code::kOutOfMemory, Stage::kConnect, "out of memory"));
  }
}

void PeerDial::on_no_connection(Error error, const Legs& /*legs*/) {
  loop_.retire(std::move(connecting_));
  relay_failed(std::move(error));
}

void PeerDial::ask(Connection connection) {
  connection_ = std::move(connection);
  parser_.emplace(false);
  words_.clear();
  timer_.start(answer_time());
  connection_.channel->start(*this);
  connection_.channel->resume();
  connection_.channel->write(encode_peer_request(request()));
}

PeerRequest PeerDial::request() const {
  PeerRequest request{{plan_.host, plan_.port},
                      {plan_.peers->self()},
                      plan_.resolve_timeout,
                      plan_.connect_timeout,
                      plan_.tls_timeout,
                      std::nullopt};
  if (plan_.tls && plan_.far_tls) {
    request.far_tls = PeerTls{plan_.server_name, plan_.tls13_only, plan_.upstream};
  }
  return request;
}

Duration PeerDial::answer_time() const {
  const Duration tls = plan_.tls && plan_.far_tls ? plan_.tls_timeout : Duration::zero();
  return plan_.resolve_timeout + plan_.connect_timeout + tls + limits::kPeerAnswerSlack;
}

void PeerDial::on_bytes(std::string_view bytes) {
  if (!over_) read(bytes);
}

// The answer's head fills its TLS record: what is behind it comes later, and is not lost here.
void PeerDial::read(std::string_view bytes) {
  while (true) {
    auto event = parser_->next(&bytes);
    if (!event) return relay_failed(std::move(event).error());
    switch (event->kind) {
      case EventKind::kNeedMore:
        return;
      case EventKind::kInterim:
        continue;
      case EventKind::kHead:
        if (parser_->head().status == 200) return heard(parser_->head(), !bytes.empty());
        continue;
      case EventKind::kBody:
        words_ += event->body;
        if (words_.size() > kRefusalBytes) words_.resize(kRefusalBytes);
        continue;
      case EventKind::kEnd:
        return refused();
    }
  }
}

void PeerDial::heard(const ResponseHead& head, bool more_follows) {
  if (more_follows) {
    return relay_failed(Error::upstream(Code::kBadAnswer, Stage::kConnect, Retry::kOtherUpstream,
                                        "it said more than its answer"));
  }
  over_ = true;
  timer_.stop();
  const PeerAnswer answer = read_peer_answer(head);
  Legs legs;
  legs.resolve = answer.resolve;
  legs.tls = answer.tls;
  legs.connect = std::max(clock_.now() - started_ - answer.resolve - answer.tls, answer.connect);
  connection_.channel->pause();
  connection_.channel->mute();
  try {
    connections_.keep_spare(plan_to(*way_));  // the next one shall not have to wait
    sink_.on_reached(std::move(connection_.channel), legs);
  } catch (const std::bad_alloc&) {
    sink_.on_not_reached(Error::ours(Code::kOutOfMemory, Stage::kConnect, "out of memory"), legs);
  }
}

// It knows the destination's word; the connection to it can be asked again.
void PeerDial::refused() {
  Error error = read_peer_refusal(parser_->head(), words_);
  if (is_about_relay(error)) return relay_failed(std::move(error));
  timer_.stop();
  connection_.channel->pause();
  connection_.channel->mute();
  connections_.give_back(std::move(connection_));
  connection_ = {};
  fail(about(error));
}

void PeerDial::on_end(bool /*clean*/) {
  on_failed(Error::upstream(Code::kUpstreamClosed, Stage::kConnect, Retry::kOtherUpstream,
                            "it closed the connection"));
}

void PeerDial::on_failed(Error error) {
  if (over_) return;
  if (!reused_) return relay_failed(std::move(error));
  timer_.stop();
  end_connection();
  try {
    open(true);
  } catch (const std::bad_alloc&) {
    fail(Error::ours(Code::kOutOfMemory, Stage::kConnect, "out of memory"));
  }
}

void PeerDial::relay_failed(Error error) {
  timer_.stop();
  if (connecting_ != nullptr) loop_.retire(std::move(connecting_));
  end_connection();
  const bool its_word = error.code == Code::kDraining || error.code == Code::kOverloaded;
  error_ = about(error);
  if (!its_word) way_->health->failed(error.detail);
  way_ = nullptr;
  timer_.start(Duration::zero());  // the next one, outside of this one's call
}

// Its channel may be the caller, and ends with this object.
void PeerDial::end_connection() {
  if (connection_.channel == nullptr) return;
  connection_.channel->mute();
  ended_.push_back(std::move(connection_.channel));
}

Error PeerDial::about(const Error& error) const {
  Error told = error;
  told.fault = Fault::kUpstream;
  // To whoever asked, it is a connection that could not be made.
  if (told.code == Code::kForbidden || told.code == Code::kLoop || told.code == Code::kBadRequest ||
      told.code == Code::kBadAnswer || told.code == Code::kUpstreamClosed) {
    told.code = Code::kConnectFailed;
  }
  if (told.stage != Stage::kResolve && told.stage != Stage::kTls) told.stage = Stage::kConnect;
  if (told.code == Code::kDraining || told.code == Code::kOverloaded ||
      told.code == Code::kOutOfMemory) {
    told.code = Code::kConnectFailed;
  }
  told.detail = "through the relay " + way_->peer.name + ": " + error.detail;
  return told;
}

void PeerDial::fail(Error error) {
  if (std::exchange(over_, true)) return;
  timer_.stop();
  sink_.on_not_reached(std::move(error), {});
}

}  // namespace culvert
