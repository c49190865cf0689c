// The request in the order in which it happens; see session.h.
#include "relay/flow/session.h"

#include "relay/base/limits.h"
#include "relay/base/log.h"
#include "relay/base/text.h"
#include "relay/codec/error_body.h"
#include "relay/flow/pages.h"
#include "relay/flow/plan.h"
#include "relay/flow/reply.h"
#include "relay/gate/downstream_headers.h"

#include <cassert>
#include <new>
#include <utility>

namespace culvert {
namespace {

// Asks the gate whether a path segment is a token: the rooms of the stages do not know each other.
class PathTokens final : public TokenCheck {
 public:
  explicit PathTokens(const Tokens& tokens) : tokens_(tokens) {}
  bool is_token(std::string_view text) const override { return tokens_.is_token(text); }

 private:
  const Tokens& tokens_;
};

bool has_body(const RequestHead& head) {
  return head.framing == BodyFraming::kChunked ||
         (head.framing == BodyFraming::kLength && head.content_length > 0);
}

}  // namespace

Session::Session(WorkerServices& services, ClientSide& client, RequestHead head)
    : services_(services),
      client_(client),
      table_(services.table),
      request_(std::move(head)),
      started_(services.clock.now()),
      asked_{*table_, request_, where_},
      body_(services.replay, table_->settings().replay_bytes),
      key_(services, *table_),
      bill_(services.accounts),
      answer_(client, services.clock, started_, record_, bill_),
      total_timer_(services.loop, [this] {
        fail(Error::upstream(Code::kTotalTimeout, Stage::kBody, Retry::kNever,
                             "the request took too long in all"));
      }) {
  record_.time = services.clock.wall();
  record_.id = random_id(services.random);
  record_.method = request_.method;
  record_.client = logged_address(client.peer(), table_->settings().client_address);
}

Session::~Session() { assert(finished_); }

void Session::start() {
  or_fail([this] { on_request_head(); });
}

void Session::refuse(Error error) { fail(std::move(error)); }

// Around every call from outside: memory that runs out half way is an error of this request.
template <class Step>
void Session::or_fail(Step step) {
  try {
    step();
  } catch (const std::bad_alloc&) {
    log::error("out of memory in a request");
    fail(Error::ours(Code::kOutOfMemory, Stage::kLimit, "out of memory"));
  }
}

// --- 1. What is asked, and by whom

void Session::on_request_head() {
  if (request_.method == "CONNECT") {
    return fail(Error::client(Code::kNotImplemented, Stage::kRoute,
                              "CONNECT is not carried by this version"));
  }
  if (request_.target == "*") return answer(options_answer(record_.id));
  auto where = locate(request_.target, table_->snapshot(), PathTokens(table_->tokens()));
  if (!where) return fail(std::move(where).error());
  where_ = std::move(where).value();
  record_.mode = mode_of(where_.place);
  record_.model = where_.model;
  if (answer_locally()) return;
  if (services_.process.held.load()) {
    Error error = Error::ours(Code::kDraining, Stage::kLimit,
                              "this relay is drained; ask another one, or again later");
    error.retry_after = limits::kDrainedRetry.count();
    return fail(std::move(error));
  }
  if (where_.place == Place::kVerify) return verify();
  identify();
}

bool Session::answer_locally() {
  if (const auto preflight = table_->cors().preflight(request_.method, request_.headers)) {
    LocalAnswer local = text_answer(204, {}, {}, record_.id);
    for (const Header& field : *preflight) local.head.headers.add(field.name, field.value);
    local.head.body = AnswerHead::Body::kNone;
    answer(std::move(local));
    return true;
  }
  auto page = local_page(where_.place, request_, record_.id, services_);
  if (!page) return false;
  record_.path = where_.path.substr(0, where_.path.find('?'));  // without a token before it
  answer(std::move(*page));
  return true;
}

void Session::verify() {
  record_.path = "/verify";
  verify_ = std::make_unique<Verify>(services_, table_, static_cast<VerifySink&>(*this));
  if (request_.expect_continue) client_.send_continue();
  verify_->start(request_, where_, client_.peer());
}

void Session::on_verify_begins() {
  AnswerHead head;
  head.headers.add("Content-Type", "text/event-stream; charset=utf-8");
  head.headers.add("X-Request-Id", record_.id);
  head.headers.add("Cache-Control", "no-store");
  head.body = AnswerHead::Body::kUnknown;
  table_->cors().decorate(request_.headers, &head.headers);
  record_.status = head.status;
  verify_begun_ = true;
  client_.send_head(head);
}

void Session::on_verified(std::string_view event) {
  record_.bytes_out += event.size();
  client_.send_body(event);
}

void Session::on_verify_over() {
  client_.send_end();
  finish(Outcome::kOk);
}

// The dialect that the path names, as far as it is known before a route matched.
void Session::identify() {
  heading_ = towards(asked_, nullptr);
  note_caller();
  match_route();
}

// --- 2. Where to

void Session::match_route() {
  const bool model_known = !record_.model.empty() || !has_body(request_) || body_.whole() ||
                           scanner_.state() != ModelScanner::State::kNeedMore;
  RouteTable::Match match;
  // A host that the client names is nobody else's business: what it brings is for that host alone.
  if (where_.place != Place::kGeneric) {
    match = table_->routes().find({.path = where_.path,
                                   .host = request_.host,
                                   .model = record_.model,
                                   .model_known = model_known,
                                   .headers = request_.headers});
  }
  if (match.needs_model) return wait_for_model(*match.route);
  asked_.route = match.route;
  if (match.route != nullptr) {
    record_.mode = "route";
    record_.route = match.route->name;
  }
  head_for(pick_destination());
  admit();
}

const Destination* Session::pick_destination() {
  if (asked_.route == nullptr) return nullptr;
  std::vector<uint32_t> weights;
  for (const Destination& destination : asked_.route->to) weights.push_back(destination.weight);
  return &asked_.route->to[pick_weighted(weights, services_.random)];
}

void Session::head_for(const Destination* destination) {
  heading_ = towards(asked_, destination);
  record_.upstream = heading_.alias;
  note_caller();
}

void Session::note_caller() {
  record_.tenant = heading_.credentials.tenant;
  record_.token_id = heading_.credentials.token_id;
}

void Session::wait_for_model(const Route& waiting) {
  // A body is read for strangers only where strangers are served at all.
  if (waiting.auth && !heading_.credentials.authenticated) {
    asked_.route = &waiting;
    head_for(&waiting.to.front());  // the token may stand where that upstream takes its keys
    if (!heading_.credentials.authenticated) return admit();
  }
  if (waiting_for_model_) return;
  waiting_for_model_ = true;
  if (request_.expect_continue) client_.send_continue();
}

// The model's name is told in the log in any case; where a route waits for it, it goes on from
// here.
void Session::scan_model(std::string_view bytes) {
  if (scanner_.state() == ModelScanner::State::kNeedMore) {
    const auto state = body_.whole() ? scanner_.finish() : scanner_.feed(bytes);
    if (state == ModelScanner::State::kFound) {
      record_.model = scanner_.model();
      bill_.note_names(record_);
    }
    if (state == ModelScanner::State::kNeedMore) {
      // Whether it can be kept for another key or not, so much of it is looked at.
      const bool enough = !body_.replayable() && body_.unsent().size() > limits::kHighWater;
      return waiting_for_model_ && enough ? model_not_found() : void();
    }
  }
  if (!std::exchange(waiting_for_model_, false)) return;
  match_route();
}

// Guessing a route without the model could bill another key and show the body to another company.
void Session::model_not_found() {
  waiting_for_model_ = false;
  if (body_.unsent().size() <= table_->settings().replay_bytes) {
    return fail(Error::ours(Code::kOverloaded, Stage::kLimit,
                            "too many large bodies wait for the model that they name"));
  }
  fail(Error::client(Code::kBodyTooLarge, Stage::kLimit,
                     "the body names no model in its first part, and a route waits for it: put "
                     "\"model\" first, or raise limits.replay_bytes"));
}

void Session::admit() {
  if (auto admitted = culvert::admit(asked_, &heading_); !admitted) {
    return fail(std::move(admitted).error());
  }
  const uint64_t most = table_->settings().body_bytes;
  if (most > 0 && request_.framing == BodyFraming::kLength && request_.content_length > most) {
    return fail(
        Error::client(Code::kBodyTooLarge, Stage::kLimit, "the body is larger than the limit"));
  }
  if (request_.expect_continue) client_.send_continue();
  pick_target();
  if (heading_.timeouts.total > Duration::zero()) total_timer_.start(heading_.timeouts.total);
  find_conversation();
}

void Session::pick_target() {
  std::string path = heading_.path;
  if (heading_.upstream == nullptr) {
    target_ = where_.url;
  } else {
    std::vector<uint32_t> weights;
    for (const Target& target : heading_.upstream->targets) weights.push_back(target.weight);
    target_ = heading_.upstream->targets[pick_weighted(weights, services_.random)].url;
    path = join_path(target_.path, path);
  }
  record_.path = loggable_path(path, dialect());
}

// --- 3. Who pays

void Session::choose_key() {
  if (auto chosen = next_key(); !chosen) return fail(std::move(chosen).error());
  record_.key = key_.masked();
  connect();
}

// A pool that keeps conversations with their keys waits for the beginning of the prompt.
void Session::find_conversation() {
  if (!has_body(request_) || dialect() == Dialect::kOpaque || !key_.wants_prompt(key_asked())) {
    return choose_key();
  }
  waiting_for_prompt_ = true;
  scan_prompt(body_.unsent());
}

void Session::scan_prompt(std::string_view bytes) {
  const auto state = body_.whole() ? (prompt_.feed(bytes), prompt_.finish()) : prompt_.feed(bytes);
  const bool enough = !body_.replayable() && body_.unsent().size() > limits::kHighWater;
  if (state == PromptPrefix::State::kNeedMore && !enough) return;
  waiting_for_prompt_ = false;
  choose_key();
}

PayingKey::Asked Session::key_asked() const {
  const Credentials& who = heading_.credentials;
  std::string sticky = prompt_.digest();
  if (sticky.empty()) {
    sticky = who.caller + client_.peer().text();
  } else {
    sticky += who.tenant.empty() ? who.caller : who.tenant;
  }
  return {heading_.alias, heading_.payer, who, std::move(sticky), record_.model, {}};
}

Result<void> Session::next_key() { return key_.choose(key_asked()); }

// --- 4. Up

void Session::connect() {
  ++record_.attempts;
  record_.resolve_ms = record_.connect_ms = record_.tls_ms = -1;  // of the last attempt
  AttemptPlan plan = plan_of({asked_, heading_, target_, key_.secret()});
  plan.fresh = fresh_connection_;
  body_ended_ = false;
  bill_.open(record_);
  attempt_ =
      std::make_unique<Attempt>(services_, std::move(plan), static_cast<AttemptSink&>(*this));
  attempt_->start();
}

void Session::on_connected() {
  or_fail([this] { send_request(); });
}

void Session::send_request() {
  note_legs();
  attempt_->send_body(body_.unsent());
  body_.mark_sent();
  if (body_.whole() && !body_ended_) {
    body_ended_ = true;
    attempt_->end_body();
  }
  hold_back_client();
}

void Session::on_request_body(std::string_view bytes) {
  if (!finished_) or_fail([&] { take_body(bytes); });
}

void Session::take_body(std::string_view bytes) {
  record_.bytes_in += bytes.size();
  const uint64_t most = table_->settings().body_bytes;
  if (most > 0 && record_.bytes_in > most) {
    return fail(
        Error::client(Code::kBodyTooLarge, Stage::kLimit, "the body is larger than the limit"));
  }
  if (verify_ != nullptr) return verify_->on_body(bytes);
  body_.append(bytes);
  const bool prompt = waiting_for_prompt_;
  if (waiting_for_model_ || dialect() != Dialect::kOpaque) bill_.see_request(bytes);
  const bool waited = waiting_for_model_;
  if (waited || dialect() != Dialect::kOpaque) scan_model(bytes);
  if (waited || finished_) return;
  if (prompt) return scan_prompt(bytes);
  if (attempt_ != nullptr && attempt_->connected()) return send_request();
  hold_back_client();
}

void Session::on_request_end() {
  if (finished_) return;
  or_fail([this] {
    if (verify_ != nullptr) return verify_->on_body_end();
    body_.end();
    if (waiting_for_prompt_) return scan_prompt({});
    if (waiting_for_model_) return scan_model({});
    if (attempt_ != nullptr && attempt_->connected()) send_request();
  });
}

// The client is read no faster than the upstream takes; before there is one, up to the mark.
void Session::hold_back_client() {
  size_t waiting = body_.unsent().size();
  if (attempt_ != nullptr && attempt_->connected()) waiting += attempt_->upload_queued();
  if (waiting > limits::kHighWater) {
    client_held_back_ = true;
    client_.pause_body();
  } else if (client_held_back_) {
    client_held_back_ = false;
    client_.resume_body();
  }
}

void Session::on_upload_drained() { hold_back_client(); }

void Session::on_request_broken(Error error) {
  if (!finished_) fail(std::move(error));
}

// --- 5. The answer's head: is it the client's, or about the key?

// RFC 9110 §15.2: a proxy forwards them.
void Session::on_interim(const ResponseHead& head) {
  or_fail([&] {
    client_.send_interim(head.status, downstream_headers(head.headers, heading_.generic(), {}));
  });
}

void Session::on_head(const ResponseHead& head) {
  or_fail([&] { take_head(head); });
}

void Session::take_head(const ResponseHead& head) {
  switch (key_.judge(head)) {
    case PayingKey::Verdict::kPass:
      return accept_answer(head);
    case PayingKey::Verdict::kRefused:
      return try_next_key(false);
    case PayingKey::Verdict::kReadRefusal:
      return;
  }
}

// Enough of a refusal was read, or all of it.
void Session::judge_refusal(bool whole) {
  if (key_.conclude() == PayingKey::Verdict::kRefused) return try_next_key(whole);
  pass_refusal(whole);
}

// It is the client's after all.
void Session::pass_refusal(bool whole) {
  const auto kept = key_.take_kept();
  accept_answer(kept->head);
  if (!kept->body.empty()) carry_body(kept->body);
  if (whole) end_answer();
}

// Kept from the client, because another key may do better.
void Session::try_next_key(bool whole) {
  key_.set_aside();
  auto chosen = next_key();
  if (chosen && !body_.replayable()) {
    chosen = Error::ours(Code::kKeysUnavailable, Stage::kLimit,
                         "the key was refused, and the body is too large to be sent again");
  } else if (chosen && record_.attempts >= limits::kAttempts) {
    chosen = Error::ours(Code::kKeysUnavailable, Stage::kLimit,
                         "several keys were refused one after the other");
  }
  if (!chosen && whole && key_.worth_telling()) return pass_refusal(whole);
  stop_attempt();
  // Where none is left, the pool knows why, and when to come again.
  if (!chosen) return fail(std::move(chosen).error());
  log::debug("another key is tried", {{"id", record_.id}, {"upstream", record_.upstream}});
  record_.key = key_.masked();
  body_.rewind();
  fresh_connection_ = false;
  connect();
}

void Session::accept_answer(const ResponseHead& head) {
  body_.stop_replay();  // nothing is sent again from here on
  AnswerHead down = answer_head(head, heading_.generic(), record_.id);
  table_->cors().decorate(request_.headers, &down.headers);
  answer_.begin(head, down, dialect());
}

// --- 6. The answer's body

void Session::on_body(std::string_view bytes) {
  or_fail([&] {
    if (!key_.reading_refusal()) return carry_body(bytes);
    if (key_.keep(bytes)) judge_refusal(false);
  });
}

void Session::carry_body(std::string_view bytes) {
  answer_.body(bytes);
  if (answer_.holds_back()) attempt_->pause();
}

void Session::on_client_drained() {
  if (!finished_ && answer_.drained()) attempt_->resume();
}

void Session::on_end() {
  or_fail([this] { key_.reading_refusal() ? judge_refusal(true) : end_answer(); });
}

void Session::end_answer() {
  if (!answer_.complete()) {
    return fail(Error::upstream(Code::kUpstreamClosed, Stage::kBody, Retry::kNever,
                                "the stream ended without its end marker"));
  }
  settle(Outcome::kOk);  // before the client can see the end: what it has is on disk
  client_.send_end();
  finish(Outcome::kOk);
}

// --- 7. What goes wrong, and the end

void Session::on_attempt_failed(Error error) {
  or_fail([&] { retry_or_fail(std::move(error)); });
}

void Session::retry_or_fail(Error error) {
  note_legs();
  if (key_.reading_refusal()) {
    judge_refusal(false);
    if (!answer_.begun() || finished_) return;
  }
  if (error.retry == Retry::kFreshConnection && !fresh_connection_ && body_.replayable() &&
      !answer_.begun()) {
    log::debug("a pooled connection had died; a fresh one is tried",
               {{"id", record_.id}, {"upstream", record_.upstream}});
    stop_attempt();
    fresh_connection_ = true;
    body_.rewind();
    return connect();
  }
  fail(std::move(error));
}

void Session::on_client_gone() {
  if (finished_) return;
  // SDKs close as soon as they have read the end marker, without the end of the framing.
  if (answer_.ended()) return finish(Outcome::kOk);
  record_.stage = answer_.begun() ? Stage::kBody : Stage::kNone;
  record_.error = "the client left";
  finish(Outcome::kAborted);
}

void Session::fail(Error error) {
  if (finished_) return;
  try {
    tell(std::move(error));
  } catch (const std::bad_alloc&) {
    client_.cut();  // there is no memory even to say so
    finish(Outcome::kRelayError);
  }
}

void Session::tell(Error error) {
  record_.stage = error.stage;
  record_.error = error_message(error);
  log::debug("a request failed", {{"id", record_.id},
                                  {"upstream", record_.upstream},
                                  {"attempt", record_.attempts},
                                  {"stage", to_string(error.stage)},
                                  {"error", record_.error}});
  if (answer_.begun()) {
    answer_.truncate(error);
    return finish(Outcome::kTruncated);
  }
  if (verify_begun_) {
    client_.cut();
    return finish(Outcome::kTruncated);
  }
  stop_attempt();
  LocalAnswer local = error_answer(error, answer_dialect(), record_.id, services_.clock.wall(),
                                   request_.method == "CONNECT");
  table_->cors().decorate(request_.headers, &local.head.headers);
  record_.status = local.head.status;
  send(client_, std::move(local));
  finish(outcome_of(error.fault));
}

void Session::answer(LocalAnswer local) {
  if (record_.mode.empty()) record_.mode = "local";
  record_.status = local.head.status;
  record_.bytes_out = local.body.size();
  send(client_, std::move(local));
  finish(Outcome::kOk);
}

void Session::finish(Outcome outcome) {
  if (finished_) return;
  finished_ = true;
  total_timer_.stop();
  if (verify_ != nullptr) {
    verify_->stop();
    services_.loop.retire(std::move(verify_));
  }
  try {
    stop_attempt();
    account(outcome);
    key_.count_tokens(record_.tokens_in.value_or(0) + record_.tokens_out.value_or(0));
    key_.release();
  } catch (const std::bad_alloc&) {
    log::error("out of memory while a request was recorded");
  }
  client_.session_over();
}

void Session::settle(Outcome outcome) {
  record_.outcome = outcome;
  record_.total_ms = since_start_ms();
  bill_.settle(answer_.carry(), heading_.credentials.authenticated, &record_);
}

void Session::account(Outcome outcome) {
  settle(outcome);
  services_.metrics.upstream(metric_label()).finished(record_);
  if (table_->settings().access_log) services_.access_log.write(record_);
}

void Session::stop_attempt() {
  if (attempt_ == nullptr) return;
  attempt_->stop();
  services_.loop.retire(std::move(attempt_));
}

void Session::note_legs() {
  if (attempt_ == nullptr) return;
  const Legs& legs = attempt_->legs();
  record_.reused = legs.reused;
  if (legs.reused) return;
  if (legs.resolve > Duration::zero()) record_.resolve_ms = milliseconds(legs.resolve);
  if (legs.connect > Duration::zero()) record_.connect_ms = milliseconds(legs.connect);
  if (legs.tls > Duration::zero()) record_.tls_ms = milliseconds(legs.tls);
}

double Session::since_start_ms() const { return milliseconds(services_.clock.now() - started_); }

Dialect Session::dialect() const { return heading_.dialect(); }

// The errors of an endpoint speak its dialect, also where no upstream was chosen yet.
Dialect Session::answer_dialect() const {
  if (heading_.upstream != nullptr) return dialect();
  return where_.place == Place::kGemini ? Dialect::kGemini : Dialect::kOpaque;
}

std::string Session::metric_label() const {
  return record_.upstream.empty() ? "none" : record_.upstream;
}

}  // namespace culvert
