// Requests that become tunnels. A WebSocket is planned and tried as any other request, and nothing
// is a tunnel before the upstream's own 101 was found right; CONNECT leads where the client says,
// within what the operator allows; see session.h and request_tunnel.h.
#include "relay/base/base64.h"
#include "relay/base/limits.h"
#include "relay/base/query.h"
#include "relay/base/url.h"
#include "relay/codec/error_body.h"
#include "relay/crypto/digest.h"
#include "relay/flow/session.h"
#include "relay/flow/tunnel_end.h"
#include "relay/gate/downstream_headers.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace culvert {
namespace {

constexpr std::string_view kAccept = "Sec-WebSocket-Accept";

std::string list_of(const std::vector<uint16_t>& ports) {
  std::string list;
  for (const uint16_t port : ports) {
    if (!list.empty()) list += ", ";
    list += std::to_string(port);
  }
  return list;
}

// RFC 6455 §4.1: 16 bytes that nobody can guess.
std::string random_ws_key(Random& random) {
  std::string bytes;
  for (const uint64_t half : {random.next(), random.next()}) {
    for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(half >> shift & 0xFF);
  }
  return base64_encode(bytes);
}

}  // namespace

bool Session::refuse_if_drained() {
  if (!services_.process.held.load()) return false;
  Error error = Error::ours(Code::kDraining, Stage::kLimit,
                            "this relay is drained; ask another one, or again later");
  error.retry_after = limits::kDrainedRetry.count();
  fail(std::move(error));
  return true;
}

// --- WebSocket

// False where the request was refused.
bool Session::hear_ws() {
  std::optional<WsRefusal> refusal;
  if (asks_for_ws(request_)) {
    WsOffer offer;
    refusal = read_ws_request(request_, &offer);
    if (!refusal) ws_.emplace(std::move(offer));
  } else if (where_.ws_only) {
    refusal = WsRefusal{426, Error::client(Code::kBadRequest, Stage::kRequest,
                                           "a ws or wss target takes WebSockets alone")};
  }
  if (refusal) {
    refuse_ws(*std::move(refusal));
    return false;
  }
  if (!ws_) return true;
  asked_.ws = &*ws_;
  record_.mode = "websocket";
  if (const auto models = query_values(where_.path, "model"); record_.model.empty()) {
    if (models.size() == 1) record_.model = percent_decode(models.front());
  }
  return true;
}

void Session::refuse_ws(WsRefusal refusal) {
  if (refusal.status != 426) return fail(std::move(refusal.error));
  record_.stage = refusal.error.stage;
  record_.error = error_message(refusal.error);
  LocalAnswer local =
      error_answer(refusal.error, answer_dialect(), record_.id, services_.clock.wall());
  local.head.status = record_.status = refusal.status;
  local.head.headers.add("Sec-WebSocket-Version", kWsVersion);
  local.head.headers.add("Upgrade", "websocket");
  local.head.headers.add("Connection", "Upgrade");
  send(client_, std::move(local));
  finish(Outcome::kClientError);
}

bool Session::nothing_upgrades() const {
  return std::none_of(headings_.begin(), headings_.end(), [](const Heading& way) {
    if (way.generic()) return true;
    const auto& ways = way.upstream->strategies;
    return std::any_of(ways.begin(), ways.end(),
                       [](const Strategy& one) { return one != Strategy::kFetch; });
  });
}

// The client's own never goes up: some libraries have a fixed one, which would tell them apart, and
// each try is a handshake of its own, whose answer no earlier one can foresee.
void Session::new_ws_key() { ws_key_ = random_ws_key(services_.random); }

void Session::switch_protocols(const ResponseHead& head) {
  auto agreed = check_ws_answer(head, ws_accept(ws_key_, sha1), ws_sent_, ws_->extensions);
  if (!agreed) return give_up_or_go_on(std::move(agreed).error());
  key_->judge(head);
  judge(answer_of(head, false));
  record_.first_byte_ms = since_start_ms();
  const Timeouts timeouts = heading().timeouts;
  tunnel_.emplace(services_, record_, bill_, "http/websocket", started_,
                  static_cast<RequestTunnelSink&>(*this));
  Headers headers = agreement(head);
  const std::string reason = head.reason;
  Switched upstream = attempt_->take_channel();
  // A WebSocket says itself where it ends (RFC 6455 §7), and browsers leave close_notify out.
  begin_tunnel(head.status, reason, std::move(headers), std::move(upstream), timeouts,
               Splice::Cuts::kPassOn);
}

