// In the order of a request. Everything here runs outside libcurl.
#include "relay/upstream/fetch_exchange.h"

#include "relay/upstream/fetch_errors.h"
#include "relay/upstream/fetch_wire.h"

#include <fmt/format.h>

#include <utility>

namespace culvert {

FetchExchange::FetchExchange(FetchClient& client, ExchangePlan plan, ExchangeSink& sink)
    : client_(client),
      plan_(std::move(plan)),
      sink_(&sink),
      parser_(plan_.options.head_request),
      timer_(client.loop(), [this] { on_timer(); }) {}

FetchExchange::~FetchExchange() { stop(); }

void FetchExchange::start() {
  if (auto prepared = prepare(); !prepared) return fail(std::move(prepared).error());
  if (!plan_.fresh && lane_->idle_sockets() > 0) return run({});
  look_up();
}

Result<void> FetchExchange::prepare() {
  if (!plan_.connect.egress_proxy.empty()) {
    proxy_ = CULVERT_TRY(parse_egress_proxy(plan_.connect.egress_proxy));
    CULVERT_CHECK(check_policy());
  }
  if (plan_.connect.tls && plan_.connect.trust == nullptr) {
    return Error::ours(Code::kTlsFailed, Stage::kTls, "there are no certificates to trust");
  }
  lane_ = CULVERT_TRY(client_.take_lane(plan_.connect));
  return {};
}

// What a proxy resolves, nobody here can check.
Result<void> FetchExchange::check_policy() const {
  if (plan_.connect.policy == nullptr || !proxy_->resolves_names()) return {};
  if (const auto address = Address::parse(plan_.connect.host)) {
    return plan_.connect.policy->check(plan_.connect.host, *address);
  }
  return Error::ours(Code::kForbidden, Stage::kResolve,
                     "the egress proxy would resolve the name, and its address must be checked");
}

// --- A connection

void FetchExchange::look_up() {
  if (!proxy_ || proxy_->resolves_names()) return dial();
  lookup_ = std::make_unique<AddressLookup>(client_.loop(), client_.resolver(), plan_.connect.host,
                                            plan_.connect.policy, plan_.connect.resolve_timeout,
                                            static_cast<AddressLookupSink&>(*this));
}

void FetchExchange::on_addresses(Addresses addresses) {
  client_.loop().retire(std::move(lookup_));
  target_ = addresses.front();
  dial();
}

void FetchExchange::dial() {
  const ConnectPlan& plan = plan_.connect;
  DialPlan to{plan.host,           plan.port, plan.policy, plan.bind, plan.resolve_timeout,
              plan.connect_timeout};
  if (proxy_) {
    to.host = proxy_->host;
    to.port = proxy_->port;
    to.policy = nullptr;  // the operator named it
  }
  dial_ = std::make_unique<Dial>(client_.loop(), client_.resolver(), client_.clock(), std::move(to),
                                 static_cast<DialSink&>(*this));
}

void FetchExchange::on_not_dialled(Error error) {
  if (dial_ != nullptr) note_legs();
  if (proxy_) error.detail = "the egress proxy was not reached: " + error.detail;
  fail(std::move(error));
}

void FetchExchange::note_legs() {
  legs_.resolve = dial_->resolve_took();
  legs_.connect = dial_->connect_took();
}

void FetchExchange::note_set_up(Instant end) {
  if (!legs_.reused && (plan_.connect.tls || proxy_)) legs_.tls = end - set_up_since_;
}

void FetchExchange::on_dialled(Fd connection) {
  note_legs();
  client_.loop().retire(std::move(dial_));
  set_up_since_ = client_.clock().now();
  timer_.start(plan_.connect.tls_timeout);
  run(std::move(connection));
}

// Without a connection: one that lies idle.
void FetchExchange::run(Fd connection) {
  legs_.reused = !connection.valid();
  const FetchRoute route{proxy_ ? &*proxy_ : nullptr, target_, connection.valid()};
  auto request = FetchRequest::make(plan_, route);
  if (!request) return fail(std::move(request).error());
  wire_ = std::make_unique<FetchWire>(
      *lane_, client_.clock(), std::move(request).value(),
      FetchWire::Ends{upload_, upload_ended_, inbox_, [this] { client_.note(*this); }});
  if (!wire_->start(std::move(connection))) {
    fail(Error::ours(Code::kOutOfMemory, Stage::kConnect, "libcurl took no request"));
  }
}

// --- What libcurl noted

void FetchExchange::deliver() {
  if (over_ || wire_ == nullptr) return;
  if (!wire_->requested()) return wire_->done() ? not_connected() : void();
  if (!connected_) tell_connected();
  if (!over_ && wire_->take_drained()) sink_->on_upload_drained();
  if (!over_) read_answer();
  if (!over_) finish();
  if (!over_ && wire_ != nullptr) wire_->unpause();
}

void FetchExchange::not_connected() {
  if (legs_.reused && !wire_->out_of_memory()) {  // none lay idle that was alive
    legs_.reused = false;
    wire_.reset();
    return look_up();
  }
  fail(wire_->out_of_memory()
           ? Error::ours(Code::kOutOfMemory, Stage::kConnect, "out of memory")
           : fetch_setup_error(wire_->easy(), *wire_->done(), proxy_.has_value()));
}

void FetchExchange::tell_connected() {
  connected_ = true;
  note_set_up(wire_->requested_at());
  timer_.start(plan_.options.first_byte);
  sink_->on_connected();
}

void FetchExchange::read_answer() {
  while (!over_ && !paused_ && !ended_) {
    std::string_view input = std::string_view(reading_).substr(read_);
    auto event = parser_.next(&input);
    read_ = reading_.size() - input.size();
    if (!event) {
      wire_->spoil();
      return fail(std::move(event).error());
    }
    if (event->kind != EventKind::kNeedMore) {
      handle(*event);
      continue;
    }
    reading_.clear();
    read_ = 0;
    if (inbox_.empty()) return;
    reading_.swap(inbox_);
  }
}

void FetchExchange::handle(const HttpEvent& event) {
  switch (event.kind) {
    case EventKind::kInterim:
      timer_.start(plan_.options.first_byte);
      // 100 answers an expectation that the relay has met itself.
      if (parser_.head().status != 100) sink_->on_interim(parser_.head());
      return;
    case EventKind::kHead:
      head_arrived_ = true;
      timer_.start(plan_.options.idle);
      return sink_->on_head(parser_.head());
    case EventKind::kBody:
      timer_.start(plan_.options.idle);
      return sink_->on_body(event.body);
    case EventKind::kEnd:
      ended_ = true;
      return;
    case EventKind::kNeedMore:
      return;
  }
}

// The answer's end waits for libcurl's, which comes with it or soon, so that the connection is free
// when its sink hears of it. Where the request is not whole, it may never come.
void FetchExchange::finish() {
  const auto& done = wire_->done();
  if (ended_ && (done || !upload_ended_)) return end();
  if (!done || paused_) return;
  if (*done == CURLE_OK) {
    auto last = parser_.finish(true);
    return last ? end() : fail(std::move(last).error());
  }
  if (wire_->out_of_memory()) {
    return fail(Error::ours(Code::kOutOfMemory, Stage::kNone, "out of memory"));
  }
  Error error = fetch_exchange_error(*done, head_arrived_);
  if (wire_->wanted_again()) {
    error = Error::upstream(Code::kUpstreamClosed, Stage::kNone, Retry::kNever,
                            "the upstream closed without an answer");
  }
  fail(std::move(error));
}

void FetchExchange::end() {
  over_ = true;
  timer_.stop();
  sink_->on_end();
}

// --- The exchange as its owner sees it

void FetchExchange::send_body(std::string_view bytes) {
  if (bytes.empty() || over_) return;
  upload_.append(bytes);
  if (!head_arrived_) timer_.start(plan_.options.first_byte);
  client_.note(*this);
}

void FetchExchange::end_body() {
  upload_ended_ = true;
  if (!over_) client_.note(*this);
}

void FetchExchange::pause() {
  paused_ = true;
  timer_.stop();
}

void FetchExchange::resume() {
  if (!std::exchange(paused_, false) || over_) return;
  if (head_arrived_) timer_.start(plan_.options.idle);
  client_.note(*this);
}

void FetchExchange::stop() {
  over_ = true;
  timer_.stop();
  client_.forget(*this);
  if (lookup_ != nullptr) client_.loop().retire(std::move(lookup_));
  if (dial_ != nullptr) client_.loop().retire(std::move(dial_));
  cut();
  if (lane_ != nullptr) client_.release(*std::exchange(lane_, nullptr));
}

uint64_t FetchExchange::body_sent() const {
  return wire_ != nullptr ? wire_->body_taken() : body_sent_;
}

bool FetchExchange::untouched() const {
  if (wire_ == nullptr) return untouched_;
  if (!wire_->requested()) return true;
  return wire_->unacknowledged() || (wire_->wanted_again() && !legs_.reused);
}

// --- What goes wrong

void FetchExchange::on_timer() {
  if (!connected_) {
    return fail(Error::upstream(Code::kConnectTimeout, proxy_ ? Stage::kConnect : Stage::kTls,
                                Retry::kOtherUpstream,
                                proxy_ ? "the way through the egress proxy took too long"
                                       : "the TLS handshake took too long"));
  }
  if (ended_) return end();
  if (head_arrived_) {
    return fail(Error::upstream(
        Code::kIdleTimeout, Stage::kBody, Retry::kNever,
        fmt::format("the upstream sent nothing for {} s", seconds(plan_.options.idle))));
  }
  fail(Error::upstream(
      Code::kFirstByteTimeout, Stage::kFirstByte, Retry::kNever,
      fmt::format("the upstream did not answer within {} s", seconds(plan_.options.first_byte))));
}

void FetchExchange::fail(Error error) {
  if (over_) return;
  over_ = true;
  timer_.stop();
  if (wire_ != nullptr && !connected_) note_set_up(client_.clock().now());
  const bool died = error.code == Code::kUpstreamClosed && wire_ != nullptr;
  if (error.stage == Stage::kNone) {
    const bool all_sent = upload_ended_ && upload_.empty();
    error.stage = head_arrived_ ? Stage::kBody : all_sent ? Stage::kFirstByte : Stage::kSend;
  }
  if (died && legs_.reused && !parser_.started() && (plan_.options.idempotent || untouched())) {
    error.retry = Retry::kFreshConnection;
  }
  cut();
  sink_->on_failed(std::move(error));
}

// What another try may depend on outlives what libcurl knows.
void FetchExchange::cut() {
  if (wire_ == nullptr) return;
  untouched_ = untouched();
  body_sent_ = body_sent();
  wire_.reset();
}

}  // namespace culvert
