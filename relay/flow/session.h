// One request, from its head to its end: the table of contents of the relay. Its methods stand in
// the order of the request, and each ends by starting the next. Owned by the client's connection,
// on its worker's thread. Every failure goes through fail(), every end through finish(), once.
#pragma once

#include "relay/base/recycled.h"
#include "relay/base/short_list.h"
#include "relay/channel/timer.h"
#include "relay/codec/model_rewriter.h"
#include "relay/codec/request_parser.h"
#include "relay/codec/ws_handshake.h"
#include "relay/flow/answering.h"
#include "relay/flow/attempt.h"
#include "relay/flow/bill.h"
#include "relay/flow/body_beginning.h"
#include "relay/flow/client_link.h"
#include "relay/flow/client_side.h"
#include "relay/flow/course.h"
#include "relay/flow/heading.h"
#include "relay/flow/held_answer.h"
#include "relay/flow/late_answer.h"
#include "relay/flow/paying_key.h"
#include "relay/flow/plan.h"
#include "relay/flow/preference.h"
#include "relay/flow/recovery.h"
#include "relay/flow/replay_reader.h"
#include "relay/flow/reply.h"
#include "relay/flow/request_body.h"
#include "relay/flow/request_tunnel.h"
#include "relay/flow/services.h"
#include "relay/flow/verify.h"

#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace culvert {