// The upstream's 101 as the client gets it: the accept is that of its own key.
Headers Session::agreement(const ResponseHead& head) const {
  Headers down = downstream_headers(head.headers, heading().generic(), record_.id);
  down.set(kAccept, ws_accept(ws_->key, sha1));
  down.set("Upgrade", "websocket");
  down.set("Connection", "Upgrade");
  if (heading().credentials.authenticated) {
    down.set("X-Culvert-Strategy", record_.strategy);
  }
  return down;
}

void Session::begin_tunnel(int status,
                           std::string_view reason,
                           Headers headers,
                           Switched upstream,
                           Timeouts timeouts,
                           Splice::Cuts cuts) {
  tunnel_->take_upstream(std::move(upstream));
  stop_attempt();
  total_timer_.stop();
  body_.stop_replay();
  record_.status = status;
  bill_.note_names(record_);
  tunnelled_ = true;  // also if what follows fails half way
  tunnel_->take_client(client_.become_tunnel(status, reason, std::move(headers)));
  Duration total = timeouts.total;
  if (total > Duration::zero()) {
    const Duration left = total - (services_.clock.now() - started_);
    total = std::max<Duration>(left, std::chrono::milliseconds(1));
  }
  tunnel_->begin({timeouts.idle, total, cuts});
}

void Session::on_tunnel_over(SpliceEnd end) {
  or_fail([&] {
    record_.close = close_word(end.cause);
    record_.error = words_of(end, "upstream");
    if (end.cause != SpliceEnd::Cause::kWhole) record_.stage = Stage::kBody;
    finish(culvert::outcome_of(end.cause));
  });
}

// --- CONNECT

void Session::connect_through() {
  record_.mode = "connect";
  record_.path = request_.target;
  if (refuse_if_drained()) return;
  auto to = connect_asked();
  if (!to) return fail(std::move(to).error());
  record_.upstream = "connect";
  record_.strategy = Strategy::kSocket.text();
  record_.attempts = 1;
  bill_.open(record_);
  tunnel_.emplace(services_, record_, bill_, "http/connect", started_,
                  static_cast<RequestTunnelSink&>(*this));
  tunnel_->connect(connect_plan(*std::move(to)));
}

// Where to, if this client may go there.
Result<HostPort> Session::connect_asked() {
  Credentials& who = headings_.push_back({}).credentials;
  who = read_credentials(request_.headers, request_.target, nullptr, {}, table_->tokens());
  record_.tenant = who.tenant;
  record_.token_id = who.token_id;
  if (who.fault) return *who.fault;
  if (!who.authenticated) {
    return Error::client(Code::kUnauthorized, Stage::kAuth,
                         "CONNECT needs a relay token in Proxy-Authorization");
  }
  auto to = CULVERT_TRY(parse_connect_authority(request_.target));
  const auto& ports = table_->settings().connect_ports;
  if (std::find(ports.begin(), ports.end(), to.port) == ports.end()) {
    return Error::client(
        Code::kForbidden, Stage::kRoute,
        "CONNECT may not reach port " + std::to_string(to.port) + "; allowed: " + list_of(ports));
  }
  return to;
}

ConnectPlan Session::connect_plan(HostPort to) const {
  const Timeouts& timeouts = table_->settings().timeouts;
  ConnectPlan plan;
  plan.tls = false;
  plan.host = std::move(to.host);
  plan.port = to.port;
  plan.policy = &table_->generic_policy();
  plan.resolve_timeout = timeouts.resolve;
  plan.connect_timeout = timeouts.connect;
  return plan;
}

void Session::on_through(Connection connection) {
  or_fail([&] {
    note_legs(connection.legs);
    record_.first_byte_ms = since_start_ms();
    Headers headers;
    headers.add("X-Request-Id", record_.id);
    begin_tunnel(200, "Connection established", std::move(headers),
                 {std::move(connection.channel), {}}, table_->settings().timeouts,
                 Splice::Cuts::kBreakOff);
  });
}

void Session::on_not_through(Error error, const Legs& legs) {
  or_fail([&] {
    note_legs(legs);
    fail(std::move(error));
  });
}

}  // namespace culvert
