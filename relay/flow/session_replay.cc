// Streams that are kept for clients that lose their connection: the request that makes one, also
// when its client has left, and the request that reads one on; see session.h and client_link.h.
#include "relay/base/limits.h"
#include "relay/base/secret.h"
#include "relay/flow/pages.h"
#include "relay/flow/session.h"
#include "relay/gate/replay_request.h"

#include <utility>

namespace culvert {

// --- The request whose stream is kept

Result<void> Session::hear_replay() {
  if (!table_->settings().replay.on) return {};
  const auto asked = CULVERT_TRY(replay_asked(request_.headers));
  const bool routed = asked_.route != nullptr && asked_.route->replay;
  keeps_stream_ = request_.method == "POST" && asked.value_or(routed);
  if (!keeps_stream_) return {};
  // What is packed cannot be numbered.
  const bool packed = request_.headers.count("Accept-Encoding") > 0;
  if (packed) request_.headers.set("Accept-Encoding", "identity");
  return {};
}

// At the head that the client gets: of an answer that is an event stream, or of one that heartbeats
// have promised.
void Session::keep_stream(AnswerHead* down) {
  if (!keeps_stream_) return;
  const Credentials& credentials = heading().credentials;
  if (credentials.anonymous()) return;  // it would be anybody's
  KeptStreams::Order order;
  order.owner = {credentials.caller(), heading().upstream == nullptr ? "" : heading().alias};
  order.head = {std::string(*down->headers.find("content-type")), down->trailer};
  order.settings = table_->settings().replay;
  if (!client_.keep(services_.streams, std::move(order), services_.loop,
                    static_cast<ClientLinkSink&>(*this))) {
    return services_.metrics.count_replay_refused("no_room");
  }
  record_.kept = true;
  answer_.passes_whole_events();
  down->body = AnswerHead::Body::kUnknown;  // with its numbers it is longer
  down->headers.add("X-Culvert-Stream", client_.path());
}

void Session::go_on_without_client(ClientSide& nobody) {
  record_.left_ms = since_start_ms();
  or_fail([&] {
    client_.leave(nobody);
    on_client_drained();
  });
}

// To take a stream up for nobody costs another call.
void Session::on_nobody_reads() {
  const bool between = recovery_ != nullptr && !recovery_->streaming();
  if (!finished_ && between) or_fail([this] { break_off_unread(); });
}

void Session::break_off_unread() {
  broke_off_unread_ = true;
  fail(Error::upstream(Code::kUpstreamClosed, Stage::kBody, Retry::kNever,
                       "the stream broke off while nobody read it"));
}

void Session::on_unread() {
  if (finished_) return;
  or_fail([this] {
    if (answer_.ended()) return end_answer();
    const Error error = Error::ours(Code::kClientGone, Stage::kBody,
                                    "the client left, and nobody came for the rest of its stream");
    record_.stage = error.stage;
    record_.error = error.detail;
    client_.drop_unfinished();
    answer_.truncate(error, dialect());
    finish(Outcome::kAborted);
  });
}

void Session::note_replay() {
  if (record_.kept) record_.readers = static_cast<int>(client_.readers_ever());
  if (broke_off_unread_) record_.gave_up = "unread";
}

// --- The request that reads one on

void Session::read_stream() {
  record_.mode = "replay";
  record_.path = std::string(kStreamsPath) + "*";  // the id is a secret
  if (request_.method != "GET" && request_.method != "HEAD") {
    return answer(method_refused(request_, record_.id, services_));
  }
  if (!is_stream_id(where_.rest)) {
    return fail(Error::client(Code::kNotFound, Stage::kRoute,
                              "the path ends in no stream's id, as X-Culvert-Stream told it"));
  }
  const auto owner = services_.streams.owner(where_.rest);
  if (!owner || !brings_credential_of(*owner)) {
    services_.metrics.count_replay_refused(owner ? "credential" : "gone");
    return fail(stream_not_kept());
  }
  begin_replay();
}

bool Session::brings_credential_of(const StreamOwner& owner) {
  const Upstream* upstream =
      owner.upstream.empty() ? nullptr : table_->snapshot().upstream(owner.upstream);
  const Credentials who = read_credentials(request_.headers, where_.path, upstream,
                                           where_.token.reveal(), table_->tokens());
  if (who.fault || !equal_in_constant_time(who.caller(), owner.caller)) return false;
  record_.tenant = who.tenant;
  record_.token_id = who.token_id;
  return true;
}

void Session::begin_replay() {
  auto after = last_event_of(request_.headers);
  if (!after) return fail(std::move(after).error());
  auto reader = std::make_unique<ReplayReader>(client_, static_cast<ReplayReaderSink&>(*this));
  if (auto begun = reader->begin(services_.streams, services_.loop, where_.rest, *after); !begun) {
    services_.metrics.count_replay_refused(to_string(begun.error().code));
    return fail(std::move(begun).error());
  }
  AnswerHead head;
  head.headers.add("Content-Type", reader->head().content_type);
  head.headers.add("X-Request-Id", record_.id);
  head.headers.add("Cache-Control", "no-store");
  head.headers.add("X-Culvert-Stream", std::string(kStreamsPath) + where_.rest);
  head.body = AnswerHead::Body::kUnknown;
  head.trailer = reader->head().trailer;
  table_->cors().decorate(request_.headers, &head.headers);
  services_.metrics.count_replay_reader();
  reader_ = std::move(reader);
  record_.status = head.status;
  client_.send_head(std::move(head));
  if (request_.method == "GET") return reader_->pump();
  client_.send_end({});
  finish(Outcome::kOk);
}

void Session::on_replay_ready() {
  if (!finished_) or_fail([this] { reader_->pump(); });
}

void Session::on_replayed(std::string_view events) {
  record_.bytes_out += events.size();
  client_.send_body(events);
}

void Session::on_replay_over(bool whole) {
  if (whole) {
    client_.send_end(reader_->trailers());
    return finish(Outcome::kOk);
  }
  record_.stage = Stage::kBody;
  record_.error = "the stream ended unfinished";
  client_.cut();
  finish(Outcome::kTruncated);
}

}  // namespace culvert