class Session final : public Retirable,
                      public Recycled<Session>,
                      public ClientEvents,
                      private AttemptSink,
                      private SlotSink,
                      private VerifySink,
                      private RequestTunnelSink,
                      private ClientLinkSink,
                      private ReplayReaderSink {
 public:
  Session(WorkerServices& services, ClientSide& client, RequestHead head);
  ~Session() override;

  // Any of these may answer and end the session from inside.
  void start();
  void refuse(Error error);

  // ClientEvents
  void on_request_body(std::string_view bytes) override;
  void on_request_end() override;
  void on_request_broken(Error error) override;
  void on_client_drained() override;
  void on_client_gone() override;

  // As Exchange's.
  void rest();

  // Its stream is kept: where the client leaves, it goes on without, instead of on_client_gone().
  bool outlives_client() const { return !finished_ && client_.kept() && body_.whole(); }
  void go_on_without_client(ClientSide& nobody);
  const ClientSide& client() const { return client_; }

 private:
  // The request, step by step: session.cc.
  void on_request_head();
  void match_route();
  void admit();
  void plan_course();
  void begin_course();
  void enter_step();
  void take_turn();
  void choose_key();
  void connect();
  void send_request();
  // The answer, step by step: session_answer.cc.
  void on_head(const ResponseHead& head) override;
  void accept_answer(const ResponseHead& head);
  void carry_body(std::string_view bytes);
  void send_down(std::string_view bytes);
  void end_answer();
  void finish(Outcome outcome);
  void fail(Error error);

  // A stream that is taken up again: session_recovery.cc.
  void begin_recovery(const ResponseHead& head);
  void take_up(const ResponseHead& head);
  ResumeSettings resume_settings() const;
  std::string_view path_up() const;
  bool hold_answer(const ResponseHead& head);
  void keep_answer(std::string_view bytes);
  void judge_answer();
  void pass_answer();
  void follow(ResumeMove move);
  void lose_attempt(const ResumeMove& move);
  void record_lost(int status, const Usage& told, const Carry& carry);
  void ask_again(const ResumeMove& move);
  void enter_again();
  void rewind();
  std::string_view unsent() const;
  void mark_sent();
  int64_t growth() const;
  AttemptPlan plan_attempt(int64_t growth) const;
  void note_recovery();
  Headers trailers() const;

  // A client that is kept awake while it waits: session_heartbeat.cc.
  void start_heartbeats();
  void beat();
  bool asks_for_events();
  void tell_late();

  // A stream that is kept, and one that is read again: session_replay.cc.
  Result<void> hear_replay();
  void keep_stream(AnswerHead* down);
  void break_off_unread();
  void note_replay();
  void read_stream();
  bool brings_credential_of(const StreamOwner& owner);
  void begin_replay();

  // A request that becomes a tunnel: session_tunnel.cc.
  bool refuse_if_drained();
  bool hear_ws();
  void refuse_ws(WsRefusal refusal);
  bool nothing_upgrades() const;
  void new_ws_key();
  void switch_protocols(const ResponseHead& head);
  Headers agreement(const ResponseHead& head) const;
  void connect_through();
  Result<HostPort> connect_asked();
  ConnectPlan connect_plan(HostPort to) const;
  void on_through(Connection connection) override;
  void on_not_through(Error error, const Legs& legs) override;
  void on_tunnel_over(SpliceEnd end) override;
  void begin_tunnel(int status,
                    std::string_view reason,
                    Headers headers,
                    Switched upstream,
                    Timeouts timeouts,
                    Splice::Cuts cuts);

  // SlotSink
  void on_slot(Slot slot) override;
  void on_no_slot(Error error) override;

  // AttemptSink
  void on_connected() override;
  void on_interim(const ResponseHead& head) override;
  void on_body(std::string_view bytes) override;
  void on_end() override;
  void on_attempt_failed(Error error) override;
  void on_upload_drained() override;

  // VerifySink
  void on_verify_refused(Error error) override { fail(std::move(error)); }
  void on_verify_begins() override;
  void on_verified(std::string_view event) override;
  void on_verify_over() override;

  // ClientLinkSink
  void on_readers_drained() override { on_client_drained(); }
  void on_nobody_reads() override;
  void on_unread() override;

  // ReplayReaderSink
  void on_replay_ready() override;
  void on_replayed(std::string_view events) override;
  void on_replay_over(bool whole) override;

  // Around every call from outside: memory that runs out half way is an error of this request.
  template <class Step>
  void or_fail(Step step) {
    try {
      step();
    } catch (const std::bad_alloc&) {
      out_of_memory();
    }
  }
  void out_of_memory();
  bool has_body() const;
  bool answer_locally();
  void answer(LocalAnswer local);
  void verify();

  void head_for(const Destination* destination);
  void note_heading();
  Preference preference() const;
  std::optional<std::string> sticky_text() const;
  Stop stop_of(const Heading& heading) const;

  void take_body(std::string_view bytes);
  bool goes_straight_up() const;
  void read_beginning(std::string_view bytes);
  bool beginning_known() const;
  void wait_for_model(const Route& waiting);
  void model_not_found();
  bool send_unsent();
  void hold_back_client();

  void end_turn();
  void expire_turn();
  Result<void> next_key();
  PayingKey::Asked key_asked() const;
  std::string conversation() const;
  void conclude_refusal(bool whole);
  void no_key_left(const Decision& decision);

  // What an attempt came to, and what follows.
  Ending answer_of(const ResponseHead& head, bool key_refused) const;
  Decision judge(const Ending& ending);
  void give_up_or_go_on(Error error);
  void go_on(const Decision& decision);
  Progress progress() const;
  void stop_attempt();
  void tell(Error error);
  void settle(Outcome outcome);
  void account(Outcome outcome);
  void note_legs();
  void note_legs(const Legs& legs);
  double since_start_ms() const;
  const Heading& heading() const { return headings_.empty() ? nowhere() : headings_[at_]; }
  static const Heading& nowhere();
  Dialect dialect() const { return heading().dialect(); }
  Dialect answer_dialect() const;
  std::string metric_label() const;

  WorkerServices& services_;
  ClientLink client_;
  const std::shared_ptr<const Table> table_;
  RequestHead request_;
  const Instant started_;
  RequestRecord record_;

  Where where_;
  Asked asked_;
  // None before it is known who asks; more than one where the route offers more.
  ShortList<Heading, 1> headings_;
  size_t at_ = 0;                  // the one that is tried
  std::optional<Upstream> guest_;  // the generic proxy's host
  std::optional<Course> course_;

  RequestBody body_;
  BodyBeginning beginning_;
  enum class Awaited : uint8_t { kNothing, kRoute, kCourse } awaited_ = Awaited::kNothing;
  bool client_held_back_ = false;

  std::unique_ptr<SlotWait> turn_;
  std::optional<Slot> slot_;
  std::optional<PayingKey> key_;
  std::unique_ptr<Attempt> attempt_;
  std::optional<ModelRewriter> rewriter_;  // of the attempt's body
  bool body_ended_ = false;                // its end was handed to the attempt

  Bill bill_;
  Answering answer_;
  std::unique_ptr<HeldAnswer> held_;    // judged before the client gets it
  std::unique_ptr<LateAnswer> late_;    // came behind heartbeats, and is no stream
  bool asks_anew_ = false;              // an answer that came to nothing may be asked for again
  bool request_not_kept_ = false;       // for which alone the answer is not taken up
  std::unique_ptr<Recovery> recovery_;  // of an answer that is taken up where it breaks off
  std::optional<WsOffer> ws_;           // only of a WebSocket's request
  std::string ws_key_;                  // of the last attempt
  std::string ws_sent_;                 // the subprotocols that it offered
  std::optional<RequestTunnel> tunnel_;
  bool tunnelled_ = false;              // no HTTP goes down any more
  std::unique_ptr<Verify> verify_;      // only of a request to /verify
  bool verify_begun_ = false;
  bool keeps_stream_ = false;             // it is to be kept, if the answer is one
  bool broke_off_unread_ = false;         // and so was not taken up
  std::unique_ptr<ReplayReader> reader_;  // only of a request for a stream that is kept
  bool finished_ = false;
  Timer total_timer_;
  Timer step_timer_;   // before a further try
  Timer pause_timer_;  // before a stream is taken up again
  Timer turn_timer_;   // while it waits for its turn
  Duration heartbeat_{};  // without a byte down; zero: never
  Timer heartbeat_timer_;
  std::optional<bool> asks_for_events_;  // once it is known
};

}  // namespace culvert
