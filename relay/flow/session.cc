// The request in the order in which it happens; see session.h.
#include "relay/flow/session.h"

#include "relay/base/limits.h"
#include "relay/base/log.h"
#include "relay/flow/model_change.h"
#include "relay/flow/pages.h"
#include "relay/flow/plan.h"
#include "relay/flow/reply.h"
#include "relay/route/route_table.h"

#include <algorithm>
#include <cassert>
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

}  // namespace

Session::Session(WorkerServices& services, ClientSide& client, RequestHead head)
    : services_(services),
      client_(client),
      table_(services.table),
      request_(std::move(head)),
      started_(services.clock.now()),
      asked_{*table_, request_, where_},
      body_(services.replay, table_->settings().replay_bytes),
      bill_(services.accounts),
      answer_(client_, services.clock, started_, record_, bill_),
      total_timer_(services.loop,
                   [this] {
                     const Stage stage = answer_.begun() ? Stage::kBody : Stage::kFirstByte;
                     fail(Error::upstream(Code::kTotalTimeout, stage, Retry::kNever,
                                          "the request took too long in all"));
                   }),
      step_timer_(services.loop, [this] { or_fail([this] { enter_step(); }); }),
      pause_timer_(services.loop, [this] { or_fail([this] { enter_again(); }); }),
      turn_timer_(services.loop, [this] { or_fail([this] { expire_turn(); }); }),
      heartbeat_timer_(services.loop, [this] { or_fail([this] { beat(); }); }) {
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

void Session::out_of_memory() {
  log::error("out of memory in a request");
  fail(Error::ours(Code::kOutOfMemory, Stage::kLimit, "out of memory"));
}

bool Session::has_body() const {
  return request_.framing == BodyFraming::kChunked ||
         (request_.framing == BodyFraming::kLength && request_.content_length > 0);
}

// --- 1. What is asked, and by whom

void Session::on_request_head() {
  if (request_.method == "CONNECT") return connect_through();
  if (request_.target == "*") return answer(options_answer(record_.id));
  auto where = locate(request_.target, table_->snapshot(), PathTokens(table_->tokens()));
  if (!where) return fail(std::move(where).error());
  where_ = std::move(where).value();
  record_.mode = mode_of(where_.place);
  record_.model = where_.model;
  if (answer_locally()) return;
  if (where_.place == Place::kStream) return read_stream();
  if (refuse_if_drained()) return;
  if (where_.place == Place::kVerify) return verify();
  if (!hear_ws()) return;
  match_route();
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

void Session::head_for(const Destination* destination) {
  headings_.clear();
  headings_.push_back(towards(asked_, destination));
  at_ = 0;
  note_heading();
}

const Heading& Session::nowhere() {
  static const Heading kNowhere;
  return kNowhere;
}

void Session::note_heading() {
  record_.upstream = heading().alias;
  record_.tenant = heading().credentials.tenant;
  record_.token_id = heading().credentials.token_id;
}

// --- 2. Where to

void Session::match_route() {
  const bool model_known = !record_.model.empty() || !has_body() || body_.whole() ||
                           beginning_.model_known();
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
  admit();
}

void Session::wait_for_model(const Route& waiting) {
  head_for(nullptr);  // who asks, and the dialect that the path names, for as long as it waits
  // A body is read for strangers only where strangers are served at all.
  if (waiting.auth && !heading().credentials.authenticated) {
    asked_.route = &waiting;
    head_for(&waiting.to.front());  // the token may stand where that upstream takes its keys
    if (!heading().credentials.authenticated) return admit();
  }
  if (awaited_ == Awaited::kRoute) return;
  awaited_ = Awaited::kRoute;
  if (request_.expect_continue) client_.send_continue();
}

// What is told in the log in any case, and what somebody may wait for.
void Session::read_beginning(std::string_view bytes) {
  body_.whole() ? beginning_.end() : beginning_.see(bytes);
  if (record_.model.empty() && !beginning_.model().empty()) {
    record_.model = beginning_.model();
    bill_.note_names(record_);
  }
  // Whether it can be kept for another try or not, so much of it is looked at.
  const bool enough = !body_.replayable() && body_.unsent().size() > limits::kHighWater;
  if (awaited_ == Awaited::kRoute && beginning_.model_known()) {
    awaited_ = Awaited::kNothing;
    match_route();
  } else if (awaited_ == Awaited::kRoute && enough) {
    model_not_found();
  } else if (awaited_ == Awaited::kCourse && (enough || beginning_known())) {
    awaited_ = Awaited::kNothing;
    begin_course();
  }
}

// Guessing a route without the model could bill another key and show the body to another company.
void Session::model_not_found() {
  awaited_ = Awaited::kNothing;
  if (body_.unsent().size() <= table_->settings().replay_bytes) {
    return fail(Error::ours(Code::kOverloaded, Stage::kLimit,
                            "too many large bodies wait for the model that they name"));
  }
  fail(Error::client(Code::kBodyTooLarge, Stage::kLimit,
                     "the body names no model in its first part, and a route waits for it: put "
                     "\"model\" first, or raise limits.replay_bytes"));
}

// Wherever the route leads, may the request go there?
void Session::admit() {
  const bool by_caller = asked_.route != nullptr && asked_.route->sticky_tenant;
  if (by_caller && heading().credentials.anonymous()) head_for(nullptr);
  const Preference destinations = preference();
  std::optional<Error> refused;
  std::optional<Heading> refused_heading;
  headings_.clear();
  for (const Destination* destination : destinations) {
    Heading& heading = headings_.push_back(towards(asked_, destination, headings_));
    auto admitted = culvert::admit(asked_, &heading);
    // A caller's own key is for the upstream that it was meant for.
    const bool strange = heading.payer == Payer::kOwn && heading.alias != headings_.front().alias;
    if (admitted && !strange) continue;
    if (!admitted && !refused) {
      refused = std::move(admitted).error();
      refused_heading = std::move(heading);
    }
    headings_.truncate(headings_.size() - 1);
  }
  if (headings_.empty()) {
    headings_.push_back(*std::move(refused_heading));
    note_heading();
    return fail(*std::move(refused));
  }
  note_heading();
  plan_course();
}

Preference Session::preference() const {
  if (asked_.route == nullptr) return {nullptr};
  const auto sticky = sticky_text();
  return in_order_of_preference(*asked_.route, sticky, services_.random);
}

// What one client always brings, where the route asks for it.
std::optional<std::string> Session::sticky_text() const {
  const Route& route = *asked_.route;
  const Credentials& credentials = heading().credentials;
  if (route.sticky_tenant && !credentials.anonymous()) return credentials.account();
  if (route.sticky_header.empty()) return std::nullopt;
  const auto value = request_.headers.find(route.sticky_header);
  return value ? std::optional<std::string>(*value) : std::nullopt;
}

void Session::plan_course() {
  const uint64_t most = table_->settings().body_bytes;
  if (most > 0 && request_.framing == BodyFraming::kLength && request_.content_length > most) {
    return fail(
        Error::client(Code::kBodyTooLarge, Stage::kLimit, "the body is larger than the limit"));
  }
  if (ws_ && nothing_upgrades()) {
    return fail(Error::client(Code::kNotImplemented, Stage::kRoute,
                              "this upstream is reached by the strategy fetch alone, and a "
                              "WebSocket needs socket or via"));
  }
  if (auto heard = hear_replay(); !heard) return fail(std::move(heard).error());
  if (heading().timeouts.total > Duration::zero()) total_timer_.start(heading().timeouts.total);
  Stops stops;
  if (heading().generic()) guest_ = guest_of(asked_);
  for (const Heading& heading : headings_) stops.push_back(stop_of(heading));
  course_.emplace(services_.clock, services_.random, table_->settings().aggressive_fallback,
                  std::move(stops));
  if (request_.expect_continue) client_.send_continue();
  key_.emplace(services_, *table_);
  if (has_body() && key_->sticky(key_asked())) {
    beginning_.want_prompt(body_.unsent(), body_.whole());
  }
  if (beginning_known()) return begin_course();
  awaited_ = Awaited::kCourse;
}

Stop Session::stop_of(const Heading& heading) const {
  const Upstream& upstream = heading.generic() ? *guest_ : *heading.upstream;
  std::optional<RetrySettings> own_retry;
  const Route* route = asked_.route;
  if (route != nullptr && route->retry != RetryOverrides()) {
    own_retry = merged(upstream.retry, route->retry);
  }
  return {.destination = heading.destination,
          .upstream = &upstream,
          .health =
              heading.generic() ? services_.health.guest(upstream) : table_->health(heading.alias),
          .own_retry = std::move(own_retry),
          .upgrades = ws_.has_value()};
}

// Whether the body has told what the way depends on: a model that is replaced, a conversation that
// keeps its key.
bool Session::beginning_known() const {
  if (!has_body() || body_.whole()) return true;
  const bool replaces = std::any_of(headings_.begin(), headings_.end(),
                                    [](const Heading& way) { return way.rewrites_body(); });
  return beginning_.prompt_known() && (!replaces || beginning_.model_known());
}

void Session::begin_course() {
  if (!ws_) start_heartbeats();
  course_->begin();
  enter_step();
}

void Session::enter_step() {
  const size_t before = at_;
  while (headings_[at_].destination != course_->step().stop->destination) {
    at_ = (at_ + 1) % headings_.size();
  }
  if (at_ != before) {
    key_.emplace(services_, *table_);
    note_heading();
  }
  record_.path = loggable_path(join_path(course_->target().url.path, heading().path), dialect());
  take_turn();
}

// --- 3. When, and who pays

void Session::take_turn() {
  const Stop& stop = *course_->step().stop;
  const Priority priority =
      asked_.route == nullptr ? Priority::kNormal : asked_.route->priority;
  auto entry = stop.health->concurrency().enter(
      stop.upstream->concurrency, priority,
      [&loop = services_.loop](std::function<void()> task) { loop.post(std::move(task)); }, *this);
  if (!entry) return give_up_or_go_on(std::move(entry).error());
  if (entry->slot) return on_slot(*std::move(entry->slot));
  turn_ = std::move(entry->wait);
  turn_timer_.start(stop.upstream->concurrency.queue_age);
}

void Session::on_slot(Slot slot) {
  or_fail([&] {
    end_turn();
    slot_ = std::move(slot);
    choose_key();
  });
}

void Session::on_no_slot(Error error) {
  or_fail([&] {
    end_turn();
    give_up_or_go_on(std::move(error));
  });
}

void Session::end_turn() {
  turn_.reset();
  turn_timer_.stop();
}

void Session::expire_turn() {
  const Stop& stop = *course_->step().stop;
  turn_timer_.start(stop.upstream->concurrency.queue_age);
  stop.health->concurrency().expire(stop.upstream->concurrency);
}

void Session::choose_key() {
  // Nobody else's key has the answer that is fetched.
  if (recovery_ && recovery_->same_key() && key_->secret() != nullptr) return connect();
  if (auto chosen = next_key(); !chosen) return give_up_or_go_on(std::move(chosen).error());
  record_.key = key_->masked();
  connect();
}

Result<void> Session::next_key() {
  PayingKey::Asked asked = key_asked();
  if (!key_->sticky(asked)) return key_->choose(asked);
  const std::string conversation = this->conversation();
  asked.conversation = conversation;
  return key_->choose(asked);
}

PayingKey::Asked Session::key_asked() const {
  return {.upstream = heading().alias,
          .payer = heading().payer,
          .credentials = heading().credentials,
          .model = record_.model,
          .pool = heading().key_pool,
          .conversation = {}};
}

// It is its tenant's, or its caller's.
std::string Session::conversation() const {
  const Credentials& credentials = heading().credentials;
  const std::string prompt = beginning_.prompt();
  if (prompt.empty()) return credentials.caller() + client_.peer().text();
  return prompt + credentials.account();
}

// --- 4. Up

void Session::connect() {
  int64_t growth = this->growth();
  const bool sends = has_body() && !(recovery_ && recovery_->fetches());
  if (heading().rewrites_body() && sends) {  // a list of models names none
    auto grown = growth_of(heading().model, unsent(), table_->settings().replay_bytes);
    if (!grown) return fail(std::move(grown).error());
    growth += *grown;
    rewriter_.emplace(heading().model, table_->settings().replay_bytes);
  }
  ++record_.attempts;
  record_.resolve_ms = record_.connect_ms = record_.tls_ms = -1;  // of the last attempt
  const Course::Step& step = course_->step();
  if (ws_) new_ws_key();
  AttemptPlan plan = plan_attempt(growth);
  plan.exchange.fresh = step.fresh_connection;
  set_way(step.strategy, key_->way_out(), &plan);
  ws_sent_ = plan.ws_protocols;
  record_.strategy = plan.strategy.text();
  services_.metrics.upstream(metric_label()).attempted(record_.strategy);
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
  if (!send_unsent()) return;
  if (body_.whole() && !body_ended_) {
    body_ended_ = true;
    attempt_->end_body();
  }
  hold_back_client();
}

bool Session::send_unsent() {
  if (!rewriter_) {
    attempt_->send_body(unsent());
  } else {
    std::string rewritten;
    auto rewriting = checked(rewriter_->feed(unsent(), &rewritten));
    if (!rewriting) {
      fail(std::move(rewriting).error());
      return false;
    }
    attempt_->send_body(rewritten);
  }
  mark_sent();
  return true;
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
  if (reader_ != nullptr) return;  // a GET's, which says nothing
  const bool straight = goes_straight_up();
  straight ? body_.passed_by() : body_.append(bytes);
  const bool read = awaited_ != Awaited::kNothing || dialect() != Dialect::kOpaque;
  if (read) bill_.see_request(bytes);
  const bool waited = awaited_ != Awaited::kNothing;
  if (read) read_beginning(bytes);
  if (waited || finished_) return;
  if (straight) attempt_->send_body(bytes);
  if (!straight && attempt_ != nullptr && attempt_->connected()) return send_request();
  hold_back_client();
}

// What nobody may send again, and nothing before it waits, needs not be kept for a moment.
bool Session::goes_straight_up() const {
  return awaited_ == Awaited::kNothing && !body_.replayable() && body_.unsent().empty() &&
         attempt_ != nullptr && attempt_->connected() && !rewriter_ && !recovery_;
}

void Session::on_request_end() {
  if (finished_) return;
  or_fail([this] {
    if (verify_ != nullptr) return verify_->on_body_end();
    body_.end();
    if (awaited_ != Awaited::kNothing) return read_beginning({});
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

void Session::rest() {
  if (attempt_ != nullptr) attempt_->rest();
}

void Session::on_request_broken(Error error) {
  if (!finished_) fail(std::move(error));
}

}  // namespace culvert
