// One request, from its head to its end: the table of contents of the relay. Its methods stand in
// the order of the request, and each ends by starting the next. Owned by the client's connection,
// on its worker's thread. Every failure goes through fail(), every end through finish(), once.
#pragma once

#include "relay/channel/timer.h"
#include "relay/codec/json.h"
#include "relay/codec/prompt_prefix.h"
#include "relay/codec/request_parser.h"
#include "relay/flow/answering.h"
#include "relay/flow/attempt.h"
#include "relay/flow/bill.h"
#include "relay/flow/client_side.h"
#include "relay/flow/heading.h"
#include "relay/flow/paying_key.h"
#include "relay/flow/reply.h"
#include "relay/flow/request_body.h"
#include "relay/flow/services.h"
#include "relay/flow/verify.h"

#include <memory>
#include <string>
#include <vector>

namespace culvert {

class Session final : public Retirable,
                      public ClientEvents,
                      private AttemptSink,
                      private VerifySink {
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

 private:
  // The request, step by step.
  void on_request_head();
  void identify();
  void match_route();
  void admit();
  void choose_key();
  void connect();
  void send_request();
  void on_head(const ResponseHead& head) override;
  void carry_body(std::string_view bytes);
  void finish(Outcome outcome);
  void fail(Error error);

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

  template <class Step>
  void or_fail(Step step);
  void take_body(std::string_view bytes);
  void take_head(const ResponseHead& head);
  Result<void> next_key();
  PayingKey::Asked key_asked() const;
  void judge_refusal(bool whole);
  void try_next_key(bool whole);
  void pass_refusal(bool whole);
  void verify();
  void find_conversation();
  void scan_prompt(std::string_view bytes);
  void end_answer();
  void retry_or_fail(Error error);
  void tell(Error error);
  void settle(Outcome outcome);
  void account(Outcome outcome);
  bool answer_locally();
  void wait_for_model(const Route& waiting);
  void model_not_found();
  void scan_model(std::string_view bytes);
  void head_for(const Destination* destination);
  const Destination* pick_destination();
  void note_caller();
  void pick_target();
  void stop_attempt();
  void accept_answer(const ResponseHead& head);
  void answer(LocalAnswer local);
  void hold_back_client();
  void note_legs();
  double since_start_ms() const;
  Dialect dialect() const;
  Dialect answer_dialect() const;
  std::string metric_label() const;

  WorkerServices& services_;
  ClientSide& client_;
  const std::shared_ptr<const Table> table_;
  RequestHead request_;
  const Instant started_;
  RequestRecord record_;

  Where where_;
  Asked asked_;
  Heading heading_;
  Url target_;  // base of what is called

  RequestBody body_;
  ModelScanner scanner_;
  bool waiting_for_model_ = false;
  PromptPrefix prompt_;
  bool waiting_for_prompt_ = false;
  bool client_held_back_ = false;

  PayingKey key_;
  std::unique_ptr<Attempt> attempt_;
  bool fresh_connection_ = false;
  bool body_ended_ = false;  // its end was handed to the attempt

  Bill bill_;
  Answering answer_;
  std::unique_ptr<Verify> verify_;  // only of a request to /verify
  bool verify_begun_ = false;
  bool finished_ = false;
  Timer total_timer_;
};

}  // namespace culvert
